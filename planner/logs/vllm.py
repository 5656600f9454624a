"""The start-up log of vLLM, of versions 0.5 to 0.26: configuration, weights, the pool, graphs, and why it would not
start.
"""

from __future__ import annotations

import re

from planner.logs import lines
from planner.logs.reading import Reading
from planner.logs.serving_lines import CUDA_OUT, configured, failed, option, part, put, size, tried, truth, whole

CONFIGURATION = (
    option("model", r"model(?:_tag)?['\"]?[=:] ?['\"]([\w./-]{3,120})['\"]"),
    option("context", r"max_(?:seq_len|model_len)['\"]?[=:] ?(\d{1,9})", int),
    option("tensor_parallel", r"tensor_parallel_size['\"]?[=:] ?(\d{1,4})", int),
    option("pipeline_parallel", r"pipeline_parallel_size['\"]?[=:] ?(\d{1,4})", int),
    option("data_parallel", r"data_parallel_size['\"]?[=:] ?(\d{1,4})", int),
    option("gpu_memory_utilization", r"gpu_memory_utilization['\"]?[=:] ?(0?\.\d{1,6}|1\.0)", float),
    option("max_num_seqs", r"max_num_seqs['\"]?[=:] ?(\d{1,6})", int),
    option("max_num_batched_tokens", r"max_num_batched_tokens['\"]?[=:] ?(\d{1,8})", int),
    option("enforce_eager", r"enforce_eager['\"]?[=:] ?(True|False)", truth),
    option("kv_cache_dtype", r"kv_cache_dtype['\"]?[=:] ?['\"]?(\w{2,12})"),
    option("dtype", r"[ ,]dtype['\"]?[=:] ?['\"]?(?:torch\.)?(\w{4,8})"),
    option("method", r"[ ,]quantization['\"]?[=:] ?['\"]?(\w{2,30})"),
)


def _version(reading: Reading, match: re.Match[str]) -> None:
    reading.version = match[1]


def _old_budget(reading: Reading, match: re.Match[str]) -> None:
    reading.total_bytes, reading.options["gpu_memory_utilization"] = size(match[1]), float(match[2])


def _too_long(reading: Reading, match: re.Match[str]) -> None:
    reading.options["context"], reading.needed_bytes, reading.pool_bytes = (
        whole(match[1]),
        size(match[2]),
        size(match[3]),
    )
    failed(reading, match)


def _longer_than_pool(reading: Reading, match: re.Match[str]) -> None:
    reading.options["context"], reading.pool_tokens = whole(match[1]), whole(match[2])
    failed(reading, match)


def _taken(reading: Reading, match: re.Match[str]) -> None:
    reading.free_bytes, reading.total_bytes, reading.options["gpu_memory_utilization"] = (
        size(match[1]),
        size(match[2]),
        float(match[3]),
    )
    failed(reading, match)


def _blocks(reading: Reading, match: re.Match[str]) -> None:
    reading.pool_tokens = whole(match[1]) * 16


def _pool(reading: Reading, match: re.Match[str]) -> None:
    """Every rank prints its own; the smallest decides."""
    amount = size(match[1])
    reading.pool_bytes = min(amount, reading.pool_bytes or amount)


def _full(reading: Reading, match: re.Match[str]) -> None:
    reading.total_bytes, reading.free_bytes = size(match[1]), size(match[2], match[3])


LINES = lines.table(
    (
        (r"Initializing an? (?:V1 )?LLM engine \(v([\w.+-]{3,30})\)", _version),
        (r"vLLM (?:API server )?version v?(\d[\w.+-]{2,30})", _version),
        (
            r"(?:LLM engine \(v|non-default args|args: Namespace|engine_config|Starting vLLM).{0,1900}",
            configured(CONFIGURATION),
        ),
        (r"Using max model len (\d{1,9})", lambda r, m: r.options.__setitem__("context", int(m[1]))),
        (r"max_num_batched_tokens=(\d{1,8})", lambda r, m: r.options.__setitem__("max_num_batched_tokens", int(m[1]))),
        (r"(?:Loading model weights|Model loading) took (<size>) G", part("weights")),
        (r"model weights take (<size>)GiB", part("weights")),
        (r"activation peak memory takes (<size>)GiB", part("activation")),
        (r"torch peak memory increase: (<size>)GiB", part("activation")),
        (r"total_gpu_memory \((<size>)GiB\) x gpu_memory_utilization \((<size>)\)", _old_budget),
        (r"reserved for KV Cache is (<size>)GiB", _pool),
        (r"Available KV cache memory: (-?<size>) GiB", _pool),
        (r"GPU KV cache size: (<count>) tokens", put("pool_tokens", whole)),
        (r"# (?:GPU|cuda) blocks: (<count>)", _blocks),
        (r"Maximum concurrency for <count> tokens per request: (<size>)x", put("concurrency", float)),
        (r"Graph capturing finished in .{1,20}, took (<size>) GiB", put("graphs_bytes", size)),
        (r"Estimated CUDA graph memory: (<size>) GiB", put("graphs_bytes", size)),
        (r"estimated maximum model length is (\d{1,9})", put("longest", int)),
        (r"No available memory for the cache blocks", failed),
        (
            (
                r"max seq len \((<count>)\), \(?(<size>) GiB KV cache is needed, which is larger than the available KV"
                r" cache memory \((<size>) GiB\)"
            ),
            _too_long,
        ),
        (
            (
                r"max seq len \((<count>)\) is larger than the maximum number of tokens that can be stored in KV cache"
                r" \((<count>)\)"
            ),
            _longer_than_pool,
        ),
        (
            (
                r"Free memory on device \S{0,12} ?\((<size>)/(<size>) GiB\) on startup is less than desired GPU memory"
                r" utilization \((<size>)"
            ),
            _taken,
        ),
        (r"out of memory occurred when warming up sampler with \d{1,6} dummy requests", failed),
        (r"has a total capac\w{1,4} of (<size>) GiB of which (<size>) (GiB|MiB)", _full),
        (CUDA_OUT, tried),
        (r"Total number of attention heads \(\d{1,4}\) must be divisible by tensor parallel size \(\d{1,4}\)", failed),
        (r"Bfloat16 is only supported on GPUs with compute capability of at least 8\.0", failed),
        (r"quantization method [\w'-]{2,30} is not supported for the current GPU", failed),
        (r"User-specified max_model_len \(<count>\) is greater than the derived max_model_len", failed),
        (
            (
                r"is not divisible by weight quantization block_[nk]|is not divisible by min_thread_[nk]|not aligned"
                r" with"
                r" the quantized weight shape"
            ),
            failed,
        ),
    )
)


def read(text: str) -> Reading:
    """Gather the facts of a log; unknown lines are passed over."""
    return lines.read(text, Reading(engine="vllm"), LINES)
