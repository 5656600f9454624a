"""The matrix page: its table, its choices in the link, and a cell that becomes the plan."""

from __future__ import annotations

import pandas as pd
from dashboard import LLAMA, opened

from planner import PlanRequest, plan


def test_table_names_the_smallest_card() -> None:
    at = opened("matrix", **LLAMA)
    frame = at.dataframe[0].value
    row = frame[(frame["Model"].str.contains("3.1 8B")) & (frame["Format"] == "Q4_K_M")].iloc[0]
    assert 5 < row["Needs (GiB)"] < 8
    assert row["Smallest card"] == "GeForce RTX 3060 12GB"
    assert "combinations fit" in at.markdown[0].value


def test_another_engine_has_its_own_formats() -> None:
    at = opened("matrix", **LLAMA | {"engine": "vllm", "quantization": "auto"})
    assert set(at.dataframe[0].value["Format"]) <= {"bf16", "fp8", "awq-int4"}
    at.segmented_control(key="matrix_count").set_value(2).run()
    assert not at.exception


def test_a_faster_card_decodes_faster_and_what_does_not_fit_has_no_speed() -> None:
    at = opened("matrix", **LLAMA)
    at.segmented_control(key="matrix_show").set_value("speed").run()
    frame = at.dataframe[0].value
    row = frame[(frame["Model"].str.contains("3.1 8B")) & (frame["Format"] == "Q4_K_M")].iloc[0]
    assert 20 < row["GeForce RTX 3060 12GB"] < row["GeForce RTX 4090"] < 300
    large = frame[frame["Model"].str.contains("70B")].iloc[0]
    assert large["GeForce RTX 3060 12GB"] != large["GeForce RTX 3060 12GB"]


def test_a_server_counts_the_users_that_are_asked_for() -> None:
    at = opened("matrix", **LLAMA | {"engine": "vllm", "quantization": "auto", "batch": "50", "context": "16384"})
    assert "combinations fit and hold all 50 at full length" in at.markdown[0].value
    assert any("amber starts and lets some wait" in caption.value for caption in at.caption)
    at.segmented_control(key="matrix_show").set_value("verdict").run()
    frame = at.dataframe[0].value
    row = frame[(frame["Model"].str.contains("3.1 8B")) & (frame["Format"] == "fp8")].iloc[0]
    for card in ("rtx-4090", "h100-sxm5-80gb", "h200-sxm-141gb"):
        own = plan(
            PlanRequest.read(
                {
                    "model": "meta-llama/Meta-Llama-3.1-8B",
                    "quantization": "fp8",
                    "engine": "vllm",
                    "batch": 50,
                    "context": 16_384,
                    "gpus": card,
                }
            )
        )
        assert row[own.case.gpus[0].name] == own.fit.words
    assert row["H100 SXM5 80GB"].startswith("holds ")
    holds_all = [name for name in frame.columns[4:] if row[name] == "fits"]
    assert row["Smallest card"] == (holds_all[0] if holds_all else "none of these")


def test_the_largest_batch_of_a_cell_that_runs_in_part_from_system_memory_is_its_plans_matter() -> None:
    at = opened("matrix", **LLAMA)
    frame = at.dataframe[0].value
    large = frame[(frame["Model"].str.contains("70B")) & (frame["Format"] == "Q8_0")].iloc[0]
    assert pd.isna(large["GeForce RTX 3060 12GB"])
    assert large["H100 SXM5 80GB"] > 0
