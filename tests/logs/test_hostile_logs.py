"""Logs that nobody's engine prints: numbers that are none, lines that repeat a prefix, lengths beyond every bound."""

from __future__ import annotations

import random
import re

import pytest

from planner.core.errors import PlanError
from planner.logs import lines, llama_cpp, sglang, vllm
from planner.logs.findings import findings
from planner.logs.readers import read
from planner.plan import plan
from planner.request import PlanRequest
from ui.log import EXAMPLE, buffers, headline, placed, usable

VLLM = """\
INFO Initializing a V1 LLM engine (v0.11.0) with config: model='Qwen/Qwen3-32B', dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=2, quantization=None
INFO Model loading took 30.6 GiB and 12.1 seconds
INFO Available KV cache memory: 38.10 GiB
INFO GPU KV cache size: 300,512 tokens
INFO Maximum concurrency for 8,192 tokens per request: 36.68x
INFO Graph capturing finished in 20 secs, took 0.61 GiB
ValueError: To serve at least one request with the models's max seq len (32768), (8.00 GiB KV cache is needed, which is larger than the available KV cache memory (4.10 GiB).
Free memory on device cuda:0 (10.1/23.6 GiB) on startup is less than desired GPU memory utilization (0.9, 21.2 GiB).
"""
SGLANG = """\
server_args=ServerArgs(model_path='Qwen/Qwen3-8B', context_length=8192, tp_size=2, mem_fraction_static=0.88, chunked_prefill_size=8192)
Load weight begin. avail mem=78.5 GB
Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=70.5 GB, mem usage=7.9 GB.
KV Cache is allocated. #tokens: 400123, K size: 27.5 GB, V size: 27.5 GB
max_total_num_tokens=400123, chunked_prefill_size=8192, context_len=8192
"""
OLLAMA = """\
time=2026 msg="inference compute" id=GPU-1 library=CUDA compute=8.9 name=CUDA0 description="NVIDIA GeForce RTX 4090" total="24.0 GiB"
time=2026 msg="inference compute" id=cpu library=cpu description="cpu0"
time=2026 msg="offload to cuda" layers.requested=-1 layers.model=33 layers.offload=33
time=2026 msg="model weights" device=CUDA0 size="4.3 GiB"
time=2026 msg="kv cache" device=CUDA0 size="1.0 GiB"
"""
WRONG = (
    "1.2.3",
    "12 QQ",
    "9" * 40,
    "-1",
    "0",
    ",",
    ",,",
    "1,2",
    ".",
    "1e999",
    "NaN",
    "inf",
    "",
    "\u0663",
    "\ud800",
    "QQ",
    "(",
    '"',
    "0.0",
    "99999",
    " ",
)


def broken(rng: random.Random) -> str:
    """A log with one to six of its numbers or words wrong."""
    text = rng.choice((EXAMPLE, VLLM, SGLANG, OLLAMA))
    for _ in range(rng.choice((1, 1, 2, 6))):
        places = list(re.finditer(r"\d[\d.,]*|\b[A-Z]iB\b|\w+", text))
        hit = rng.choice(places)
        text = text[: hit.start()] + rng.choice(WRONG) + text[hit.end() :]
    return text


@pytest.mark.parametrize("seed", range(4))
def test_a_log_with_wrong_numbers_is_read_and_planned_or_a_sentence(seed: int) -> None:
    rng, planned = random.Random(seed), 0
    for _ in range(150):
        reading = read(broken(rng))
        found = findings(reading)
        assert headline(reading, found)
        assert placed(reading)
        assert len(buffers(reading)) <= len(reading.buffers)
        try:
            plan(PlanRequest.read({"model": "llama3:70b", "gpus": "2x RTX 4090", **usable(reading.request())}))
            planned += 1
        except PlanError as error:
            assert str(error).endswith((".", "?"))
    assert planned > 50


@pytest.mark.parametrize(
    "line",
    [
        "load_tensors: CUDA0 model buffer size = 1.2.3 MiB",
        'msg="model weights" device=CUDA0 size="12 QQ"',
        'msg="kv cache" device=CUDA0 size=". GiB"',
        "GPU KV cache size: , tokens",
        "Available KV cache memory: 1.2.3 GiB",
        "KV Cache is allocated. #tokens: ,,, K size: 1 GB, V size: 1 GB",
    ],
)
def test_a_number_that_is_none_says_nothing(line: str) -> None:
    reading = read(line)
    assert not reading.buffers
    assert reading.pool_tokens is None
    assert reading.pool_bytes is None


def test_ollamas_processors_are_gpus_unless_their_library_is_the_cpus() -> None:
    assert llama_cpp.read(OLLAMA).devices == ["NVIDIA GeForce RTX 4090"]


def test_every_repetition_in_a_pattern_has_an_end_but_that_of_one_character() -> None:
    """What makes a search quadratic is a class or a group without bound; spaces between fields may repeat, since no two
    starts share them.
    """
    patterns = [pattern.pattern for table in (llama_cpp.LINES, vllm.LINES, sglang.LINES) for pattern, _ in table]
    assert len(patterns) > 60
    endless = re.compile(r"(?:\\[wWsSdD]|\]|(?<!\\)\)|(?<!\\)\.)[*+]|\{\d+,\}")
    without_members = [re.sub(r"\[[^\]]+\]", "[]", text) for text in patterns]
    assert not [text for text in without_members if endless.search(text)]


def test_only_the_front_of_a_text_is_read_and_that_is_said() -> None:
    line = "llama_context: n_ctx = 4096\n"
    assert lines.left_out(line * 100) == ""
    assert "first 20,000 lines" in lines.left_out(line * 30_000)
    assert "2,000,000 characters" in lines.left_out("a" * 2_000_001)
    late = "x\n" * lines.MOST_LINES + line
    assert llama_cpp.read(late).context is None
    assert llama_cpp.read("y" * lines.LONGEST_LINE + line).context is None
    assert sum(1 for _ in lines.bounded("a\n" * 50_000)) == lines.MOST_LINES
