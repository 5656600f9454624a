"""Widgets of the question: each has its field's name as key, its limits and its default, a place for a sentence, and
stands in the address.

A page that asks for more than the sidebar does draws these in its own body; the field is then the same on every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from ui.question import share
from ui.show.text import plain

BOUND: Any = {"bind": "query-params"}


def number(
    field: str, label: str, step: float = 1, placeholder: str | None = None, help: str | None = None, **more: Any
) -> None:
    """A number; empty where the field has no default, and `placeholder` then says what is taken."""
    info, kind = share.fields()[field], share.number_type(field) or int
    limits = {type(rule).__name__: getattr(rule, type(rule).__name__.lower()) for rule in _rules(info)}
    low = kind(limits.get("Ge", 1 if kind is int else min(step, 0.01)))
    shown: Any = "%g" if kind is float else None
    st.number_input(
        label,
        low,
        kind(limits["Le"]),
        info.default,
        kind(step),
        format=shown,
        key=field,
        placeholder=placeholder,
        help=help,
        **BOUND,
        **more,
    )
    place(field)


def choice(
    field: str,
    label: str,
    options: Sequence[str],
    other: bool = False,
    placeholder: str | None = None,
    help: str | None = None,
    **more: Any,
) -> None:
    """One of several texts, or, with `other`, any text;

    `placeholder` says what is taken where the field has no default.
    """
    first = share.default(field)
    index = options.index(first) if first in options else None
    current = st.session_state.get(field)
    listed = [*options, current] if other and current and current not in options else options
    st.selectbox(
        label,
        listed,
        index=index,
        key=field,
        accept_new_options=other,
        placeholder=placeholder,
        help=help,
        **BOUND | more,
    )
    place(field)


def switch(field: str, label: str, placeholder: str = "auto") -> None:
    """Yes, no, or what the engine does by itself."""
    choice(field, label, ["true", "false"], placeholder=placeholder, format_func={"true": "yes", "false": "no"}.get)


def text(field: str, label: str, placeholder: str | None = None, help: str | None = None, **more: Any) -> None:
    """Any text."""
    st.text_input(label, key=field, placeholder=placeholder, help=help, **BOUND, **more)
    place(field)


def any_of(field: str) -> None:
    """A field of any kind under its own name, for pages that have no better place for it."""
    if share.number_type(field):
        number(field, field)
    elif "bool" in str(share.fields()[field].annotation):
        switch(field, field)
    else:
        text(field, field)


def place(field: str) -> None:
    """Where a sentence about the field stands, under its widget."""
    spot = st.empty()
    st.session_state["places"][field] = spot
    if sentence := st.session_state["complaints"].get(field):
        spot.warning(plain(f"{sentence} Its default stands in."), icon=":material/error:")


def complain(field: str | None, sentence: str) -> None:
    """Show a sentence at the field that it is about; a field that this page has no widget for has the model's place."""
    places = st.session_state["places"]
    spot = places.get(field or "", places.get("model"))
    if spot:
        spot.warning(plain(sentence), icon=":material/error:")


def _rules(info: Any) -> list[Any]:
    """The limits of a field, wherever pydantic keeps them: on the field, or on the number inside an optional one."""
    found = list(info.metadata)
    for argument in getattr(info.annotation, "__args__", ()):
        found += getattr(argument, "__metadata__", ())
    return found
