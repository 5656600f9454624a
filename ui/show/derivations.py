"""How a figure came about: each step's formula, the same with its numbers, the result and the source."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from planner.core.formula import Step
from planner.core.units import mem
from ui.show.text import plain


def derivation(label: str, steps: Iterable[Step], key: str, words: str = "") -> None:
    """A small button that opens the steps; they are only written out when it is open."""
    opened = st.popover(label, icon=":material/function:", type="tertiary", key=f"steps:{key}", on_change="rerun")
    if opened.open:
        with opened:
            if words:
                st.markdown(words)
            write(steps)


def write(steps: Iterable[Step]) -> None:
    """The steps one below the other; what several devices share is written once."""
    seen = set()
    for step in steps:
        text = code(step)
        if (step.label, text) in seen:
            continue
        seen.add((step.label, text))
        st.markdown(f"**{plain(step.label)}**")
        st.code(text, language=None, wrap_lines=True)
        if step.source:
            st.caption(plain(step.source))
    if not seen:
        st.caption("Nothing to add up: this part is empty.")


def code(step: Step) -> str:
    """The formula, its numbers, and the result: `= 8 * 128 * 2`, `= 2,048 bytes`."""
    symbolic = "" if step.symbolic.startswith("part_0") else f"{step.symbolic}\n"
    return f"{symbolic}= {step.expression}\n= {result(step)}"


def result(step: Step) -> str:
    return (
        f"{step.result} = {mem(step.value)}" if step.unit.startswith("bytes") and step.value >= 2**20 else step.result
    )
