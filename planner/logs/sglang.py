"""The start-up log of SGLang, of versions 0.4 on: arguments, weights, the pool, graphs, and why it would not start."""

from __future__ import annotations

import re

from planner.logs import lines
from planner.logs.reading import Reading
from planner.logs.serving_lines import CUDA_OUT, configured, failed, option, part, put, size, tried, truth, whole

ARGUMENTS = (
    option("model", r"model_path=['\"]([\w./-]{3,120})['\"]"),
    option("context", r"context_length=(\d{1,9})", int),
    option("tensor_parallel", r"tp_size=(\d{1,4})", int),
    option("pipeline_parallel", r"pp_size=(\d{1,4})", int),
    option("data_parallel", r"dp_size=(\d{1,4})", int),
    option("gpu_memory_utilization", r"mem_fraction_static=(0?\.\d{1,6})", float),
    option("max_num_seqs", r"max_running_requests=(\d{1,6})", int),
    option("max_num_batched_tokens", r"chunked_prefill_size=(\d{1,8})", int),
    option("enforce_eager", r"disable_cuda_graph=(True|False)", truth),
    option("kv_cache_dtype", r"kv_cache_dtype=['\"](\w{2,12})"),
    option("method", r"[ ,]quantization=['\"](\w{2,30})"),
)


def _pool(reading: Reading, match: re.Match[str]) -> None:
    reading.pool_tokens, reading.pool_bytes = whole(match[1]), size(match[2]) + size(match[3])


def _latent_pool(reading: Reading, match: re.Match[str]) -> None:
    reading.pool_tokens, reading.pool_bytes = whole(match[1]), size(match[2])


def _sizes(reading: Reading, match: re.Match[str]) -> None:
    reading.pool_tokens, reading.options["context"] = whole(match[1]), int(match[2])


def _full(reading: Reading, match: re.Match[str]) -> None:
    reading.total_bytes, reading.free_bytes = size(match[1]), size(match[2], match[3])


LINES = lines.table(
    (
        (r"server_args=ServerArgs\(.{0,1900}", configured(ARGUMENTS)),
        (r"sglang(?:-|==| version[: ]{1,4})v?(\d[\w.]{2,20})", put("version")),
        (r"Load weight begin\. avail mem=(<size>) GB", put("free_bytes", size)),
        (r"Load weight end\..{0,200}mem usage=(<size>) GB", part("weights")),
        (r"KV Cache is allocated\..{0,40}#tokens: (<count>), K size: (<size>) GB, V size: (<size>) GB", _pool),
        (r"KV Cache is allocated\..{0,40}#tokens: (<count>), KV size: (<size>) GB", _latent_pool),
        (r"max_total_num_tokens=(\d{1,12}),.{0,160}context_len=(\d{1,9})", _sizes),
        (r"Capture cuda graph end\..{0,60}mem usage=(<size>) GB", put("graphs_bytes", size)),
        (r"Not enough memory\. Please try to increase --mem-fraction-static", failed),
        (r"has a total capac\w{1,4} of (<size>) GiB of which (<size>) (GiB|MiB)", _full),
        (CUDA_OUT, tried),
        (r"Capture cuda graph failed: .{0,80}", failed),
        (
            (
                r"is not divisible by weight quantization block_[nk]|not divisible by tp_size|must be divisible by"
                r" tensor parallel size"
            ),
            failed,
        ),
    )
)


def read(text: str) -> Reading:
    """Gather the facts of a log; unknown lines are passed over."""
    return lines.read(text, Reading(engine="sglang"), LINES)
