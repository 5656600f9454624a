"""Why vLLM or SGLang would not start, or serves fewer users than it could, and the change that mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import floor
from typing import Any

from planner.core.units import mem
from planner.engines.info import info
from planner.logs.reading import Finding, Reading

DEFAULT_UTILIZATION = 0.9
HIGHEST_UTILIZATION = 0.95
"""Above this share, graphs and the sampler's warm-up have been seen to run out of memory."""

FEW = 4.0
"""Requests of full length at once, below which the cache is what limits a server."""


def no_cache(reading: Reading) -> Finding | None:
    if not re.search(r"No available memory for the cache|Not enough memory\. Please", reading.failed_line):
        return None
    held = reading.total("weights", on_gpu=True)
    share = reading.options.get("gpu_memory_utilization", DEFAULT_UTILIZATION)
    what = f" Weights alone take {mem(held)} of each GPU." if held else ""
    if share < HIGHEST_UTILIZATION:
        change: dict[str, Any] = {"gpu_memory_utilization": HIGHEST_UTILIZATION}
        advice = (
            f"Raise {info(reading.engine).memory_flag} from {share:g} to {HIGHEST_UTILIZATION:g}; if that is not"
            " enough, use a smaller format or one more GPU."
        )
    else:
        change, advice = (
            {"max_num_seqs": 64},
            "The share is as high as is safe: run fewer sequences at once, use a smaller format, or one more GPU.",
        )
    return Finding(
        "Nothing is left for the KV cache",
        f"Weights and activations fill the engine's share of the card.{what} {advice}",
        change,
    )


def too_long(reading: Reading) -> Finding | None:
    context = reading.options.get("context")
    if not re.search(r"max seq len", reading.failed_line) or not context:
        return None
    if reading.needed_bytes and reading.pool_bytes:
        most = reading.longest or floor(context * reading.pool_bytes / reading.needed_bytes)
        why = (
            f"One request of {context:,} tokens needs {mem(reading.needed_bytes)} and the pool is"
            f" {mem(reading.pool_bytes)}."
        )
    else:
        most = reading.pool_tokens or 0
        why = f"One request may be {context:,} tokens long and the pool holds {most:,}."
    fitting = most // 1024 * 1024 or most
    if not fitting:
        return Finding(
            "Not one request of full length fits the pool",
            f"{why} Use a smaller format, one more GPU, or an 8-bit cache.",
            {"kv_cache_dtype": "fp8"},
        )
    return Finding(
        "Not one request of full length fits the pool",
        f"{why} A context of {fitting:,} fits; an 8-bit cache about doubles that.",
        {"context": fitting},
    )


def taken_before(reading: Reading) -> Finding | None:
    if (
        "on startup is less than desired" not in reading.failed_line
        or not reading.total_bytes
        or reading.free_bytes is None
    ):
        return None
    share = max(floor(100 * reading.free_bytes / reading.total_bytes) - 2, 1) / 100
    other = reading.total_bytes - reading.free_bytes
    return Finding(
        "Another process holds part of the card",
        f"{mem(other)} of {mem(reading.total_bytes)} were taken before the engine started. Stop what holds them, or"
        f" give the engine {share:g} of the card.",
        {"gpu_memory_utilization": share},
    )


def sampler(reading: Reading) -> Finding | None:
    found = re.search(r"warming up sampler with (\d{1,6})", reading.failed_line)
    if not found:
        return None
    fewer = max(int(found[1]) // 4, 1)
    return Finding(
        "The sampler's warm-up ran out of memory",
        f"After the pool is made, logits of {int(found[1]):,} sequences are sorted once, and no room was left. Allow"
        f" {fewer:,} sequences, or give the engine less of the card, so that more stays outside its pool.",
        {"max_num_seqs": fewer},
    )


def graphs(reading: Reading) -> Finding | None:
    if "Capture cuda graph failed" not in reading.failed_line:
        return None
    share = round(reading.options.get("gpu_memory_utilization", 0.88) - 0.05, 3)
    return Finding(
        "No room was left for CUDA graphs",
        f"They lie outside the pool. Lower {info(reading.engine).memory_flag} to {share:g}, or run without graphs"
        " (slower).",
        {"gpu_memory_utilization": share},
    )


def out_of_memory(reading: Reading) -> Finding | None:
    if "CUDA out of memory" not in reading.failed_line:
        return None
    asked = f" It asked for {mem(reading.failed_bytes)}." if reading.failed_bytes else ""
    of = f" of a card of {mem(reading.total_bytes)}" if reading.total_bytes else ""
    if reading.pool_bytes or reading.pool_tokens:
        share = round(reading.options.get("gpu_memory_utilization", DEFAULT_UTILIZATION) - 0.05, 3)
        return Finding(
            "Out of memory after the pool was made",
            f"What came later{of} found no room: graphs, warm-up, or another process.{asked} Give the engine {share:g}"
            " of the card.",
            {"gpu_memory_utilization": share},
        )
    degree = reading.options.get("tensor_parallel", 1)
    return Finding(
        "Out of memory while the weights were loaded or profiled",
        f"They do not fit{of}.{asked} Use a smaller format, or cut the model over {2 * degree} GPUs.",
        {"tensor_parallel": 2 * degree},
    )


def heads(reading: Reading) -> Finding | None:
    if not re.search(r"divisible by (?:tensor parallel|tp_size)|not divisible by tp_size", reading.failed_line):
        return None
    return Finding(
        "The model cannot be cut that many ways",
        f"{reading.failed_line}. Leave the degree out to use the largest that divides it.",
        {"tensor_parallel": None},
    )


def groups(reading: Reading) -> Finding | None:
    if not re.search(r"block_[nk]|min_thread_[nk]|quantized weight shape", reading.failed_line):
        return None
    degree = reading.options.get("tensor_parallel", 2)
    return Finding(
        "Tensor parallel cuts through a group of quantized weights",
        "Each rank must hold whole groups that share a scale. Halve the degree, or keep experts whole.",
        {"tensor_parallel": max(degree // 2, 1)},
    )


def bfloat16(reading: Reading) -> Finding | None:
    if "Bfloat16" not in reading.failed_line:
        return None
    return Finding(
        "The card has no bfloat16",
        "It came with compute capability 8.0 (Ampere). Load the weights in float16.",
        {"quantization": "fp16"},
    )


def format_unsupported(reading: Reading) -> Finding | None:
    if "quantization method" not in reading.failed_line:
        return None
    return Finding(
        "The card cannot run this format",
        f"{reading.failed_line}. GPTQ runs from compute capability 7.0 on.",
        {"quantization": "gptq-int4"},
    )


def derived_length(reading: Reading) -> Finding | None:
    if "derived max_model_len" not in reading.failed_line:
        return None
    return Finding(
        "The context is longer than the model declares",
        "Leave --max-model-len out, or set it to what the config says.",
        {},
    )


def few_users(reading: Reading) -> Finding | None:
    if reading.failed_line or reading.concurrency is None or reading.concurrency >= FEW:
        return None
    cache = str(reading.options.get("kv_cache_dtype", ""))
    change: dict[str, Any] = {} if cache.startswith("fp8") else {"kv_cache_dtype": "fp8"}
    return Finding(
        f"Only {reading.concurrency:.1f} requests of full length fit at once",
        "More wait in the queue or are computed again. An 8-bit cache doubles that, a shorter context too.",
        change,
    )


RULES: tuple[Callable[[Reading], Finding | None], ...] = (
    no_cache, too_long, taken_before, sampler, graphs, heads, groups, bfloat16, format_unsupported, derived_length,
    out_of_memory, few_users,
)  # fmt: skip
