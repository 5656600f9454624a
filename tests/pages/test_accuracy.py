"""The Accuracy page: every figure opens, and a new kind of measurement is a row."""

import pytest
from streamlit.testing.v1 import AppTest

from planner.calibrate.validate import comparisons, summaries
from ui import accuracy


def opened() -> AppTest:
    page = AppTest.from_file("../../app.py", default_timeout=30).run()
    page.switch_page("pages/accuracy.py").run()
    assert not page.exception
    return page


def test_it_opens_with_a_conclusion_and_a_run_that_explains_itself() -> None:
    page = opened()
    texts = " ".join(element.value for element in page.markdown)
    assert "half are predicted within" in texts
    assert "Measured" in texts
    assert "predicted" in texts


def test_every_figure_can_be_chosen() -> None:
    page = opened()
    for title in page.selectbox(key="figure").options:
        page.selectbox(key="figure").select(title).run()
        assert not page.exception, title


@pytest.mark.parametrize("row", summaries(comparisons()), ids=lambda row: accuracy.named(row.kind, row.figure))
def test_conclusions_have_a_count_and_no_broken_number(row) -> None:  # type: ignore[no-untyped-def]
    text = accuracy.conclusion(row)
    assert f"{row.records:,}" in text
    assert "inf" not in text
    assert "nan" not in text


def test_tables_hold_every_row() -> None:
    compared = comparisons()
    assert len(accuracy.records_frame(compared)) == len(compared)
    assert len(accuracy.summary_frame(summaries(compared))) == len(summaries(compared))
