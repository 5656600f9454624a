"""Widgets of a question: each draws one field as it is declared, under the session's key of its form, with its limits,
its default and a place for a sentence about it.

A page that asks for more than the form does draws these in its own body; the field is then the same on every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from ui.question.form import PLAN, Form
from ui.show.text import plain

PLACES = "places"
"""In the session: where on this page a sentence about a field stands."""


def number(
    field: str,
    label: str = "",
    step: float = 1,
    placeholder: str | None = None,
    help: str | None = None,
    form: Form[Any] = PLAN,
    **more: Any,
) -> None:
    """A number; empty where the field has no default, and `placeholder` then says what is taken."""
    info, kind = form.fields[field], form.number_type(field) or int
    limits = {type(rule).__name__: getattr(rule, type(rule).__name__.lower()) for rule in _rules(info)}
    low = kind(limits.get("Ge", 1 if kind is int else min(step, 0.01)))
    shown: Any = "%g" if kind is float else None
    st.number_input(
        label or labelled(field, form),
        low,
        kind(limits["Le"]),
        form.default(field),
        kind(step),
        format=shown,
        key=form.key(field),
        placeholder=placeholder or _unset(info),
        help=help or _meaning(info),
        **more,
    )
    place(field, form)


def choice(
    field: str,
    options: Sequence[str],
    label: str = "",
    other: bool = False,
    placeholder: str | None = None,
    help: str | None = None,
    form: Form[Any] = PLAN,
    **more: Any,
) -> None:
    """One of several texts, or, with `other`, any text; `placeholder` says what is taken where it has no default."""
    info, first, current = form.fields[field], form.default(field), form.value(field)
    index = options.index(first) if first in options else None
    listed = [*options, current] if other and current and current not in options else options
    st.selectbox(
        label or labelled(field, form),
        listed,
        index=index,
        key=form.key(field),
        accept_new_options=other,
        placeholder=placeholder or _unset(info),
        help=help or _meaning(info),
        **more,
    )
    place(field, form)


def switch(field: str, label: str = "", placeholder: str | None = None, form: Form[Any] = PLAN) -> None:
    """Yes, no, or, where the field may be empty, what the engine does by itself."""
    if form.is_toggle(field):
        info = form.fields[field]
        st.toggle(label or labelled(field, form), form.default(field), key=form.key(field), help=_meaning(info))
        place(field, form)
        return
    choice(
        field,
        ["true", "false"],
        label,
        placeholder=placeholder,
        form=form,
        format_func={"true": "yes", "false": "no"}.get,
    )


def text(
    field: str,
    label: str = "",
    placeholder: str | None = None,
    help: str | None = None,
    form: Form[Any] = PLAN,
    **more: Any,
) -> None:
    """Any text."""
    info = form.fields[field]
    st.text_input(
        label or labelled(field, form),
        key=form.key(field),
        placeholder=placeholder or _unset(info),
        help=help or _meaning(info),
        **more,
    )
    place(field, form)


def any_of(field: str, form: Form[Any] = PLAN) -> None:
    """A field of any kind as it is declared, for pages that have no better place for it."""
    if form.number_type(field):
        number(field, step=0.05 if form.number_type(field) is float else 1, form=form)
    elif form.is_switch(field):
        switch(field, form=form)
    else:
        text(field, form=form)


def labelled(field: str, form: Form[Any] = PLAN) -> str:
    """What a field is called on a page: as declared, else its name in words."""
    label: str = _declared(form.fields[field]).get("label") or field.replace("_", " ").capitalize()
    return label


def engines_of(field: str, form: Form[Any] = PLAN) -> tuple[str, ...]:
    """The engines that have a field; none named means all."""
    return tuple(_declared(form.fields[field]).get("engines", ()))


def _declared(info: FieldInfo) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _unset(info: FieldInfo) -> str | None:
    """What is taken where nothing is given."""
    unset: str | None = _declared(info).get("unset")
    return unset or ("auto" if info.default is None and bool in getattr(info.annotation, "__args__", ()) else None)


def _meaning(info: FieldInfo) -> str | None:
    """The field's tip: its declared meaning as a sentence."""
    words = info.description
    return f"{words[0].upper()}{words[1:]}." if words else None


def begin() -> None:
    """Before a page is drawn: no field has a place yet."""
    st.session_state[PLACES] = {}


def place(field: str, form: Form[Any] = PLAN) -> None:
    """Where a sentence about the field stands, under its widget."""
    spot = st.empty()
    st.session_state[PLACES][field] = spot
    if sentence := form.complaints.get(field):
        spot.warning(plain(f"{sentence} Its default stands in."), icon=":material/error:")


def complain(field: str | None, sentence: str) -> None:
    """Show a sentence at the field that it is about; a field that this page has no widget for has the model's place."""
    places = st.session_state[PLACES]
    spot = places.get(field or "", places.get("model"))
    if spot:
        spot.warning(plain(sentence), icon=":material/error:")


def _rules(info: FieldInfo) -> list[Any]:
    """The limits of a field, wherever pydantic keeps them: on the field, or on the number inside an optional one."""
    found = list(info.metadata)
    for argument in getattr(info.annotation, "__args__", ()):
        found += getattr(argument, "__metadata__", ())
    return found
