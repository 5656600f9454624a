"""What a page shows, as opposed to what is asked: its open tab, its lists, switches and numbers, in the address under
names that never change.

A link must survive a better label, so that choices stand in it by their ids. A label in an old link is understood as
well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import streamlit as st

from ui.question import address
from ui.show.text import slug


def restore(key: str, options: Mapping[Any, str], usual: Any, parameter: str = "") -> None:
    """Put the link's choice where the widget of this key finds it, when a link brought the visitor to the page."""
    texts = address.arrived(parameter or key)
    if texts is None:
        return
    ids = {slug(str(id)): id for id in options} | {slug(label): id for id, label in options.items()}
    found = [ids[slug(text)] for text in texts if slug(text) in ids]
    if isinstance(usual, list):
        st.session_state[key] = list(dict.fromkeys(found)) if found or texts == [""] else usual
    elif found or key in st.session_state:
        st.session_state[key] = found[0] if found else usual


def write(key: str, value: Any, usual: Any, parameter: str = "") -> None:
    """The choice, for the address; the usual one stands in none."""
    many = isinstance(usual, list)
    texts = [] if value == usual else [str(one) for one in (value if many else [value])] or [""]
    address.show(parameter or key, texts)


def segments(label: str, options: Mapping[Any, str], key: str, usual: Any) -> Any:
    """One of a few."""
    restore(key, options, usual)
    st.session_state.setdefault(key, usual)
    st.segmented_control(label, list(options), format_func=options.__getitem__, key=key, required=True)
    write(key, st.session_state[key], usual)
    return st.session_state[key]


def switch(label: str, key: str) -> bool:
    """On or off, usually off."""
    texts = address.arrived(key)
    if texts is not None:
        st.session_state[key] = texts == ["on"]
    on = st.toggle(label, key=key)
    address.show(key, ["on"] if on else [])
    return on


def one(label: str, options: Mapping[Any, str], key: str, usual: Any) -> Any:
    """One of many."""
    restore(key, options, usual)
    st.session_state.setdefault(key, usual)
    st.selectbox(label, list(options), format_func=options.__getitem__, key=key)
    write(key, st.session_state[key], usual)
    return st.session_state[key]


def several(label: str, options: Mapping[Any, str], key: str, usual: Sequence[Any] = (), **more: Any) -> list[Any]:
    """Some of many, in the order in which they were chosen."""
    restore(key, options, list(usual))
    st.session_state.setdefault(key, list(usual))
    found = st.multiselect(label, list(options), format_func=options.__getitem__, key=key, **more)
    write(key, list(found), list(usual))
    return list(found)


def number(label: str, low: float, high: float, usual: float | None, key: str, step: float = 1, **more: Any) -> Any:
    """A number between two limits, whole where they are; None while it is empty, which only one without a usual value
    can be.
    """
    kind = type(low)
    texts = address.arrived(key)
    if texts is not None:
        given = _number(texts[-1]) if texts else None
        st.session_state[key] = usual if given is None else kind(min(max(given, low), high))
    st.session_state.setdefault(key, usual)
    st.number_input(label, low, high, usual, kind(step), key=key, **more)
    value = st.session_state[key]
    address.show(key, [] if value == usual or value is None else [f"{value:.12g}"])
    return value


def text(label: str, key: str, **more: Any) -> str:
    """Any text."""
    texts = address.arrived(key)
    if texts is not None:
        st.session_state[key] = texts[-1] if texts else ""
    st.text_input(label, key=key, **more)
    value: str = st.session_state[key] or ""
    address.show(key, [value] if value else [])
    return value


def tabs(names: Sequence[str], key: str) -> Iterator[tuple[str, Any]]:
    """The open tab with its name, to be filled; the others cost nothing."""
    restore(key, {name: name for name in names}, names[0], "tab")
    found = st.tabs(list(names), key=key, on_change="rerun")
    write(key, slug(st.session_state.get(key, names[0])), slug(names[0]), "tab")
    return ((name, tab) for name, tab in zip(names, found, strict=True) if tab.open)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None
