"""The batch contract: one line in, one line out, in order, as it comes; a bad line never stops the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from planner.batch import answer, answers

ROOT = Path(__file__).parent.parent


def test_answers_come_in_order_and_survive_bad_lines() -> None:
    lines = [
        json.dumps({"id": "a", "kind": "model", "model": "llama3:70b"}),
        "{not json",
        json.dumps([1, 2]),
        "",
        json.dumps({"id": 7, "model": "no such model at all"}),
        json.dumps({"id": {"any": "id"}, "model": "llama3:8b", "gpus": "RTX 4090"}),
        json.dumps({"id": "x", "kind": "poem", "model": "llama3:8b"}),
    ]
    got = [json.loads(line) for line in answers(lines)]
    assert [row["id"] for row in got] == ["a", 2, 3, 7, {"any": "id"}, "x"]
    assert [row["ok"] for row in got] == [True, False, False, False, True, False]
    assert got[0]["model"]["parameters"]["total"] == 70_553_706_496
    assert all(row["error"].count("\n") == 0 and row["error"] for row in got if not row["ok"])


def test_an_inline_config_wins_and_the_model_is_its_name() -> None:
    from planner.catalog import find

    got = answer(json.dumps({"id": 1, "model": "mine", "config": dict(find("llama3:8b").config), "gpus": "RTX 4090"}))
    assert got["ok"]
    assert got["plan"]["model"]["name"] == "mine"


def test_the_answer_has_the_shape_of_the_contract() -> None:
    plan = answer(json.dumps({"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": [{"name": "RTX 4090", "count": 1}], "derivation": True}))["plan"]
    assert set(plan) >= {"model", "weights", "memory", "fit", "capacity", "derivation"}
    assert set(plan["model"]) >= {"name", "architecture", "model_type", "exact", "parameters", "kv_bytes_per_token"}
    assert set(plan["weights"]) == {"format", "tensor_bytes", "file_bytes", "bits_per_weight"}
    (device,) = plan["memory"]["devices"]
    assert set(device) >= {
        "name",
        "index",
        "capacity_bytes",
        "weights_bytes",
        "kv_cache_bytes",
        "state_bytes",
        "activation_bytes",
        "overhead_bytes",
        "total_bytes",
    }
    assert set(device["total_bytes"]) == {"low", "expected", "high"}
    assert set(plan["memory"]["host"]) >= {"weights_bytes", "kv_cache_bytes", "activation_bytes", "total_bytes"}
    assert set(plan["fit"]) >= {"verdict", "probability", "headroom_bytes", "reason", "advice"}
    assert set(plan["capacity"]) == {"kv_cache_bytes", "kv_cache_tokens", "max_context", "max_batch"}
    assert all(set(step) == {"label", "expression", "value", "unit", "source"} for step in plan["derivation"])


def test_batch_streams() -> None:
    """Each answer arrives before the next question is asked."""
    command = [sys.executable, "-m", "planner", "batch", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for identity in ("first", "second"):
            process.stdin.write(json.dumps({"id": identity, "kind": "model", "model": "llama3:8b"}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == identity
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            [
                "plan",
                "--model",
                "meta-llama/Meta-Llama-3-70B",
                "--quantization",
                "Q4_K_M",
                "--engine",
                "llama.cpp",
                "--gpu",
                "RTX 4090",
                "--context",
                "8192",
                "--json",
            ],
            0,
            '"verdict"',
        ),
        (["plan", "--model", "llama3:8b", "--gpu", "RTX 4090", "--derivation"], 0, "Fits"),
        (["model", "--model", "llama3:70b"], 0, "70,553,706,496 parameters"),
        (["plan", "--model", "llama3:8b", "--gpu", "RTX 9999"], 2, "RTX 9999"),
        (["plan", "--model", "no-such"], 2, "planner: No bundled model"),
        (["plan", "--model", "missing.json"], 2, "Cannot read missing.json"),
        (["batch", "missing.jsonl"], 2, "Cannot read missing.jsonl"),
    ],
)
def test_the_command_line(arguments: list[str], status: int, words: str) -> None:
    run = subprocess.run([sys.executable, "-m", "planner", *arguments], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert run.returncode == status
    assert words in (run.stdout if status == 0 else run.stderr)
    assert "Traceback" not in run.stderr
