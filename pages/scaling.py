"""How far does it go? Memory against context and batch, the frontier of what fits, and several formats as curves."""

import streamlit as st

from planner.errors import PlanError
from planner.plan import plan
from planner.units import GIB
from ui import page, redraw, scaling
from ui.chart import drawn
from ui.colours import ground
from ui.engines import quantizations
from ui.frame import csv, table
from ui.text import plain


def draw() -> None:
    """The curves, one tab at a time."""
    answer = page.answered()
    request = answer.request
    st.header("How far does it go?", anchor=False)
    field = st.segmented_control(
        "Against", list(scaling.FIELDS), format_func=scaling.FIELDS.__getitem__, default="context", key="against", bind="query-params", required=True
    )
    field = field or "context"
    curves, frontier, formats, speed = st.tabs(["By part", "Context and batch", "Formats", "Speed"], key="scaling_tab", on_change="rerun")
    PLAIN = {"displayModeBar": False}

    if curves.open:
        with curves:
            points = scaling.points(answer, field)
            sentence = scaling.conclusion(answer, field)
            st.markdown(f"**{plain(sentence)}**")
            chart = drawn(scaling.stacked(points, answer, field, ground()))
            st.plotly_chart(
                chart, key="curve", theme=None, config=PLAIN, alt=sentence, selection_mode="points", on_select=lambda: scaling.take(request, "curve", field)
            )
            st.caption("The fullest device. Click a point to plan with it; the dotted line is the plan you have.")
            rows = [(point.context, point.batch, point.total / GIB, point.usable / GIB, point.verdict.replace("_", " ")) for point in points]
            frame = table(rows, ["Context (tokens)", "Batch", "Needs (GiB)", "Usable (GiB)", "Verdict"])
            numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in frame.column_names if "GiB" in name}
            st.dataframe(frame, hide_index=True, column_config=numbers, alt=sentence)
            st.download_button("Curve as CSV", lambda: csv(frame), "headroom-scaling.csv", "text/csv", icon=":material/download:", on_click="ignore")

    if frontier.open:
        with frontier:
            chart, sentence = scaling.frontier(answer, ground())
            st.markdown(f"**{plain(sentence)}**")
            st.plotly_chart(chart, key="frontier", theme=None, config=PLAIN, alt=sentence)

    if formats.open:
        with formats:
            names = st.multiselect("Formats", quantizations(request.engine)[1:], key=f"overlay_{request.engine}", max_selections=4, placeholder="up to four")
            found, refused = {}, []
            for name in names or [request.quantization]:
                try:
                    found[name] = scaling.points(plan(request.changed(quantization=name)), field)
                except PlanError as error:
                    refused.append(str(error))
            for sentence in refused:
                st.warning(plain(sentence), icon=":material/error:")
            if found:
                fits = {name: max((getattr(one, field) for one in points if one.verdict != "does_not_fit"), default=0) for name, points in found.items()}
                sentence = "Largest that is drawn and fits: " + "; ".join(f"{name} {limit:,}" for name, limit in fits.items()) + "."
                st.markdown(f"**{plain(sentence)}**")
                st.plotly_chart(drawn(scaling.overlaid(found, field, ground())), key="overlay", theme=None, config=PLAIN, alt=sentence)

    if speed.open:
        with speed:
            if not answer.architecture.generates:
                st.caption("This model reads and writes no tokens of its own, so that there is no decoding to draw.")
            else:
                line = scaling.speeds(answer, field)
                (first, fast), (last, slow) = line[0], line[-1]
                held = "tokens in the cache of each sequence" if field == "context" else "sequences at once"
                sentence = f"All sequences together decode at about {fast:,.3g} tokens/s with {first:,} {held}, at {slow:,.3g} with {last:,}."
                st.markdown(f"**{plain(sentence)}**")
                st.plotly_chart(drawn(scaling.speed_chart(line, field, ground())), key="speed_curve", theme=None, config=PLAIN, alt=sentence)
                st.caption("Expected speed of this plan as it lies now, the split held; the page Speed has the range and the arithmetic.")


redraw.body(draw)
