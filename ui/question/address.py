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
from ui.question.form import Form

HINT = "This is an example. Choose your own model, format and GPUs in the sidebar; on a phone » at the top opens it."
"""For a first visit; it goes away by itself."""

PAGE, WRITTEN, LINK, SHOWN = "page", "written", "link", "shown"
"""In the session: the page that was drawn last, the parameters that were written last, those of a link that has just
arrived, and those of what the page shows.
"""


def arrive(page: str, form: Form[Any] | None) -> None:
    """Before a page is drawn as a whole: take a link, if one brought the visitor here.

    Args:
        page: the page's path.
        form: the question that the page asks; None for a page without one.
    """
    state = st.session_state
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    came = PAGE not in state or state[PAGE] != page or streamlit_private.stepped_back()
    news = came and bool(here) and here != state.get(WRITTEN)
    state[PAGE], state[SHOWN], state[LINK] = page, {}, here if news else None
    state["remark"] = ""
    if form is None:
        return
    if news:
        raw = {name: texts[-1] for name, texts in here.items()}
        state["remark"] = migrate.remark(raw)
        link = {name: text for name, text in migrate.migrated(raw).items() if name in (*form.fields, "system")}
        if link or streamlit_private.stepped_back():
            form.take(link)
    if not state.get("model") and not form.question() and f"begun:{form.name}" not in state:
        form.take(form.example)
        st.toast(HINT, icon=":material/arrow_back:", duration="long")
    state[f"begun:{form.name}"] = True


def arrived(name: str) -> list[str] | None:
    """A parameter of the link that brought the visitor to this page; None when no link did."""
    link: dict[str, list[str]] | None = st.session_state.get(LINK)
    return None if link is None else link.get(name, [])


def show(name: str, texts: Sequence[str]) -> None:
    """Something that the page shows, for the address; without texts it is the usual one and stands in none."""
    shown: dict[str, list[str]] = st.session_state.setdefault(SHOWN, {})
    shown.pop(name, None)
    if texts:
        shown[name] = list(texts)


def write(form: Form[Any] | None) -> None:
    """At the end of a run: the address is the question and what is shown of its answer, in one step of the history."""
    state = st.session_state
    wanted = {name: [text] for name, text in (form.question() if form else {}).items()} | state.get(SHOWN, {})
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    # The bare address of a first visit is completed by the browser, without a step of its history.
    if here != wanted and (here or WRITTEN in state):
        st.query_params.from_dict(wanted)
    state[WRITTEN], state[LINK] = wanted, None
    if not streamlit_private.fragment_alone():
        history.one_step(urlencode(wanted, doseq=True))


def link(form: Form[Any]) -> str:
    """The link of this page's question, with the version of its spelling."""
    versioned = form.question() | {migrate.PARAMETER: str(migrate.VERSION)}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(versioned)}"
