"""Commands of llama.cpp and Ollama for a layout, with only the flags that differ from the defaults."""

from __future__ import annotations

import re

from planner import catalog
from planner.case import Command, word
from planner.core.data import table
from planner.engines.llama_cpp.layout import Layout

TAG = re.compile(r"[a-z][a-z0-9.-]*:[a-z0-9.-]+")
CACHE_FLAGS = {"fp16": "f16", "fp32": "f32"}


def llama_cpp(layout: Layout) -> tuple[Command, ...]:
    """`llama-server` with the model from the Hub."""
    request, split = layout.case.request, layout.split
    name = layout.case.name
    model = f"-hf {word(f'{name}:{layout.file.file_type}')}" if is_repository(name) else f"-m {file_name(layout)}"
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
    return (
        Command("llama-server", " \\\n  ".join([f"llama-server {model}", *(flag for wanted, flag in flags if wanted)])),
    )


def ollama(layout: Layout) -> tuple[Command, ...]:
    """The server with its environment, the run, and a Modelfile that keeps the choices with the model."""
    request, split = layout.case.request, layout.split
    name = layout.case.name
    tag = library_tag(layout) or (
        f"hf.co/{'-'.join(name.split())}:{layout.file.file_type}" if is_repository(name) else f"./{file_name(layout)}"
    )
    cache = CACHE_FLAGS.get(layout.cache_name, layout.cache_name)
    variables = [
        (True, f"OLLAMA_CONTEXT_LENGTH={request.context}"),
        (request.batch > 1, f"OLLAMA_NUM_PARALLEL={request.batch}"),
        (
            request.flash_attention is not None or cache != "f16",
            f"OLLAMA_FLASH_ATTENTION={int(request.flash_attention is not False)}",
        ),
        (cache != "f16", f"OLLAMA_KV_CACHE_TYPE={cache}"),
    ]
    server = " ".join([*(text for wanted, text in variables if wanted), "ollama serve"])
    lines = [f"FROM {tag}", f"PARAMETER num_ctx {request.context}"]
    if layout.case.gpus and not split.whole:
        lines.append(f"PARAMETER num_gpu {split.gpu_layers}")
    own = f"{plain(name).lower()}-plan"
    create = Command("Create and run with the Modelfile", f"ollama create {own} -f Modelfile && ollama run {own}")
    run = () if tag.startswith("./") else (Command("Run", f"ollama run {word(tag)}"),)
    return (Command("Server", server), *run, Command("Modelfile", "\n".join(lines)), create)


def is_repository(name: str) -> bool:
    """Whether a model's name is a repository of GGUF files on the Hub."""
    return "/" in name and name.lower().endswith("-gguf")


def file_name(layout: Layout) -> str:
    """The file as publishers name it: whose it is does not follow from the model."""
    return f"{plain(layout.case.name)}-{layout.file.file_type}.gguf"


def plain(name: str) -> str:
    """A model's name without its owner, as a name of a file: letters, digits and dots, with a dash for all else."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", name.rstrip("/").rsplit("/", 1)[-1]).strip("-.") or "model"


def library_tag(layout: Layout) -> str | None:
    """The tag of Ollama's library that holds this model in this type, where the catalogue knows one: its short tags
    hold one type each.
    """
    known = catalog.models().get(layout.case.name)
    tag = next((alias for alias in known.aliases if TAG.fullmatch(alias)), None) if known else None
    return tag if library_default(layout.case.name)["file_type"] == layout.file.file_type else None


def library_default(name: str) -> dict[str, str]:
    """The row of `data/ollama_defaults.csv` for a model: what a tag of the library without a type holds."""
    return next(
        row
        for row in table("ollama_defaults")
        if not row["models"] or name.lower().startswith(tuple(row["models"].split()))
    )
