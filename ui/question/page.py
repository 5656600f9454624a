"""What every page begins with: the question from the sidebar, and its answer, or one sentence and examples to begin
with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import StopException

from planner.core.errors import PlanError
from planner.plan import Plan, plan
from planner.request import PlanRequest
from ui.question import history, memory_unit, redraw, share
from ui.question.fields import complain
from ui.question.models import upload, with_config
from ui.question.share import Asked
from ui.question.sidebar import numbers, rest, sidebar
from ui.show.text import plain

Answer = TypeVar("Answer")


@contextmanager
def frame(name: str, question: bool) -> Iterator[None]:
    """Around every page.

    One that answers the question has the sidebar before it, and after it the fields that it has no widget for.
    """
    history.one_step()
    share.finite()
    memory_unit.arrive()
    if not question:
        st.session_state["page"], st.session_state["own"] = name, True
        yield
        return
    begin(name)
    st.session_state["framed"] = True
    try:
        yield
        rest()
    except StopException:
        rest()
        raise
    finally:
        del st.session_state["framed"]
        st.session_state["kept"] = share.question()
        share.remember(st.session_state["kept"])
        share.tell("page")
    share.depart()


def begin(name: str) -> None:
    """Read the link and draw the sidebar."""
    st.session_state["places"] = {}
    redraw.begin()
    share.arrive(name)
    sidebar()
    for field, sentence in share.not_taken().items():
        complain(field, f"{sentence} Its default stands in.")
    if remark := st.session_state.get("remark"):
        complain("model", remark)


def routed() -> None:
    """Hand over to the router, once, when the first visitor of a new server comes by a page's own address.

    Until `st.navigation` has run, Streamlit takes the folder `pages/` for an app without a router and runs the page's
    file alone.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def stop() -> NoReturn:
    """End the page here.

    After `st.stop` nothing could be drawn any more, and the frame has the rest of the sidebar to draw.
    """
    raise StopException


def answered() -> Plan:
    """The answer to the question that the sidebar and the link spell; a question without an answer ends the page with
    its reason.
    """
    return answer(PlanRequest, plan)


def answer(kind: type[Asked], ask: Callable[[Any], Answer]) -> Answer:
    """The same for any kind of question and whatever answers it: `answer(TrainRequest, train)`."""
    if "framed" not in st.session_state and not redraw.again():
        routed()
        begin("")
    numbers()
    try:
        return ask(with_config(share.read(kind, upload())))
    except PlanError as error:
        if redraw.again():
            st.rerun()  # a question without an answer is told beside its field
        complain(error.field, f"{error} The rest of the link is kept." if share.linked(error.field) else str(error))
        st.header(":gray[:material/help:] What would you like to run?", anchor=False)
        st.markdown(plain(str(error)))
        share.examples()
        stop()
