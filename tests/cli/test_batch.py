"""The batch contract: one line in, one line out, in order, as it comes; a bad line never stops the rest."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planner.cli.batch import LONGEST_LINE, answer, answers, lines_of

ROOT = Path(__file__).parents[2]


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


def strict(text: str) -> dict[str, Any]:
    """An answer as a parser reads it that knows nothing beyond JSON, from bytes in UTF-8."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    answer: dict[str, Any] = json.loads(text.encode("utf-8").decode("utf-8"), parse_constant=refuse)
    return answer


DEEP = "[" * 5_000 + "]" * 5_000


@pytest.mark.parametrize(
    ("line", "identity", "error"),
    [
        ('{"id": "\\ud800", "kind": "model", "model": "llama3:8b"}', "\ud800", None),
        ('{"id": "\\ud83d\\ude00 é", "kind": "model", "model": "llama3:8b"}', "\U0001f600 é", None),
        ('{"id": "\ud800", "kind": "model", "model": "llama3:8b"}', "\ud800", None),
        ('\ufeff{"id": 1, "kind": "model", "model": "llama3:8b"}\r\n', 1, None),
        ('{"id": 1, "id": 2, "kind": "model", "model": "llama3:8b"}', 2, None),
        ('{"id": [[1], {"a": null}], "kind": "model", "model": "llama3:8b"}', [[1], {"a": None}], None),
        ('{"id": %s, "kind": "model", "model": "llama3:8b"}' % ("9" * 4_000), int("9" * 4_000), None),
        ('{"id": NaN, "model": "llama3:8b"}', 9, "The id must be a JSON value"),
        ('{"id": 1e999, "model": "llama3:8b"}', 9, "The id must be a JSON value"),
        ('{"id": {"a": [-Infinity]}, "model": "llama3:8b"}', 9, "The id must be a JSON value"),
        ('{"id": "%s", "model": "llama3:8b"}' % ("a" * 20_000), 9, "The id must be a JSON value"),
        ('{"id": %s, "model": "llama3:8b"}' % ("9" * 5_000), 9, "not JSON"),
        (f'{{"id": 1, "model": "llama3:8b", "config": {DEEP}}}', 9, "nested too deeply"),
        (
            '{"id": 1, "model": "llama3:8b", "config": {"a": %s}}' % ("[" * 400 + "]" * 400),
            1,
            "nested more than 32 levels deep",
        ),
        ('{"id": 1, "kind": NaN}', 1, "There is no kind NaN"),
        ('{"id": 1, "model": "\\ud800"}', 1, "The field model cannot be"),
        ('{"id": 1, "model": "llama3:8b", "context": NaN}', 1, "The field context cannot be NaN"),
        ('{"id": 1, "model": "' + "a" * 10_000_000 + '"}', 9, "longer than the 4 MiB"),
        ("\x00", 9, "not JSON"),
    ],
)
def test_every_line_gets_one_line_of_strict_json(line: str, identity: Any, error: str | None) -> None:
    before, this, after = (
        '{"id": "before", "kind": "model", "model": "llama3:8b"}',
        line,
        '{"id": "after", "kind": "model", "model": "llama3:8b"}',
    )
    first, second, third = map(strict, answers(["\n"] * 7 + [before, this, after]))
    assert (first["id"], first["ok"], third["id"], third["ok"]) == ("before", True, "after", True)
    assert (second["id"], second["ok"]) == (identity, error is None)
    assert error is None or error in second["error"]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    text = "x" * (3 * LONGEST_LINE) + '\n{"id": 2}\n' + "y" * LONGEST_LINE
    lines = list(lines_of(io.StringIO(text)))
    assert [len(line) for line in lines] == [LONGEST_LINE + 1, 10, LONGEST_LINE]
    assert lines[1] == '{"id": 2}\n'


def test_bytes_that_are_no_text_do_not_end_a_batch() -> None:
    command = [sys.executable, "-m", "planner", "batch", "-"]
    fine = b'{"id": "fine", "kind": "model", "model": "llama3:8b"}'
    done = subprocess.run(
        command,
        input=b"\xff\xfe\n" + fine,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "ascii"},
    )
    assert [strict(line)["ok"] for line in done.stdout.decode().splitlines()] == [False, True], done.stderr


def test_an_inline_config_wins_and_the_model_is_its_name() -> None:
    from planner.catalog import find

    got = answer(json.dumps({"id": 1, "model": "mine", "config": dict(find("llama3:8b").config), "gpus": "RTX 4090"}))
    assert got["ok"]
    assert got["plan"]["model"]["name"] == "mine"


def test_the_answer_has_the_shape_of_the_contract() -> None:
    plan = answer(
        json.dumps(
            {
                "model": "llama3:8b",
                "quantization": "Q4_K_M",
                "gpus": [{"name": "RTX 4090", "count": 1}],
                "derivation": True,
            }
        )
    )["plan"]
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
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    ) as process:
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
    run = subprocess.run(
        [sys.executable, "-m", "planner", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert run.returncode == status
    assert words in (run.stdout if status == 0 else run.stderr)
    assert "Traceback" not in run.stderr
