"""What a page shows, as opposed to what is asked: its open tab, its lists and switches, in the address under names that
never change.

Streamlit's own binding writes labels into the address; a link must survive a better label, so that these stand there by
their ids. A label in an old link is understood as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.show.text import slug


def restore(key: str, options: Mapping[Any, str], usual: Any, parameter: str = "") -> None:
    """Put the link's choice where the widget of this key finds it: when the page opens, and when the back button brings
    another address.
    """
    back = getattr(get_script_run_ctx(), "is_history_navigation", False)
    if key in st.session_state and not back:
        return
    ids = {slug(str(id)): id for id in options} | {slug(label): id for id, label in options.items()}
    texts = st.query_params.get_all(parameter or key)
    found = [ids[slug(text)] for text in texts if slug(text) in ids]
    if isinstance(usual, list):
        st.session_state[key] = list(dict.fromkeys(found)) if found or texts == [""] else usual
    elif found or key in st.session_state:
        st.session_state[key] = found[0] if found else usual


def write(key: str, value: Any, usual: Any, parameter: str = "") -> None:
    """Write the choice into the address; the usual one stands in none."""
    name, many = parameter or key, isinstance(usual, list)
    texts = [] if value == usual else [str(one) for one in (value if many else [value])] or [""]
    if st.query_params.get_all(name) != texts:
        if texts:
            st.query_params[name] = texts
        else:
            st.query_params.pop(name, None)


def segments(label: str, options: Mapping[Any, str], key: str, usual: Any) -> Any:
    """One of a few."""
    restore(key, options, usual)
    st.session_state.setdefault(key, usual)
    st.segmented_control(label, list(options), format_func=options.__getitem__, key=key, required=True)
    write(key, st.session_state[key], usual)
    return st.session_state[key]


def several(label: str, options: Mapping[Any, str], key: str, usual: Sequence[Any] = (), **more: Any) -> list[Any]:
    """Some of many, in the order in which they were chosen."""
    restore(key, options, list(usual))
    found = st.multiselect(label, list(options), format_func=options.__getitem__, key=key, **more)
    write(key, list(found), list(usual))
    return list(found)


def tabs(names: Sequence[str], key: str) -> Iterator[tuple[str, Any]]:
    """The open tab with its name, to be filled; the others cost nothing."""
    restore(key, {name: name for name in names}, names[0], "tab")
    found = st.tabs(list(names), key=key, on_change="rerun")
    write(key, slug(st.session_state.get(key, names[0])), slug(names[0]), "tab")
    return ((name, tab) for name, tab in zip(names, found, strict=True) if tab.open)
