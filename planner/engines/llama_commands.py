"""Commands of llama.cpp and Ollama for a layout, with only the flags that differ from the defaults."""

from __future__ import annotations

from planner.engines.base import Command
from planner.engines.llama_layout import Layout

CACHE_FLAGS = {"fp16": "f16", "fp32": "f32"}


def llama_cpp(layout: Layout) -> tuple[Command, ...]:
    """`llama-server` with the model from the Hub."""
    request, split = layout.case.request, layout.split
    name = layout.case.name
    repo = name if name.lower().endswith("-gguf") else f"{name}-GGUF"
    model = f"-hf {repo}:{layout.file.file_type}" if "/" in name else f"-m {name.replace(' ', '-')}-{layout.file.file_type}.gguf"
    cache = CACHE_FLAGS.get(layout.cache_name, layout.cache_name)
    shares = request.tensor_split or layout.own_shares
    flags = [
        (True, f"-c {request.context * request.batch}"),
        (True, f"-np {request.batch}"),
        (bool(layout.case.gpus), f"-ngl {split.gpu_layers}"),
        (split.cpu_moe_layers > 0, f"--n-cpu-moe {split.cpu_moe_layers}"),
        (cache != "f16", f"-ctk {cache}"),
        (cache != "f16" and not layout.latent, f"-ctv {cache}"),
        (request.flash_attention is not None, f"-fa {'on' if request.flash_attention else 'off'}"),
        (bool(shares), "-ts " + ",".join(f"{share:g}" for share in shares)),
        (request.split_mode not in (None, "layer"), f"-sm {request.split_mode}"),
        (request.ubatch not in (None, 512), f"-ub {request.ubatch}"),
        ((request.ubatch or 512) > 2_048, f"-b {request.ubatch}"),
        (request.batch > 1 and layout.cells.streams == 1, "--kv-unified"),
        (bool(request.swa_full), "--swa-full"),
    ]
    return (Command("llama-server", " \\\n  ".join([f"llama-server {model}", *(flag for wanted, flag in flags if wanted)])),)


def ollama(layout: Layout) -> tuple[Command, ...]:
    """The server with its environment, the run, and a Modelfile that keeps the choices with the model."""
    request, split = layout.case.request, layout.split
    name = layout.case.name
    repo = name if name.lower().endswith("-gguf") else f"{name}-GGUF"
    tag = f"hf.co/{repo}:{layout.file.file_type}" if "/" in name else f"{name.replace(' ', '-').lower()}:{layout.file.file_type.lower()}"
    cache = CACHE_FLAGS.get(layout.cache_name, layout.cache_name)
    variables = [
        (True, f"OLLAMA_CONTEXT_LENGTH={request.context}"),
        (request.batch > 1, f"OLLAMA_NUM_PARALLEL={request.batch}"),
        (request.flash_attention is not None or cache != "f16", f"OLLAMA_FLASH_ATTENTION={int(request.flash_attention is not False)}"),
        (cache != "f16", f"OLLAMA_KV_CACHE_TYPE={cache}"),
    ]
    server = " ".join([*(text for wanted, text in variables if wanted), "ollama serve"])
    lines = [f"FROM {tag}", f"PARAMETER num_ctx {request.context}"]
    if layout.case.gpus and not split.whole:
        lines.append(f"PARAMETER num_gpu {split.gpu_layers}")
    own = f"{name.rsplit('/', 1)[-1].replace(' ', '-').lower()}-plan"
    create = Command("Create and run with the Modelfile", f"ollama create {own} -f Modelfile && ollama run {own}")
    return (Command("Server", server), Command("Run", f"ollama run {tag}"), Command("Modelfile", "\n".join(lines)), create)
