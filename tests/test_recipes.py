"""The recipes of ARCHITECTURE.md and CONTRIBUTING.md, each tried in a copy: a family, a card and a measurement are
added, and planned with.
"""

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
    "model_type": "made_up",
    "architectures": ["MadeUpForCausalLM"],
    "hidden_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "intermediate_size": 4096,
    "vocab_size": 32000,
    "max_position_embeddings": 8192,
}
ENGINE = '''"""Made up: weights and a cache, and nothing else."""

from planner.case import Case, Command
from planner.memory import kv_cache, weights
from planner.memory.quantity import DeviceMemory, HostMemory, Memory, Quantity
from planner.core.formula import total
from planner.quantization.published import scheme_for


class MadeUp:
    name = "made-up"
    title = "Made Up"

    def formats(self) -> tuple[str, ...]:
        return ("bf16", "fp8")

    def quantization(self, case: Case) -> str:
        return case.request.quantization

    def memory(self, case: Case) -> Memory:
        file = weights.weight_file(case.architecture, scheme_for(case.architecture, self.quantization(case)))
        growing, _ = kv_cache.cache_steps(case.architecture.main.distinct, case.request.context, case.request.batch, (1, 2))
        cache = Quantity.exact(*growing, total("KV cache", [int(step.value) for step in growing]))
        if not case.gpus:
            return Memory(file, (), HostMemory(weights=file.tensor_bytes, kv_cache=cache))
        gpu = case.gpus[0]
        return Memory(file, (DeviceMemory(gpu.name, 0, gpu.capacity_bytes, gpu.usable_bytes, weights=file.tensor_bytes, kv_cache=cache),))

    def commands(self, case: Case) -> tuple[Command, ...]:
        return ()


ENGINE = MadeUp()
'''
ENGINE_ROW = """
[made-up]
title = "Made Up"
module = "made_up"
kind = "%s"
load = { process_gib = 1, staged_gb = 0, start_s = 2, low_s = 1, high_s = 4, why = "It is made up." }
source = "https://example.org/engine"
as_of = "2026-11-27"
basis = "judged"
"""
PAGES = """
import sys
from streamlit.testing.v1 import AppTest
for page in sys.argv[1:]:
    app = AppTest.from_file("app.py", default_timeout=60)
    for key, text in {"model": "Qwen/Qwen3-0.6B", "engine": "made-up", "gpus": "rtx-4090"}.items():
        app.query_params[key] = text
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, (page, app.exception[0].message)
    print(page, "opens")
"""
RECORD = {
    "id": "made-up-1",
    "kind": "speed single",
    "request": {"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": "Made Up 48GB"},
    "measured": {"decode_tokens_per_s": 100},
    "conditions": "invented",
    "source": "https://example.org/log",
    "as_of": "2026-11-27",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its facts, with a family and a card more."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("planner", "data", "ui", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    (folder / "planner/architecture/families/made_up.py").write_text(FAMILY, encoding="utf-8")
    path = folder / "data/gpus.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    card = {
        **next(row for row in rows if row["id"] == "rtx-4090"),
        "id": "made-up-48gb",
        "name": "Made Up 48GB",
        "aliases": "",
        "memory_gb": "48",
        "memory_mib": "49140",
        "source": "https://example.org/card",
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows([*rows, card])
    return folder


def run(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, input=said, capture_output=True, text=True, check=False
    )


def asked(folder: Path, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(folder, "planner", "batch", "-", said=json.dumps(request)).stdout)
    assert answer["ok"], answer
    return answer


def test_a_family_is_a_file(copy: Path) -> None:
    model = asked(copy, kind="model", config=CONFIG)["model"]
    assert model["exact"]
    # embedding and head, and 8 layers of queries and outputs, keys and values, three matrices of the ffn and two norms,
    # and the last norm
    layer = 2 * 1024 * 1024 + 2 * 1024 * 256 + 3 * 1024 * 4096 + 2 * 1024
    assert model["parameters"]["total"] == 2 * 32000 * 1024 + 8 * layer + 1024
    for engine in ("llama.cpp", "vllm", "transformers"):
        assert asked(copy, config=CONFIG, engine=engine, gpus="RTX 4090")["plan"]["fit"]["verdict"] == "fits"


def test_a_card_is_a_row(copy: Path) -> None:
    plan = asked(copy, model="llama3:70b", quantization="Q4_K_M", gpus="Made Up 48GB", context=4096)["plan"]
    assert plan["memory"]["devices"][0]["capacity_bytes"] == 49140 * 2**20
    assert plan["fit"]["verdict"] in ("fits", "tight")


@pytest.mark.parametrize("kind", ["local", "library"])
def test_an_engine_is_a_file_and_a_row(copy: Path, kind: str) -> None:
    """It answers with every figure, its derivation, and on every page."""
    (copy / "planner/engines/made_up.py").write_text(ENGINE, encoding="utf-8")
    table = (ROOT / "data/engines.toml").read_text(encoding="utf-8")
    (copy / "data/engines.toml").write_text(table + ENGINE_ROW % kind, encoding="utf-8")
    for gpus in ("RTX 4090", ""):
        plan = asked(copy, model="Qwen/Qwen3-0.6B", engine="made-up", gpus=gpus, derivation=True)["plan"]
        assert plan["fit"]["verdict"] == "fits"
        assert plan["load"]["load_s"]["expected"] > 2
        assert plan["speed"]["decode_tokens_per_s"]["expected"] > 0
        assert plan["cost"]["electricity_usd"]["expected"] > 0
        assert len(plan["derivation"]) > 10
    pages = [path.stem for path in sorted((ROOT / "pages").glob("*.py"))]
    opened = subprocess.run(
        [sys.executable, "-c", PAGES, *pages], cwd=copy, capture_output=True, text=True, check=False
    )
    assert opened.stdout.split("\n")[:-1] == [f"{page} opens" for page in pages], opened.stdout + opened.stderr[-2_000:]


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
    [
        ({"source": "my desk"}, "https://"),
        ({"kind": "sped single"}, "speed single"),
        ({"measured": {"decode_tokens": 1}}, "decode_tokens_per_s"),
        ({"as_of": "yesterday"}, "2026-11-27"),
        ({"measured": {"watts": -1}}, "number"),
        ({"id": ""}, "id"),
        ({"request": None}, "request"),
    ],
)
def test_a_bad_measurement_is_told_in_a_sentence_and_not_written(copy: Path, change: dict[str, Any], word: str) -> None:
    before = (copy / "data/measurements/speed.jsonl").read_text(encoding="utf-8")
    done = run(copy, "planner.calibrate.measurement", "-", said=json.dumps({**RECORD, "id": "made-up-2", **change}))
    assert done.returncode == 2
    assert word in done.stderr
    assert (copy / "data/measurements/speed.jsonl").read_text(encoding="utf-8") == before
