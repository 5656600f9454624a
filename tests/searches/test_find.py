"""The search: its rows are their own plans, and nothing left out beats one of them on every figure."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from planner import PlanRequest, plan
from planner.cli.batch import answers
from planner.core.errors import PlanError
from planner.report.find import find_json, find_text
from planner.report.word import pace, word
from planner.searches.find import Found, find, ladder
from planner.searches.find_request import FindRequest
from planner.searches.quality import combined, format_loss, published, quality

SMALL = {"gpus": "RTX 3060 12GB", "system": {"ram_gib": 32}}


def search(**fields: Any) -> Found:
    return find(FindRequest.read(fields))


@pytest.fixture(scope="module")
def models() -> Found:
    return search(**SMALL, limit=500)


def test_every_row_is_its_own_plan(models: Found) -> None:
    for one in find_json(models)["candidates"][:12]:
        own = plan(PlanRequest.read(one["request"]))
        assert one["verdict"] == own.fit.verdict
        assert one["word"] == word(own).word
        assert one["decode_tokens_per_s"] == own.speed.decode_tokens_per_s.json()
        assert one["max_context"] == own.capacity.max_context
        assert one["request"]["system"] == {"ram_gib": 32}


def test_the_best_models_of_a_12_gb_card_with_32_gib_beside_it(models: Found) -> None:
    names = [one.plan.case.name for one in models.candidates[:4]]
    assert names[0] == "Qwen/Qwen3-30B-A3B"
    assert "openai/gpt-oss-20b" in names
    assert all(one.word.word == "Runs well" for one in models.candidates[:4])
    assert models.candidates[0].plan.fit.verdict == "offload"


def test_nothing_is_beaten_on_every_figure_by_a_plan_by_hand(models: Found) -> None:
    """Brute force over every format of a few models: none is better in quality, speed, memory and context at once."""
    for one in models.candidates[:6]:
        longest = one.plan.architecture.max_context
        mine = (one.quality.total, one.tokens_per_s, -one.memory_bytes, longest)
        for name in ("Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B", "openai/gpt-oss-20b", "google/gemma-3-12b-it"):
            for format, _ in ladder("llama.cpp"):
                asked = PlanRequest.read({**SMALL, "model": name, "quantization": format})
                other = plan(asked)
                if other.fit.verdict in ("does_not_fit", "tight"):
                    continue
                good = quality(name, other.architecture, other.memory.weights.format)
                size = sum(device.total.expected for device in other.memory.devices) + other.memory.host.total.expected
                speed = other.speed.decode_tokens_per_s_per_sequence.expected
                theirs = (good.total, speed, -size, other.architecture.max_context)
                assert not all(b > a for a, b in zip(mine, theirs, strict=True)), (one.plan.case.name, name, format)


def test_hardware_within_a_budget_the_cheapest_that_runs_well_first() -> None:
    found = search(model="qwen3:30b-a3b", budget_usd=1_000)
    prices = [one.price_usd for one in found.candidates]
    assert prices
    assert all(price is not None and price <= 1_000 for price in prices)
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert found.left_out["costs more"] > 0


def test_limits_are_kept() -> None:
    found = search(model="Qwen/Qwen3-8B", max_watts=100, vendors=["nvidia"], min_tokens_per_s=20)
    assert all(one.watts <= 100 for one in found.candidates)
    assert {card.vendor for one in found.candidates for card in one.plan.case.gpus} == {"NVIDIA"}
    rented = search(model="Qwen/Qwen3-8B", rent_usd_per_hour=0.2)
    assert all(one.usd_per_hour is not None and one.usd_per_hour <= 0.2 for one in rented.candidates)


def test_a_use_takes_the_models_that_are_made_for_it() -> None:
    assert all(not one.plan.architecture.generates or "mbed" in one.plan.case.name for one in search(
        **SMALL, use="embed").candidates)  # fmt: skip
    seeing = search(**SMALL, use="vision").candidates
    assert seeing
    assert all(any(stack.name == "vision" for stack in one.plan.architecture.stacks) for one in seeing)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Name GPUs"),
        ({"gpus": "RTX 4099"}, "Did you mean"),
        ({"model": "llama9:900b"}, "llama9:900b"),
        ({**SMALL, "engines": ["vlmm"]}, "There is no engine"),
        ({**SMALL, "engines": []}, "at least one engine"),
        ({**SMALL, "budget": 3}, "budget_usd"),
        ({**SMALL, "context": -1}, "context"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        search(**fields)


def test_scores_are_points_above_each_benchmarks_mean() -> None:
    """By hand: on `easy` a has 80 and b 60, on `hard` only a has 30; a is 20 points above b, their mean is 50."""
    found = combined([("a", "easy", 80.0), ("b", "easy", 60.0), ("a", "hard", 30.0)])
    assert found == pytest.approx({"a": 60.0, "b": 40.0}, abs=0.01)


def test_published_scores_have_sources_and_losses_grow_with_fewer_bits() -> None:
    assert all("https://" in source for _, source in published().values())
    losses = [format_loss(name) for name in ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M")]
    assert None not in losses
    assert losses == sorted(losses, key=lambda loss: loss or 0)


def test_a_speed_in_words() -> None:
    assert pace(2.0) == "slower than you read"
    assert pace(5.3) == "as fast as you read"
    assert pace(500) == "all but instant"


def test_a_model_that_writes_nothing_is_not_slow() -> None:
    assert word(plan(PlanRequest.from_query({"model": "BAAI/bge-m3", "gpus": "rtx-3060-12gb"}))).word == "Runs well"


def test_in_a_batch_and_in_a_terminal(models: Found) -> None:
    line = json.dumps({"id": 7, "kind": "find", "model": "Qwen/Qwen3-8B", "budget_usd": 400, "limit": 3})
    (answer,) = map(json.loads, answers([line]))
    assert answer["ok"]
    assert len(answer["find"]["candidates"]) == 3
    text = find_text(models, of_hardware=False)
    assert max(map(len, text.splitlines()[:-1])) <= 120
    command = [sys.executable, "-m", "planner", "find", "--gpu", "RTX 3060 12GB", "--limit", "2"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shown[0].split()[:2] == ["answer", "model"]
    assert len(shown) == 5
