"""Comparing: pin, change, pin again; the link alone brings the whole comparison back, and a report carries
every step.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from dashboard import LLAMA, complaints, opened
from streamlit.testing.v1 import AppTest

from planner.plan import plan
from planner.report.html import html
from planner.report.markdown import markdown
from planner.request import PlanRequest


def pinned(at: AppTest) -> AppTest:
    next(button for button in at.main.button if button.label.startswith("Pin")).click().run()
    assert not at.exception
    return at


def test_pin_change_pin_again_and_share() -> None:
    at = pinned(opened("compare", **LLAMA))
    at.selectbox(key="quantization").set_value("Q8_0").run()
    at = pinned(at)
    first = at.dataframe[0].value
    assert len(first.columns) == 3
    assert at.query_params["pin"] == [urlencode(LLAMA), urlencode(LLAMA | {"quantization": "Q8_0"})]
    other = opened("plan", **LLAMA)
    other.query_params["pin"] = at.query_params["pin"]
    other.switch_page("pages/compare.py").run()
    assert other.dataframe[0].value.equals(first)


def test_a_pin_that_names_what_is_gone_says_so_and_the_rest_stays() -> None:
    at = opened("plan", **LLAMA)
    at.query_params["pin"] = [urlencode(LLAMA), "model=gone/gone-7b&context=x&<b>=1"]
    at.switch_page("pages/compare.py").run()
    assert not at.exception
    assert any("gone/gone-7b" in sentence for sentence in complaints(at))
    assert len(at.dataframe[0].value.columns) == 2


def test_a_report_holds_every_step_and_no_markup_from_outside() -> None:
    answer = plan(PlanRequest.read(LLAMA))
    text = markdown(answer, "http://localhost/?x=1")
    assert all(step.expression in text for step in answer.derivation)
    assert answer.fit.reason in text
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 100,
    }
    named = plan(PlanRequest(model="<img src=x>`|**x**", config=config))
    assert "`<img src=x>'/**x**`" in markdown(named)
    assert "<img" not in html(named)
    assert "&lt;img src=x&gt;" in html(named)


def test_the_page_to_print_holds_every_step() -> None:
    answer = plan(PlanRequest.read(LLAMA))
    text = html(answer, "http://localhost/?x=1&y=<b>")
    assert all(escape(step.expression) in text for step in answer.derivation)
    assert "y=&lt;b&gt;" in text
