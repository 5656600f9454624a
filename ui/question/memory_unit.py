"""GiB or GB: the unit in which every page writes memory, chosen once, kept for the visit, and in the link where it is
not the usual one.
"""

from __future__ import annotations

import streamlit as st

from planner.core import units
from ui.question import views

UNITS = {"GiB": "GiB", "GB": "GB"}
USUAL = "GiB"
HELD, WIDGET, PARAMETER = "memory_unit", "memory_unit_widget", "units"


def begin() -> None:
    """At the start of a run of a page or of a part of one, which may be in another thread than the last."""
    units.choose(str(st.session_state.get(HELD, USUAL)))


def arrive() -> None:
    """At the start of a page: a link says which."""
    views.restore(HELD, UNITS, USUAL, PARAMETER)
    views.write(HELD, st.session_state.get(HELD, USUAL), USUAL, PARAMETER)
    begin()


def switch() -> None:
    """The choice."""
    st.session_state[WIDGET] = st.session_state.get(HELD, USUAL)
    st.segmented_control(
        "Memory in",
        UNITS,
        key=WIDGET,
        on_change=_chosen,
        required=True,
        help="1 GiB is 2³⁰ bytes, as drivers count; 1 GB is 10⁹ bytes, as shops and downloads do.",
    )


def _chosen() -> None:
    st.session_state[HELD] = st.session_state[WIDGET]
