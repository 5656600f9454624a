"""Amounts as people read them: three significant digits, and the unit always said."""

import contextvars
import math
from collections.abc import Callable

import pytest

from planner import plan
from planner.core.units import choose, count, duration, energy, gb, mass, mem, scale, symbol, usd
from planner.request import PlanRequest


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (mem(46_257_254_400), "43.1 GiB"),
        (gb(42_520_395_008), "42.5 GB"),
        (count(70_553_706_496), "70.6 B"),
        (usd(0), "0 USD"),
        (usd(1.296), "1.30 USD"),
        (usd(0.00018), "0.000180 USD"),
        (usd(2_470), "2,470 USD"),
        (usd(9.999), "10.0 USD"),
        (energy(10.8), "10.8 kWh"),
        (energy(0.0015), "1.50 Wh"),
        (energy(4_567), "4.57 MWh"),
        (mass(0.0006), "0.600 g"),
        (mass(15.24), "15.2 kg"),
        (mass(1_234), "1.23 t"),
        (duration(1.25), "1.25 s"),
        (duration(59.7), "1 min"),
        (duration(200), "3 min 20 s"),
        (duration(3_599), "1 h"),
        (duration(28 * 3_600), "28 h"),
        (duration(124 * 3_600), "5 days 4 h"),
        (duration(15.3 * 86_400), "15 days"),
        (duration(3 * 365.25 * 86_400), "3.00 years"),
        (duration(math.inf), "never"),
    ],
)
def test_an_amount_as_people_read_it(text: str, wanted: str) -> None:
    assert text == wanted


def in_gb(ask: Callable[[], str]) -> str:
    """What a visitor reads who chose GB; nobody else's unit changes."""

    def chosen() -> str:
        choose("GB")
        return ask()

    return contextvars.copy_context().run(chosen)


def test_memory_in_the_unit_that_was_chosen() -> None:
    assert (
        in_gb(lambda: f"{mem(46_257_254_400)}, {mem(327_680)}, {mem(50e6)}, {mem(0)}")
        == "46.3 GB, 328 kB, 50.0 MB, 0 GB"
    )
    assert in_gb(lambda: f"{scale()} {symbol()}") == "1000000000 GB"
    assert f"{mem(327_680)}, {scale()} {symbol()}" == "320 KiB, 1073741824 GiB"


def test_an_unknown_unit_is_the_usual_one() -> None:
    def chosen() -> str:
        choose("<b>")
        return symbol()

    assert contextvars.copy_context().run(chosen) == "GiB"


@pytest.mark.parametrize(
    "fields",
    [
        {"engine": "llama.cpp", "gpus": "rtx-4090"},  # fits in part: a note counts what runs from system memory
        {"engine": "vllm", "gpus": "h100-sxm5-80gb"},  # does not start
        {"engine": "sglang", "gpus": "4x rtx-4090", "context": 8_192},
        {"engine": "transformers", "gpus": "rtx-4090"},
        {"engine": "llama.cpp", "gpus": ""},
    ],
)
def test_no_sentence_is_remembered_in_another_unit(fields: dict[str, object]) -> None:
    def sentences() -> str:
        answer = plan(PlanRequest.read({"model": "meta-llama/Meta-Llama-3-70B-Instruct", **fields}))
        return f"{answer.fit.reason} {answer.memory.note}"

    before = sentences()
    assert "GiB" in before
    assert "GB" in in_gb(sentences)
    assert "GiB" not in in_gb(sentences)
    assert sentences() == before
