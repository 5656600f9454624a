"""Running again only what a change of a number moves: the number itself and the page's body.

A page that draws its body with `body` is a fragment of its own, to which the form's numbers belong, too: when one of
them moves, the browser asks for that fragment alone, and the router, the navigation and the other widgets stay as they
are. Whatever else changes the question, from a button in the body to the back button, runs the whole script: a body
that finds another question than the page was drawn with asks for that.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.question import address, memory_unit
from ui.question.form import PLAN
from ui.question.streamlit_private import fragment_alone

BODY = "body"
DRAWN, ALONE, MOVED = "drawn", "alone", "moved"
"""In the session: the question that the page shows, whether its body can run alone, and whether a number of the form
has just moved.
"""


def begin() -> None:
    """Before a page is drawn as a whole: nothing of it can run alone yet."""
    st.session_state[ALONE] = False


def number_moved() -> None:
    """A number of the form changed, and no other widget depends on it."""
    state = st.session_state
    if state.get(ALONE):
        state[MOVED] = True
        if not fragment_alone():  # asked for without a browser, which knows the number's fragment
            st.rerun(BODY)
    elif fragment_alone():
        st.rerun()


@st.fragment(key=BODY)
def body(draw: Callable[[], None]) -> None:
    """Draw a page, and again when a number has moved; a page that ends early, for want of an answer, is drawn as a
    whole next time.
    """
    memory_unit.begin()
    if fragment_alone():
        PLAN.hold()
    state, question = st.session_state, PLAN.question()
    if not state.pop(MOVED, False) and fragment_alone() and state.get(DRAWN) != question:
        st.rerun()
    state[ALONE] = False
    draw()
    if fragment_alone():
        address.write(PLAN)
    state[DRAWN] = question
    state[ALONE] = True
