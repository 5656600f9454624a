"""The logs of llama.cpp and Ollama, of 2024 to 2026 builds: a table of line patterns, each with what it tells.

Patterns search within a line, so prefixes of journald, Docker or a time stamp do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from planner.logs import lines
from planner.logs.lines import Take
from planner.logs.reading import Buffer, Kind, Reading

UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

FILE_TYPES = re.compile(r"\b(I?Q\d)_?(K)?(?:[ _-]+(Small|Medium|Large|S|M|L|XS|XXS|NL|0|1))?\b", re.IGNORECASE)


def size(number: str, unit: str) -> int:
    return round(float(number) * UNITS[unit])


def _set(name: str, convert: Callable[[str], Any] = str) -> Take:
    """A line that states one fact; the last such line counts, as a restarted load overrides the first."""
    return lambda reading, match: setattr(reading, name, convert(match[1]))


def _buffer(kind: Kind) -> Take:
    def take(reading: Reading, match: re.Match[str]) -> None:
        reading.buffers.append(Buffer(match[1], kind, size(match[2], "MiB")))

    return take


def _ollama_buffer(kind: Kind) -> Take:
    def take(reading: Reading, match: re.Match[str]) -> None:
        reading.engine = "ollama"
        amount = size(match[2], match[3])
        if amount:
            reading.buffers.append(Buffer(match[1], kind, amount))

    return take


def _layers(reading: Reading, match: re.Match[str]) -> None:
    if reading.layers is not None:
        reading.buffers.clear()  # the load was repeated with another split; only the last one is in memory
    reading.layers_on_gpu, reading.layers = int(match[1]), int(match[2])


def _ollama_layers(reading: Reading, match: re.Match[str]) -> None:
    reading.engine = "ollama"
    reading.layers, reading.layers_on_gpu = int(match[1]), int(match[2])


def _device(reading: Reading, match: re.Match[str]) -> None:
    reading.devices.append(match[1].strip())


def _ollama_device(reading: Reading, match: re.Match[str]) -> None:
    """The line of one processor: a GPU where its library is not the CPU's."""
    library, name = (
        re.search(r"library=(\w{1,20})", match[0]),
        re.search(r"(?:description|name)=\"([^\"]{3,80})\"", match[0]),
    )
    if library and name and not library[1].startswith("cpu"):
        reading.devices.append(name[1].strip())


def _failed(reading: Reading, match: re.Match[str]) -> None:
    reading.failed_bytes, reading.failed_device, reading.failed_line = size(match[1], "MiB"), match[2], match[0].strip()


def _failed_without_size(reading: Reading, match: re.Match[str]) -> None:
    reading.failed_line = reading.failed_line or match[0].strip()


def _command(reading: Reading, match: re.Match[str]) -> None:
    """Ollama prints the command of its runner; its flags are the request."""
    reading.engine = "ollama"
    text = match[0]
    if found := re.search(r"--ctx-size (\d{1,9})", text):
        reading.context = int(found[1])
    if found := re.search(r"--parallel (\d{1,5})", text):
        reading.sequences = int(found[1])
    if found := re.search(r"--kv-cache-type (\w{2,8})", text):
        reading.cache_type = found[1]
    if "--flash-attn" in text:
        reading.flash_attention = True


def _cache_line(reading: Reading, match: re.Match[str]) -> None:
    reading.cache_type = match[1].lower()


def _switch(text: str) -> bool:
    return text.lower() in ("1", "enabled", "true", "on")


LINES = lines.table(
    (
        (r"general\.name str += (.{1,120})", _set("model", str.strip)),
        (
            r"(?:print_info|llm_load_print_meta): +(?:file type|model ftype) += (.{1,60})",
            lambda r, m: setattr(r, "file_type", file_type(m[1])),
        ),
        (r"file_type=\"?([\w -]{2,30}?)\"? (?:name|num)", lambda r, m: setattr(r, "file_type", file_type(m[1]))),
        (r"architecture=\w{1,40} file_type=.{2,40} name=\"([^\"]{2,80})\" num_tensors", _set("model", str.strip)),
        (r"msg=\"inference compute\" .{0,600}", _ollama_device),
        (r"(?:print_info|llm_load_print_meta): +model params += (.{1,20})", _set("parameters", str.strip)),
        (r"Device \d{1,2}: ([^,]{3,80}), compute capability", _device),
        (r"ggml_vulkan: \d{1,2} = ([^(|]{3,80})", _device),
        (r"ggml_metal_(?:device_)?init: (?:found device|GPU name): +(.{3,60})", _device),
        (r"offloaded (\d{1,4})/(\d{1,4}) layers to GPU", _layers),
        (r"msg=\"?offload(?: to \w{1,20})?\"?.{0,80}layers\.model=(\d{1,4}) layers\.offload=(\d{1,4})", _ollama_layers),
        (r"msg=\"starting (?:llama|ollama).{0,20}\" cmd=.{0,1500}", _command),
        (r"(?:load_tensors|llm_load_tensors): +(\S{2,30})(?: model)? buffer size = +(<size>) MiB", _buffer("weights")),
        (r"llama_kv_cache\w{0,20}: +(\S{2,30}) KV buffer size = +(<size>) MiB", _buffer("kv_cache")),
        (
            r"(?:llama_memory_recurrent|llama_kv_cache\w{0,20}): +(\S{2,30}) RS buffer size = +(<size>) MiB",
            _buffer("state"),
        ),
        (r"llama_\w{1,30}: +(\S{2,30}) compute buffer size = +(<size>) MiB", _buffer("activation")),
        (r"llama_\w{1,30}: +(\S{2,30}) +output buffer size = +(<size>) MiB", _buffer("output")),
        (r"msg=\"model weights\" (?:buffer|device)=(\S{2,30}) size=\"(<size>) (<unit>)\"", _ollama_buffer("weights")),
        (r"msg=\"kv cache\" device=(\S{2,30}) size=\"(<size>) (<unit>)\"", _ollama_buffer("kv_cache")),
        (
            r"msg=\"compute graph\" (?:backend=\S{1,40} buffer_type|device)=(\S{2,30}) size=\"(<size>) (<unit>)\"",
            _ollama_buffer("activation"),
        ),
        (
            r"(?:llama_context|llama_new_context_with_model|llama_init_from_model): n_ctx += (\d{1,9})",
            _set("context", int),
        ),
        (r"llama_\w{1,30}: n_seq_max += (\d{1,5})", _set("sequences", int)),
        (r"llama_\w{1,30}: n_ubatch += (\d{1,6})", _set("ubatch", int)),
        (r"llama_\w{1,30}: flash_attn += (\w{1,8})", _set("flash_attention", _switch)),
        (r"llama_\w{1,30}: kv_unified += (\w{1,8})", _set("unified", _switch)),
        (r"K \((\w{2,8})\): +<size> MiB, V \(", _cache_line),
        (r"allocating (<size>) MiB on device (\d{1,3}): cudaMalloc failed: out of memory", _failed),
        (
            (
                r"CUDA error: out of memory|cudaMalloc failed: out of memory|ErrorOutOfDeviceMemory|failed to allocate"
                r" \w{1,20} buffer|model requires more system memory.{0,80}"
            ),
            _failed_without_size,
        ),
    )
)


def file_type(text: str) -> str:
    """A file type as requests spell it: `Q4_K - Medium` and `Q4_K_M` are both Q4_K_M; unknown text gives nothing."""
    match = FILE_TYPES.search(text.strip())
    if not match:
        return next((name for name in ("BF16", "F16", "F32", "MXFP4_MOE") if name.split("_")[0] in text.upper()), "")
    base, k, variant = match[1].upper(), match[2], (match[3] or "").upper()
    variant = {"SMALL": "S", "MEDIUM": "M", "LARGE": "L"}.get(variant, variant)
    return "_".join(part for part in (base, "K" if k else "", variant) if part)


def read(text: str) -> Reading:
    """Gather the facts of a log; unknown lines are passed over."""
    return lines.read(text, Reading(engine="llama.cpp"), LINES)
