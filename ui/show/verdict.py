"""The verdict in one sentence, and the ways out as buttons that change the question."""

from __future__ import annotations

import streamlit as st

from planner import catalog
from planner.core.units import count, significant, usd
from planner.plan import Plan
from planner.report.word import pace, word
from planner.searches.ways_out import WayOut
from ui.question import models
from ui.question.form import PLAN
from ui.show.colours import VERDICTS
from ui.show.text import plain

A_ROW = 3


def verdict(plan: Plan) -> None:
    """What was asked, and the answer; the icon says it without the colour."""
    model = plan.architecture
    known = catalog.models().get(plan.case.name)
    active = f", {count(model.active)} active" if model.active < model.parameters else ""
    asked = (
        f"{known.title if known else plan.case.name}: {count(model.parameters)} parameters{active},"
        f" {plan.memory.weights.format}, {plan.request.engine}"
    )
    st.text(asked)
    colour, icon = VERDICTS[plan.fit.verdict]
    st.header(f":{colour}[{icon}] {word(plan).word}. {plain(plan.fit.reason)}", anchor=False)
    if plan.case.taken.note:
        st.caption(plain(plan.case.taken.note))
    if not model.exact:
        st.warning(plain(model.note or "The counts of this architecture are an estimate."), icon=":material/info:")
    if plan.memory.note and plan.memory.note not in plan.fit.reason:
        st.caption(plain(plan.memory.note))


def take(plan: Plan, way: WayOut) -> None:
    """Change the question as a way out says; another model takes the place of a file that was uploaded."""
    if "model" in way.change and models.uploaded():
        models.leave()
    PLAN.change(plan.request, way.change)


def ways_out(plan: Plan) -> None:
    """Each change that would help, tried already: what to do, and what the verdict then is.

    The back button undoes it.
    """
    ways = plan.advice
    if not ways:
        if plan.fit.verdict == "does_not_fit":
            st.caption(
                "No single change makes it fit: pick a smaller model, or more GPUs and a smaller format together."
            )
        return
    st.markdown("**Ways out**")
    for start in range(0, len(ways), A_ROW):
        for column, way in zip(st.columns(A_ROW), ways[start : start + A_ROW], strict=False):
            with column, st.container(border=True, height="stretch", gap="small"):
                st.button(way.title, key=f"way:{way.title}", on_click=take, args=(plan, way), width="stretch")
                st.markdown("  \n".join(f":small[{plain(line)}]" for line in _costs(way)))


def _costs(way: WayOut) -> list[str]:
    """What a way out does to memory, quality, speed and money, a line each."""
    rate = way.tokens_per_s
    speed = f"About {significant(rate)} tokens/s a stream, {pace(rate)}." if rate else ""
    price = f"About {usd(way.price_usd)} more." if way.price_usd else ""
    return [line for line in (way.reason, way.quality, speed, price) if line]
