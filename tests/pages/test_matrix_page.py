"""The matrix page: its table, its choices in the link, and a cell that becomes the plan."""

from __future__ import annotations

from dashboard import LLAMA, opened


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
