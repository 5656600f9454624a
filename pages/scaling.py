"""How far does it go?

Memory against context and batch, the frontier of what fits, and several formats or models as curves.
"""

from functools import partial

import streamlit as st

from planner.core.units import scale, symbol
from planner.plan import Plan
from ui import frontier, scaling
from ui.question import page, picker, redraw, views
from ui.question.engines import quantizations
from ui.show.chart import drawn
from ui.show.colours import ground
from ui.show.frame import csv, table
from ui.show.text import plain

PLAIN = {"displayModeBar": False}


def by_part(answer: Plan, field: str) -> None:
    """What is clicked is told the request alone:

    Streamlit keeps it for as long as the visitor stays, once for every chart that was drawn.
    """
    points = scaling.points(answer, field)
    sentence = scaling.conclusion(answer, field)
    st.markdown(f"**{plain(sentence)}**")
    chart = drawn(scaling.stacked(points, answer, field, ground()))
    st.plotly_chart(
        chart,
        key="curve",
        theme=None,
        config=PLAIN,
        alt=sentence,
        selection_mode="points",
        on_select=partial(scaling.take, answer.request, "curve", field),
    )
    st.caption("The fullest device. Click a point to plan with it; the dotted line is the plan you have.")
    rows = [
        (point.context, point.batch, point.total / scale(), point.usable / scale(), point.fit.words) for point in points
    ]
    frame = table(rows, ["Context (tokens)", "Batch", f"Needs ({symbol()})", f"Usable ({symbol()})", "Verdict"])
    formats = {name: "%.2f" if symbol() in name else "localized" for name in frame.column_names[:-1]}
    numbers = {name: st.column_config.NumberColumn(format=format) for name, format in formats.items()}
    st.dataframe(frame, hide_index=True, column_config=numbers, alt=sentence, placeholder="")
    st.download_button(
        "Curve as CSV",
        lambda: csv(frame),
        "headroom-scaling.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def context_and_batch(answer: Plan, field: str) -> None:
    chart, sentence = frontier.frontier(answer, ground())
    st.markdown(f"**{plain(sentence)}**")
    st.plotly_chart(
        drawn(chart),
        key="frontier",
        theme=None,
        config=PLAIN,
        alt=sentence,
        selection_mode="points",
        on_select=partial(scaling.take_cell, answer.request, "frontier"),
    )
    st.caption(f"{frontier.MEANS[answer.fit.held is not None]} Click a cell to plan with it.")


def overlaid(answer: Plan, field: str, changed: str, names: list[str], own: str) -> None:
    found, refused = scaling.several(answer, field, changed, names or [own])
    for sentence in refused:
        st.warning(plain(sentence), icon=":material/error:")
    if found:
        sentence = scaling.limits(found, field)
        st.markdown(f"**{plain(sentence)}**")
        st.plotly_chart(
            drawn(scaling.overlaid(found, field, ground())),
            key=f"overlay:{changed}",
            theme=None,
            config=PLAIN,
            alt=sentence,
        )


def formats(answer: Plan, field: str) -> None:
    known = {name: name for name in quantizations(answer.request.engine)[1:]}
    overlaid(
        answer,
        field,
        "quantization",
        views.several("Formats", known, "overlay_format", max_selections=4, placeholder="up to four"),
        answer.request.quantization,
    )


def models(answer: Plan, field: str) -> None:
    chosen = views.several(
        "Models, each in this format on these GPUs",
        picker.titles(),
        "overlay_model",
        max_selections=4,
        placeholder="up to four",
    )
    overlaid(answer, field, "model", chosen, answer.case.name)


def speed(answer: Plan, field: str) -> None:
    if not answer.architecture.generates:
        st.caption("This model reads and writes no tokens of its own, so that there is no decoding to draw.")
        return
    line = scaling.speeds(answer, field)
    sentence = scaling.speed_sentence(line, field)
    st.markdown(f"**{plain(sentence)}**")
    st.plotly_chart(
        drawn(scaling.speed_chart(line, field, ground())), key="speed_curve", theme=None, config=PLAIN, alt=sentence
    )
    st.caption(
        "Expected speed of this plan as it lies now, the split held; the page Speed has the range and the arithmetic."
    )


TABS = {
    "By part": by_part,
    "Context and batch": context_and_batch,
    "Formats": formats,
    "Models": models,
    "Speed": speed,
}


def draw() -> None:
    """The curves, one tab at a time."""
    answer = page.answered()
    st.header("How far does it go?", anchor=False)
    field = views.segments("Against", scaling.FIELDS, "against", "context")
    for name, tab in views.tabs(list(TABS), "scaling_tab"):
        with tab:
            TABS[name](answer, field)


redraw.body(draw)
