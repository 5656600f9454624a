"""What a log's facts mean: why it failed or is slow, and the change that mends it."""

from __future__ import annotations

from collections.abc import Callable

from planner.core.units import mem
from planner.logs import serving_findings
from planner.logs.reading import Finding, Reading


def out_of_memory(reading: Reading) -> Finding | None:
    if not reading.failed_line:
        return None
    what = (
        f"an allocation of {mem(reading.failed_bytes)} on GPU {reading.failed_device}"
        if reading.failed_bytes
        else "an allocation"
    )
    placed = sum(buffer.bytes for buffer in reading.buffers if buffer.on_gpu)
    before = f" after {mem(placed)} had been placed" if placed else ""
    shorter = {"context": max(reading.request().get("context", 8_192) // 2, 512)}
    return Finding(
        "Out of memory",
        f"The engine asked for {what}{before}, and the device had no more. Shorten the context, quantize the cache, or"
        " put fewer layers on the GPU.",
        shorter,
    )


def layers_on_cpu(reading: Reading) -> Finding | None:
    if reading.layers is None or reading.layers_on_gpu is None or reading.layers_on_gpu >= reading.layers:
        return None
    left = reading.layers - reading.layers_on_gpu
    return Finding(
        f"{left} of {reading.layers} layers run on the CPU",
        f"{mem(reading.total('weights', on_gpu=False))} of weights lie in system memory, and every token reads them"
        " there: that bounds the speed. A smaller quantization, a shorter context or a second GPU brings them onto the"
        " GPU.",
        {"gpu_layers": None},
    )


def cache_on_host(reading: Reading) -> Finding | None:
    spilled = reading.total("kv_cache", on_gpu=False)
    if not spilled or not any(buffer.on_gpu for buffer in reading.buffers):
        return None
    return Finding(
        f"{mem(spilled)} of the KV cache lie in system memory",
        "Attention over them runs on the CPU and slows down as the context fills. Shorten the context or quantize the"
        " cache.",
        {"kv_cache_dtype": "q8_0"},
    )


def no_gpu(reading: Reading) -> Finding | None:
    if not reading.buffers or any(buffer.on_gpu for buffer in reading.buffers):
        return None
    return Finding(
        "No GPU was used",
        "Every buffer lies in system memory. Install a build with a GPU backend, or check that the driver is seen.",
    )


def without_flash_attention(reading: Reading) -> Finding | None:
    if reading.flash_attention is not False or (reading.context or 0) < 8_192:
        return None
    return Finding(
        "Flash attention is off",
        "The compute buffer grows with the context times the batch. Switch flash attention on (-fa on).",
        {"flash_attention": True},
    )


RULES: tuple[Callable[[Reading], Finding | None], ...] = (
    out_of_memory,
    no_gpu,
    layers_on_cpu,
    cache_on_host,
    without_flash_attention,
)


def findings(reading: Reading) -> tuple[Finding, ...]:
    """Everything that the log shows to be wrong, the worst first; empty when it loaded as it should."""
    rules = serving_findings.RULES if reading.serves else RULES
    return tuple(found for rule in rules if (found := rule(reading)) is not None)
