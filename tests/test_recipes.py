"""The recipes of ARCHITECTURE.md and CONTRIBUTING.md, each tried in a copy: a family, a card and a measurement are added, and planned with."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

FAMILY = '''"""Made up."""

from planner.architecture.config import Config
from planner.architecture.registry import family, parse_text
from planner.architecture.tensors import Architecture


@family("made_up")
def made_up(config: Config) -> Architecture:
    """As Llama, under another name."""
    return parse_text(config.replace(model_type="llama"))
'''
CONFIG = {
    "model_type": "made_up", "architectures": ["MadeUpForCausalLM"], "hidden_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 16,
    "num_key_value_heads": 4, "intermediate_size": 4096, "vocab_size": 32000, "max_position_embeddings": 8192,
}  # fmt: skip
RECORD = {
    "id": "made-up-1", "kind": "speed single", "request": {"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": "Made Up 48GB"},
    "measured": {"decode_tokens_per_s": 100}, "conditions": "invented", "source": "https://example.org/log", "as_of": "2026-11-27",
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its facts, with a family and a card more."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("planner", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "planner/architecture/families/made_up.py").write_text(FAMILY, encoding="utf-8")
    path = folder / "data/gpus.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    card = {**next(row for row in rows if row["id"] == "rtx-4090"), "id": "made-up-48gb", "name": "Made Up 48GB", "aliases": "", "memory_gb": "48",
            "memory_mib": "49140", "source": "https://example.org/card"}  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows([*rows, card])
    return folder


def run(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=folder, input=said, capture_output=True, text=True, check=False)


def asked(folder: Path, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(folder, "planner", "batch", "-", said=json.dumps(request)).stdout)
    assert answer["ok"], answer
    return answer


def test_a_family_is_a_file(copy: Path) -> None:
    model = asked(copy, kind="model", config=CONFIG)["model"]
    assert model["exact"]
    # embedding and head, and 8 layers of queries and outputs, keys and values, three matrices of the ffn and two norms, and the last norm
    layer = 2 * 1024 * 1024 + 2 * 1024 * 256 + 3 * 1024 * 4096 + 2 * 1024
    assert model["parameters"]["total"] == 2 * 32000 * 1024 + 8 * layer + 1024
    for engine in ("llama.cpp", "vllm", "transformers"):
        assert asked(copy, config=CONFIG, engine=engine, gpus="RTX 4090")["plan"]["fit"]["verdict"] == "fits"


def test_a_card_is_a_row(copy: Path) -> None:
    plan = asked(copy, model="llama3:70b", quantization="Q4_K_M", gpus="Made Up 48GB", context=4096)["plan"]
    assert plan["memory"]["devices"][0]["capacity_bytes"] == 49140 * 2**20
    assert plan["fit"]["verdict"] in ("fits", "tight")


def test_a_measurement_is_one_command(copy: Path) -> None:
    (copy / "record.json").write_text(json.dumps(RECORD), encoding="utf-8")
    done = run(copy, "planner.calibrate.measurement", "record.json")
    assert done.returncode == 0, done.stderr
    assert "generating: measured 100, predicted" in done.stdout
    assert json.loads((copy / "data/measurements/speed.jsonl").read_text(encoding="utf-8").splitlines()[-1]) == RECORD
    again = run(copy, "planner.calibrate.measurement", "record.json")
    assert again.returncode == 2
    assert "already" in again.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [({"source": "my desk"}, "https://"), ({"kind": "sped single"}, "speed single"), ({"measured": {"decode_tokens": 1}}, "decode_tokens_per_s"),
     ({"as_of": "yesterday"}, "2026-11-27"), ({"measured": {"watts": -1}}, "number"), ({"id": ""}, "id"), ({"request": None}, "request")],
)  # fmt: skip
def test_a_bad_measurement_is_told_in_a_sentence_and_not_written(copy: Path, change: dict[str, Any], word: str) -> None:
    before = (copy / "data/measurements/speed.jsonl").read_text(encoding="utf-8")
    done = run(copy, "planner.calibrate.measurement", "-", said=json.dumps({**RECORD, "id": "made-up-2", **change}))
    assert done.returncode == 2
    assert word in done.stderr
    assert (copy / "data/measurements/speed.jsonl").read_text(encoding="utf-8") == before
