"""A running process beside its prediction, and what a command line tells of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.calibrate.validate import FIGURES
from planner.calibrate.validate import compare as validated
from planner.live.measured import CLOSE, TOTAL, compare, explanations, record
from planner.live.running import engine_of, request_of
from planner.logs import readers
from planner.logs.reading import Buffer, Reading
from planner.plan import Plan, plan
from planner.request import PlanRequest

MIB = 2**20
LLAMA = PlanRequest(model="llama3:8b", quantization="Q4_K_M", context=8_192, gpus="RTX 4090")


def held(answer: Plan) -> int:
    return sum(device.total.expected for device in answer.memory.devices)


def test_without_a_log_only_the_total_is_compared() -> None:
    answer = plan(LLAMA)
    found = compare(answer, held(answer) + 10 * MIB)
    assert [row.measured for row in found.parts] == [None] * 4
    assert sum(row.predicted.expected for row in found.parts) == found.total.predicted.expected == held(answer)
    assert found.total.difference == 10 * MIB
    assert found.total.inside
    assert "inside the range" in found.sentence
    assert explanations(found) == ()


def test_a_log_tells_the_parts_and_the_rest_is_overhead() -> None:
    reading = Reading(engine="llama.cpp")
    reading.buffers = [
        Buffer("CUDA0", "weights", 4_403 * MIB),
        Buffer("CPU_Mapped", "weights", 281 * MIB),
        Buffer("CUDA0", "kv_cache", 4_096 * MIB),
        Buffer("CUDA0", "activation", 258 * MIB),
        Buffer("CUDA_Host", "activation", 24 * MIB),
    ]
    found = compare(plan(LLAMA), 9_200 * MIB, reading)
    assert [row.measured for row in found.parts] == [
        4_403 * MIB,
        4_096 * MIB,
        258 * MIB,
        (9_200 - 4_403 - 4_096 - 258) * MIB,
    ]
    assert "Most of the difference is KV cache" in found.sentence
    assert not found.total.inside


@pytest.mark.parametrize(
    "truth",
    [
        {"quantization": "Q8_0"},
        {"context": 65_536},
        {"batch": 8},
        {"gpu_layers": 12},
        {"kv_cache_dtype": "q8_0", "context": 131_072},
    ],
)
def test_the_change_that_is_true_is_among_the_explanations(truth: dict[str, object]) -> None:
    """The memory of another question, compared with this one, is explained by the difference of the two."""
    asked = LLAMA.changed(context=131_072) if len(truth) > 1 else LLAMA
    real = plan(asked.changed(**truth))
    found = explanations(compare(plan(asked), held(real)))
    changes = [one.change for one in found]
    expected = {key: value for key, value in truth.items() if asked.given().get(key) != value}
    assert expected in changes
    for one in found:
        assert (
            abs(one.predicted.expected - held(real)) <= CLOSE * held(real)
            or one.predicted.low <= held(real) <= one.predicted.high
        )


def test_a_measurement_is_a_record_that_validates() -> None:
    answer = plan(LLAMA)
    reading = Reading(buffers=[Buffer("CUDA0", "weights", 4_403 * MIB)])
    saved = json.loads(
        json.dumps(
            record(
                compare(answer, held(answer), reading), "  driver 550.54\n idle otherwise ", "https://example.org/log"
            )
        )
    )
    assert set(saved) == {"id", "kind", "request", "measured", "conditions", "source", "as_of"}
    assert set(saved["measured"]) <= set(FIGURES)
    assert saved["conditions"] == "driver 550.54 idle otherwise"
    assert PlanRequest.read(saved["request"]) == answer.request
    total = next(one for one in validated(saved) if one.figure == TOTAL)
    assert total.error == 0
    assert total.inside


def test_a_serving_log_speaks_of_one_rank_and_may_leave_parts_out() -> None:
    reading = readers.read(
        "INFO vLLM version 0.19.0\nINFO Model loading took 7.6 GiB memory\nINFO Available KV cache memory: 12.5"
        " GiB\nINFO GPU KV cache size: 180,000 tokens\n"
    )
    answer = plan(PlanRequest(model="Qwen/Qwen3-8B", engine="vllm", tensor_parallel=2, gpus="2x RTX 4090"))
    found = compare(answer, 44_000 * MIB, reading)
    assert [row.measured for row in found.parts] == [2 * int(7.6 * 2**30), 2 * int(12.5 * 2**30), None, None]
    measured = record(found, "")["measured"]
    assert measured == {
        TOTAL: 44_000 * MIB,
        "rank_weights_bytes": int(7.6 * 2**30),
        "pool_bytes": int(12.5 * 2**30),
        "pool_tokens": 180_000,
    }
    assert set(measured) <= set(FIGURES)


def test_a_process_without_memory_is_no_comparison() -> None:
    found = compare(plan(LLAMA), 0)
    assert "nothing to compare" in found.sentence
    assert explanations(found) == ()


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (
            "/usr/bin/llama-server -m /models/Meta-Llama-3-8B-Instruct-Q4_K_M.gguf -c 32768 -np 4 -ngl 99 -ctk q8_0",
            {
                "engine": "llama.cpp",
                "model": "meta-llama/Meta-Llama-3-8B",
                "quantization": "Q4_K_M",
                "context": 8_192,
                "batch": 4,
                "gpu_layers": 99,
                "kv_cache_dtype": "q8_0",
            },
        ),
        (
            "llama-server -hf ggml-org/Qwen3-30B-A3B-GGUF:Q8_0 --ctx-size=4096",
            {"engine": "llama.cpp", "model": "Qwen/Qwen3-30B-A3B", "quantization": "Q8_0", "context": 4_096},
        ),
        (
            "python3 /usr/local/bin/vllm serve Qwen/Qwen3-8B --max-model-len 16384 --gpu-memory-utilization 0.8 -tp 2",
            {
                "engine": "vllm",
                "model": "Qwen/Qwen3-8B",
                "context": 16_384,
                "gpu_memory_utilization": 0.8,
                "tensor_parallel": 2,
            },
        ),
        (
            (
                "python -m vllm.entrypoints.openai.api_server --model"
                " /srv/cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/abc"
            ),
            {"engine": "vllm", "model": "Qwen/Qwen3-8B"},
        ),
        (
            "python -m sglang.launch_server --model-path Qwen/Qwen3-8B --tp 4 --mem-fraction-static 0.7",
            {"engine": "sglang", "model": "Qwen/Qwen3-8B", "tensor_parallel": 4, "gpu_memory_utilization": 0.7},
        ),
        (
            (
                "/usr/local/bin/ollama runner --model /srv/ollama/models/blobs/sha256-aabb --ctx-size 8192 --parallel 2"
                " --n-gpu-layers 33"
            ),
            {"engine": "ollama", "context": 4_096, "batch": 2, "gpu_layers": 33},
        ),
        ("python train.py --model /data/secret", {"engine": "transformers"}),
        ("vllm serve someone/unheard-of --max-model-len many", {"engine": "vllm", "model": "someone/unheard-of"}),
        ("/usr/lib/xorg/Xorg :0", {}),
        ('llama-server -m "unfinished', {"engine": "llama.cpp"}),
    ],
)
def test_a_command_line_tells_what_runs(command: str, fields: dict[str, object]) -> None:
    assert request_of(None, command) == fields


@given(st.text(max_size=300), st.sampled_from(["llama-server ", "vllm serve ", "ollama runner --model ", ""]))
def test_any_command_line_gives_fields_that_a_request_takes(text: str, start: str) -> None:
    fields = request_of(None, start + text)
    assert PlanRequest.read({"model": "-", **fields})
    assert (engine_of(None, start + text) is None) == (fields == {})
