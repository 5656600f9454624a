"""The data page: from a file to a recommended length, whatever the file."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from notes import note_lengths, notes, words_tokenizer
from streamlit.testing.v1 import AppTest

from planner.training.request import TrainRequest
from tests.pages.dashboard import landed

ROOT = Path(__file__).parents[2]


def opened(**query: str) -> AppTest:
    return landed("data", **query)


def with_file(page: AppTest, content: bytes, name: str = "data.jsonl") -> AppTest:
    return page.file_uploader(key="samples_file").set_value((name, content, "application/octet-stream")).run()


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_it_begins_with_one_sentence() -> None:
    page = opened()
    assert not page.exception
    assert page.header[0].value == "How long are your samples?"
    assert len(page.info) == 1
    assert not page.metric


def test_the_veterinary_notes() -> None:
    page = with_file(opened(max_length="512"), notes(note_lengths()))
    assert not page.exception
    assert "about" in page.subheader[0].value  # no tokenizer yet: an estimate that says so
    page.file_uploader(key="tokenizer_file").set_value(("tokenizer.json", words_tokenizer(), "application/json")).run()
    assert not page.exception
    shown = figures(page)
    assert shown["Samples"] == "1,602"
    assert shown["Mean length"] == "103"
    assert shown["Used, padded"] == "20%"
    assert shown["Recommended"] in ("192", "256")
    assert "cuts none" in page.subheader[0].value
    assert "about" not in page.subheader[0].value
    table = page.dataframe[0].value
    assert list(table["Maximum length"]) == sorted(table["Maximum length"])
    assert table.loc[table["Maximum length"] == 512, "Used, padded to maximum"].iloc[0] == pytest.approx(103 / 512)


def test_malformed_rows_are_shown_as_they_are_and_never_fatal() -> None:
    page = with_file(opened(), b'{"text": "fine"}\n<script>alert(1)</script>\n{"a": 1, "b": 2}\n')
    assert not page.exception
    assert any("2 rows were left out" in text.value for text in page.markdown)
    assert list(page.dataframe[-1].value["Line"]) == [2, 3]
    assert all("<script>" not in text.value for text in (*page.markdown, *page.caption, *page.subheader))


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"", "a.jsonl"), (b"{{{", "a.jsonl"), (b"PAR1", "a.parquet"), (b"\x1f\x8b..", "a.jsonl"), (b"a,b\n", "a.csv")],
)
def test_a_file_without_samples_gets_a_sentence(content: bytes, name: str) -> None:
    page = with_file(opened(), content, name)
    assert not page.exception
    assert len(page.error) == 1
    assert not page.metric


def test_a_column_can_be_chosen_where_the_shape_does_not_tell() -> None:
    page = with_file(opened(), b"title,findings\nfirst note,all is well\nsecond,nothing seen\n", "notes.csv")
    assert len(page.error) == 1
    page.selectbox(key="column").set_value("findings").run()
    assert not page.exception
    assert figures(page)["Samples"] == "2"
    assert list(page.dataframe[2].value["Shape"]) == ["findings"]


def test_parquet_and_pasted_samples() -> None:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"prompt": ["a b"] * 5, "completion": ["c"] * 5}), file)
    page = with_file(opened(), file.getvalue(), "data.parquet")
    assert figures(page)["Samples"] == "5"
    page = opened()
    page.text_area(key="pasted").set_value("one sample\nanother one\n").run()
    assert not page.exception
    assert figures(page)["Samples"] == "2"


def test_a_tokenizer_that_cannot_be_had_leaves_the_estimate() -> None:
    page = with_file(opened(tokenizer="no/such-model"), b'{"text": "fine"}')
    assert not page.exception
    assert len(page.warning) == 1
    assert figures(page)["Samples"] == "1"
    page.file_uploader(key="tokenizer_file").set_value(("tokenizer.json", b"{}", "application/json")).run()
    assert not page.exception
    assert "no tokenizer.json" in page.warning[0].value.replace("\\", "")


@pytest.mark.parametrize(
    "query",
    [
        {"max_length": "-5"},
        {"max_length": "x"},
        {"padded_batch": "99999999999"},
        {"tokenizer": "<script>"},
        {"tokenizer": "../../etc/passwd"},
    ],
)
def test_any_link_opens_the_page(query: dict[str, str]) -> None:
    page = with_file(opened(**query), b'{"text": "fine"}')
    assert not page.exception
    assert figures(page)["Samples"] == "1"


def test_another_file_is_read_anew_and_the_same_one_once() -> None:
    page = with_file(opened(), b'{"text": "fine"}')
    kept = page.session_state["analysis"][1]
    page.number_input(key="max_length").set_value(7).run()
    assert page.session_state["analysis"][1] is kept
    with_file(page, b'{"text": "fine"}\n{"text": "fine"}')
    assert figures(page)["Samples"] == "2"


def test_the_lengths_lead_to_the_fine_tune_page() -> None:
    """Through the router, where other pages can be linked; what the link says is a question about training."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/data.py").run()
    with_file(app, notes(note_lengths()))
    assert not app.exception
    links = [link.proto for link in app.get("page_link")]
    assert [link.page for link in links] == ["fine_tune", "fine_tune"]
    for link, packing in zip(links, (False, True), strict=True):
        query = {key: values[0] for key, values in parse_qs(link.query_string.lstrip("?")).items()}
        request = TrainRequest.from_query({"model": "tatsu-lab/alpaca-7b", **query})
        assert (request.samples, request.seq_len, request.packing) == (1_602, 128, packing)
        assert request.tokens_per_sample == 56
