"""What every page begins with: the question from the form, and its answer, or one sentence and examples to begin
with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import streamlit as st

from planner.core.errors import PlanError
from planner.plan import Plan, plan
from ui.question import address, fields, memory_unit, redraw
from ui.question.form import PLAN, TRAIN, Form
from ui.question.models import upload, with_config
from ui.question.plan_form import numbers, plan_form, rest
from ui.question.streamlit_private import StopException, fragment_alone, routed
from ui.question.train_sidebar import train_sidebar
from ui.show.text import plain

Answer = TypeVar("Answer")

FORMS = {PLAN.name: plan_form, TRAIN.name: train_sidebar}
"""What draws a form."""

EXAMPLES = {
    "Llama 3 70B on an RTX 4090": PLAN.example,
    "Qwen3 30B A3B on a 16 GB card": {
        "model": "Qwen/Qwen3-30B-A3B",
        "quantization": "Q4_K_M",
        "gpus": "rtx-4060-ti-16gb",
    },
    "Llama 3.1 8B without a GPU": {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": ""},
}
"""Questions to begin with."""


@contextmanager
def frame(name: str, form: Form[Any] | None) -> Iterator[None]:
    """Around every page: before it the link and the form, after it the fields that have no widget on it, and the
    address.

    Args:
        name: the page's path.
        form: the question that the page asks; None for a page without one.
    """
    begin(name, form)
    st.session_state["framed"] = True
    try:
        yield
        _end(form)
    except StopException:
        _end(form)
        raise
    finally:
        del st.session_state["framed"]


def begin(name: str, form: Form[Any] | None) -> None:
    """Read the link and draw the form."""
    fields.begin()
    redraw.begin()
    address.arrive(name, form)
    memory_unit.arrive()
    if form is None:
        return
    FORMS[form.name]()
    for field, sentence in form.not_taken().items():
        fields.complain(field, f"{sentence} Its default stands in.")
    if remark := st.session_state.get("remark"):
        fields.complain("model", remark)


def _end(form: Form[Any] | None) -> None:
    if form is not None:
        rest(form)
    address.write(form)


def stop() -> NoReturn:
    """End the page here. After `st.stop` nothing could be drawn any more, and the frame has the rest of the form to
    draw.
    """
    raise StopException


def _framed() -> None:
    if "framed" not in st.session_state and not fragment_alone():
        routed()


def answered() -> Plan:
    """The answer to the question that the form and the link spell; a question without an answer ends the page with
    its reason.
    """
    _framed()
    numbers()
    return answer(PLAN, plan, "What would you like to run?", EXAMPLES)


def answer(
    form: Form[Any],
    ask: Callable[[Any], Answer],
    otherwise: str,
    examples: dict[str, Any],
) -> Answer:
    """The same for any form and whatever answers its question.

    Args:
        form: the question.
        ask: what answers it, or raises a `PlanError`.
        otherwise: the heading of a page without an answer.
        examples: questions to begin with, by their titles.
    """
    _framed()
    try:
        return ask(with_config(form.read(upload())))
    except PlanError as error:
        if fragment_alone():
            st.rerun()  # a question without an answer is told beside its field
        kept = form.linked(error.field)
        fields.complain(error.field, f"{error} The rest of the link is kept." if kept else str(error))
        st.header(f":gray[:material/help:] {otherwise}", anchor=False)
        st.markdown(plain(str(error)))
        with st.container(horizontal=True):
            for title, query in examples.items():
                st.button(title, on_click=form.replace, args=(query,), icon=":material/arrow_forward:")
        stop()
