"""The scaling page: its curve, its limit, and its frontier and formats behind their tabs."""

from __future__ import annotations

import pytest
from dashboard import LLAMA, opened

from planner.plan import plan
from planner.request import PlanRequest
from ui import scaling


def test_the_curve_ends_at_what_the_model_takes_and_says_the_limit() -> None:
    at = opened("scaling", **LLAMA)
    frame = at.dataframe[0].value
    assert frame["Context (tokens)"].iloc[-1] == 131_072
    assert frame["Needs (GiB)"].is_monotonic_increasing
    assert "up to 131\\,072 tokens fit" in at.markdown[0].value


@pytest.mark.parametrize("tab", ["Context and batch", "Formats", "Speed"])
@pytest.mark.parametrize("against", ["context", "batch"])
def test_every_tab_opens(tab: str, against: str) -> None:
    at = opened("scaling", **LLAMA)
    at.session_state["scaling_tab"] = tab
    at.segmented_control(key="against").set_value(against).run()
    assert not at.exception
    assert at.markdown


def test_the_curve_stays_while_the_context_moves_and_follows_what_changes_it() -> None:
    at = opened("scaling", **LLAMA)
    before = at.dataframe[0].value
    at.number_input(key="context").set_value(9_000).run()
    assert at.dataframe[0].value.equals(before)
    at.number_input(key="batch").set_value(4).run()
    assert (at.dataframe[0].value["Needs (GiB)"] > before["Needs (GiB)"]).all()


def test_decoding_slows_with_the_cache_and_gains_with_the_batch() -> None:
    answer = plan(PlanRequest.read({"model": LLAMA["model"], "quantization": "Q4_K_M", "gpus": "rtx-3090"}))
    by_context, by_batch = ([speed for _, speed in scaling.speeds(answer, field)] for field in ("context", "batch"))
    assert by_context == sorted(by_context, reverse=True)
    assert by_batch == sorted(by_batch)
    assert by_batch[0] == pytest.approx(answer.speed.decode_tokens_per_s.expected)


def test_models_are_overlaid_and_stand_in_the_address() -> None:
    at = opened("scaling", **LLAMA)
    at.session_state["scaling_tab"] = "Models"
    at.run()
    at.multiselect(key="overlay_model").set_value(["Qwen/Qwen3-8B", "google/gemma-3-12b-it"]).run()
    assert not at.exception
    assert "Qwen3 8B 40\\,960" in at.markdown[0].value
    assert at.query_params["overlay_model"] == ["Qwen/Qwen3-8B", "google/gemma-3-12b-it"]
    assert at.query_params["tab"] == "models"
