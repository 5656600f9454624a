"""Running again only what a change of a number moves: the number's own place in the sidebar, and the page's body.

A page that draws its body with `body` is a fragment of its own. The sidebar's numbers then rerun that fragment and themselves, which
leaves the router, the navigation, and the other widgets alone. Whatever else changes the question, from a button in the body to the
back button, runs the whole script: a body that finds another question than the sidebar was drawn with asks for that.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import share

BODY, NUMBERS = "body", "numbers"
DRAWN, ALONE, MOVED = "drawn", "alone", "moved"
"""In the session: the question that the page shows, whether its body can run alone, and whether a number of the sidebar has just moved."""


def again() -> bool:
    """Whether this run is of fragments alone."""
    context = get_script_run_ctx()
    return bool(context and context.fragment_ids_this_run)


def begin() -> None:
    """Before a page is drawn as a whole: nothing of it can run alone yet."""
    st.session_state[ALONE] = False


def number_moved() -> None:
    """A number of the sidebar changed, and no other widget depends on it."""
    if not st.session_state.get(ALONE):
        st.rerun()
    st.session_state[MOVED] = True
    st.rerun([NUMBERS, BODY])


@st.fragment(key=NUMBERS)
def numbers(draw: Callable[[], None]) -> None:
    """Draw the numbers whose change is `number_moved`."""
    draw()


@st.fragment(key=BODY)
def body(draw: Callable[[], None]) -> None:
    """Draw a page, and again when a number has moved; a page that ends early, for want of an answer, is drawn as a whole next time."""
    state, question = st.session_state, share.question()
    if not state.pop(MOVED, False) and again() and state.get(DRAWN) != question:
        st.rerun()
    state[ALONE] = False
    draw()
    state[DRAWN] = state["kept"] = question
    state[ALONE] = True
