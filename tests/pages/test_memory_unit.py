"""GiB or GB: chosen on one page, read on all, and in the link."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.dashboard import LLAMA, opened, said


def switch(at: AppTest, unit: str) -> AppTest:
    return at.segmented_control(key="memory_unit_widget").set_value(unit).run()


def test_the_switch_changes_the_sentence_the_figures_and_the_address_and_back() -> None:
    at = opened(**LLAMA)
    before, needed = said(at), at.metric[0].value
    assert "GiB" in before
    assert needed.endswith("GiB")
    switch(at, "GB")
    assert "GiB" not in said(at)
    assert at.metric[0].value.endswith(" GB")
    assert at.query_params.get("units") in ("GB", ["GB"])
    switch(at, "GiB")
    assert (said(at), at.metric[0].value) == (before, needed)
    assert "units" not in at.query_params


@pytest.mark.parametrize(
    "page", ["matrix", "scaling", "compare", "speed", "splits", "serve", "fine_tune", "scenarios", "accuracy"]
)
def test_every_page_reads_it_from_the_link(page: str) -> None:
    at = opened(page, **LLAMA, units="GB")
    assert not [column for table in at.dataframe for column in table.value.columns if "GiB" in str(column)]


def test_it_stays_while_a_number_moves() -> None:
    at = opened(**LLAMA, units="GB")
    at.number_input(key="context").set_value(4_096).run()
    assert "GiB" not in said(at)


def test_another_unit_in_the_link_is_none() -> None:
    assert "GiB" in said(opened(**LLAMA, units="<b>furlong</b>"))
