"""The address bar is the whole question, and what the page shows of its answer: read when a page opens, written once at
the end of each run.

Only three things make an address count: a link that begins a visit, a link from one page to another, and the browser's
back and forward buttons. In every other run the widgets are newer than the address, which then follows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from ui.question import history, migrate, streamlit_private
from ui.question.form import PLAN, TRAIN, Form

PAGE, WRITTEN, SHOWN, LINK, ARRIVING = "page", "written", "shown", "link", "arriving"
"""In the session: the page that was drawn last, the parameters that were written last, those of what the page shows,
those of the link that brought the visitor here and that nothing on the page has taken yet, and whether it did so in
this run.
"""


def arrive(page: str, form: Form[Any] | None) -> None:
    """Before a page is drawn as a whole: take a link, if one brought the visitor here.

    Args:
        page: the page's path.
        form: the question that the page asks; None for a page without one.
    """
    history.one_step()
    state = st.session_state
    for each in (PLAN, TRAIN):
        each.hold()
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    moved = state.get(PAGE) != page
    news = (moved or streamlit_private.stepped_back()) and bool(here) and here != state.get(WRITTEN)
    state[PAGE], state[SHOWN], state[ARRIVING], state["remark"] = page, {}, news, ""
    if news or moved:
        state[LINK] = here if news else {}
    if form is None:
        return
    if news:
        raw = {name: texts[-1] for name, texts in here.items()}
        state["remark"] = migrate.remark(raw)
        known = {*form.fields, "system"}
        others = {name for name in here if migrate.name(name) not in {*known, migrate.PARAMETER}}
        state[LINK] = {name: here[name] for name in others}
        link = {name: text for name, text in migrate.migrated(raw).items() if name in known}
        if link:
            form.take(link)
    if not state.get("model") and not form.question() and f"begun:{form.name}" not in state:
        form.take(form.example)
    state[f"begun:{form.name}"] = True


def arrived(name: str) -> list[str] | None:
    """A parameter of the link that brought the visitor to this page, for the first who asks, which may be long after;
    None when there is nothing to take.
    """
    state = st.session_state
    texts: list[str] | None = state.get(LINK, {}).pop(name, None)
    return texts if texts is not None else [] if state.get(ARRIVING) else None


def show(name: str, texts: Sequence[str]) -> None:
    """Something that the page shows, for the address; without texts it is the usual one and stands in none."""
    shown: dict[str, list[str]] = st.session_state.setdefault(SHOWN, {})
    shown.pop(name, None)
    if texts:
        shown[name] = list(texts)


def write(form: Form[Any] | None) -> None:
    """At the end of a run: the address is the question and what is shown of its answer, in one step of the history."""
    state = st.session_state
    question = {name: [text] for name, text in form.question().items()} if form else {}
    wanted = question | state.get(LINK, {}) | state.get(SHOWN, {})
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    # The bare address of a first visit is completed by the browser, without a step of its history.
    if here != wanted and (here or WRITTEN in state):
        st.query_params.from_dict(wanted)
    state[WRITTEN], state[ARRIVING] = wanted, False
    if not streamlit_private.fragment_alone():
        history.complete(urlencode(wanted, doseq=True))


def link(form: Form[Any]) -> str:
    """The link of this page's question, with the version of its spelling."""
    versioned = form.question() | {migrate.PARAMETER: str(migrate.VERSION)}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(versioned)}"
