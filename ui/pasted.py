"""A field to paste a log into: bounded, and read once, however often the page runs again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from planner.logs.lines import LONGEST_TEXT, left_out
from planner.logs.reading import Reading


def field(label: str, key: str, height: int, placeholder: str, help: str | None = None) -> str:
    """The text that was pasted; what is too long to be read says so beneath."""
    text: str = st.text_area(label, key=key, height=height, max_chars=LONGEST_TEXT, placeholder=placeholder, help=help)
    if said := left_out(text):
        st.caption(said)
    return text


def reading_of(text: str, key: str, read: Callable[[str], Reading]) -> Reading:
    """What a reader finds in the text of this field, kept for the visitor's session until the text changes."""
    kept: tuple[str, Reading] | None = st.session_state.get(f"{key}_reading")
    if kept is None or kept[0] != text:
        kept = st.session_state[f"{key}_reading"] = (text, read(text))
    return kept[1]
