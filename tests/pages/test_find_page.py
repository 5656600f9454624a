"""The search on its page: both sides, and a row that opens its plan."""

from __future__ import annotations

from tests.pages.dashboard import landed


def test_what_runs_well_on_these_gpus() -> None:
    at = landed("find", gpus="rtx-3060-12gb", model="Qwen/Qwen3-8B", ram_gib="32")
    assert "First: Qwen3 30B A3B as Q8" in at.header[0].value.replace("\\", "")
    table = at.dataframe[0].value
    assert {"Answer", "Model", "Format", "Tokens/s", "Quality"} <= set(table.columns)
    assert (table["Answer"] == "Runs well").any()


def test_hardware_for_this_model_within_a_budget() -> None:
    at = landed("find", model="Qwen/Qwen3-30B-A3B", gpus="rtx-4090", find="hardware", find_budget="500")
    table = at.dataframe[0].value
    assert (table["Price (USD)"] <= 500).all()
    assert at.query_params["find"] == "hardware"
    assert at.query_params["find_budget"] == "500"


def test_gpus_that_cannot_be_read_are_a_sentence() -> None:
    at = landed("find", gpus="RTX 4099", model="Qwen/Qwen3-8B")
    assert any("Did you mean" in warning.value for warning in at.warning)
    assert not at.dataframe
