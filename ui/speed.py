"""Speed on the page: the figures, where a step's time goes, and throughput against latency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from planner.core.estimate import Estimate
from planner.core.units import duration, symbol
from planner.performance.curve import Help, Point
from planner.performance.timing import Timing
from planner.plan import Plan
from ui.show.colours import PARTS, Ground
from ui.show.derivations import derivation
from ui.show.figures import LIMITS, WIDTH, quick
from ui.show.text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

SPENT = {
    "weights": ("Weights", 0),
    "attention": ("Cache and attention", 1),
    "link": ("Exchange between GPUs", 2),
    "overhead": ("Launches and handling", 3),
}
"""What a step's time goes to, and the colour of it among `PARTS`."""

BAR, EDGES = 46, 96


def sentence(plan: Plan) -> str:
    """The answer in words."""
    speed, batch = plan.speed, plan.request.batch
    rate = speed.decode_tokens_per_s_per_sequence
    each = "one stream" if batch == 1 else f"each of {batch:,} streams"
    return (
        f"About {quick(rate.expected)} tokens/s for {each} ({quick(rate.low)} to {quick(rate.high)}); the first token"
        f" of a prompt of {speed.assumes.prompt_tokens:,} tokens after"
        f" {valued(speed.time_to_first_token_s.expected, 's')}. {first_upper(LIMITS[speed.limit])} sets the pace."
    )


def reading_sentence(plan: Plan) -> str:
    """The answer for a model that reads and does not write."""
    rate = plan.speed.prefill_tokens_per_s
    return (
        f"Reads about {quick(rate.expected)} tokens/s ({quick(rate.low)} to {quick(rate.high)}); this model writes no"
        " tokens of its own."
    )


def first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def figures(plan: Plan) -> None:
    """The figures with their ranges, each with its arithmetic."""
    speed = plan.speed
    shown: tuple[tuple[str, Estimate, str], ...] = (
        ("Decode, all streams", speed.decode_tokens_per_s, "tok/s"),
        ("Prefill", speed.prefill_tokens_per_s, "tok/s"),
        ("First token, as asked", speed.time_to_first_token_s, "s"),
        ("First token, idle machine", speed.idle_time_to_first_token_s, "s"),
        ("Time per token", speed.time_per_output_token_s, "s"),
        ("Throughput", speed.throughput_tokens_per_s, "tok/s"),
        ("Draw while serving", speed.watts, "W"),
    )
    st.caption(
        f"For {plain(speed.assumes.sentence())}; while decoding a cache holds {speed.assumes.context_depth:,.0f} tokens"
        " on average. Throughput counts output tokens over wall time, prompts included. A range holds eight cases in"
        " ten."
    )
    with st.container(horizontal=True, gap="small"):
        for label, figure, unit in shown:
            with st.container(width=WIDTH, gap=None):
                st.metric(
                    label,
                    valued(figure.expected, unit),
                    f"{valued(figure.low, unit)} to {valued(figure.high, unit)}",
                    delta_color="off",
                    delta_arrow="off",
                )
                derivation(
                    "How",
                    figure.steps,
                    f"speed:{label}",
                    "Low and high hold eight measurements in ten with the device left out of the fit.",
                )


def valued(amount: float, unit: str) -> str:
    """A figure with its unit; short times in milliseconds."""
    if unit == "s":
        return f"{quick(amount * 1e3)} ms" if amount < 1 else duration(amount)
    return f"{quick(amount)} {unit}"


def place_names(timing: Timing) -> list[str]:
    """The devices that a token visits, in order."""
    names = []
    for place in timing.route.places:
        if place.gpu is None:
            names.append("System memory, on the processor")
            continue
        index = (
            ""
            if len(timing.case.gpus) == 1
            else f"{place.indices[0]}: "
            if place.ranks == 1
            else f"{place.indices[0]} to {place.indices[-1]}: "
        )
        names.append(index + (f"{place.ranks}x " if place.ranks > 1 else "") + place.gpu.name.removeprefix("GeForce "))
    return names


def spent_frame(timing: Timing) -> pd.DataFrame:
    """Milliseconds of a decode step on each device."""
    rows = []
    for name, place, part in zip(place_names(timing), timing.route.places, timing.passes, strict=True):
        sizes = place.work.dense_bytes + place.work.head_bytes + place.work.expert_bytes
        times = [1e3 * getattr(part, key) for key in SPENT]
        rows.append((name, place.work.layers, sizes / 2**30, *times, sum(times)))
    step = 1e3 * timing.found[-1].step_s
    rows.append(("Every step", None, None, 0.0, 0.0, 0.0, step, step))
    return pd.DataFrame(
        rows,
        columns=[
            "Where",
            "Layers",
            f"Weights ({symbol()} each)",
            *(f"{label} (ms)" for label, _ in SPENT.values()),
            "Together (ms)",
        ],
    )


def spent_sentence(timing: Timing, better: Sequence[Help]) -> str:
    """Where the time goes, and what would help most."""
    best = (
        f"{first_upper(better[0].name)} would make it {better[0].factor:.2f} times as fast"
        if better
        else "Nothing alone would make it faster"
    )
    return f"A step takes {valued(float(timing.step.value), 's')}. {best}."


def spent_chart(frame: pd.DataFrame, ground: Ground) -> go.Figure:
    """One bar for each device, by what its time goes to."""
    import plotly.graph_objects as go

    chart = go.Figure()
    for label, colour in SPENT.values():
        values = frame[f"{label} (ms)"]
        chart.add_bar(
            name=label, orientation="h", y=frame["Where"], x=values, marker={"color": PARTS[colour].colour}, width=0.66,
            hovertemplate=f"{label}: %{{x:.3g}} ms<extra></extra>",
        )  # fmt: skip
    chart.update_layout(
        barmode="stack",
        height=EDGES + BAR * len(frame),
        legend={"orientation": "h", "y": -34 / (BAR * len(frame)), "yanchor": "top", "x": 0},
    )
    chart.update_xaxes(ticksuffix=" ms", showgrid=False, zeroline=False, fixedrange=True)
    chart.update_yaxes(autorange="reversed", fixedrange=True, automargin=True, ticklabelstandoff=8)
    return grounded(chart, ground)


def grounded(chart: go.Figure, ground: Ground) -> go.Figure:
    """The page's own ground and text."""
    chart.update_layout(
        margin={"l": 0, "r": 12, "t": 12, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ground.text, "size": 13, "family": "Source Sans, sans-serif"},
        dragmode=False,
    )
    chart.update_xaxes(automargin=True)
    chart.update_yaxes(automargin=True)
    return chart


def curve_frame(points: Sequence[Point]) -> pd.DataFrame:
    rows = [
        (point.batch, 1e3 * point.time_per_token_s, point.tokens_per_s, point.tokens_per_s / point.batch)
        for point in points
    ]
    return pd.DataFrame(
        rows, columns=["Requests at once", "Time per token (ms)", "Throughput (tokens/s)", "Each (tokens/s)"]
    )


def curve_sentence(points: Sequence[Point], best: Point) -> str:
    if len(points) == 1:
        return "This plan holds one request at a time; a shorter context or more memory would let it answer several."
    last = points[-1]
    return (
        f"{best.batch:,} requests at once give {quick(best.tokens_per_s)} tokens/s at"
        f" {valued(best.time_per_token_s, 's')} a token, the best bargain; the most it holds, {last.batch:,}, give"
        f" {quick(last.tokens_per_s)} at {valued(last.time_per_token_s, 's')}."
    )


def curve_chart(points: Sequence[Point], best: Point, limit_ms: float, ground: Ground) -> go.Figure:
    """Throughput over time per token, one point a batch, the knee marked."""
    import plotly.graph_objects as go

    chart = go.Figure()
    times, rates = [1e3 * point.time_per_token_s for point in points], [point.tokens_per_s for point in points]
    names = [f"{point.batch:,} at once" for point in points]
    hover = "%{text}<br>%{x:.3g} ms a token<br>%{y:,.3g} tokens/s<extra></extra>"
    chart.add_scatter(
        x=times,
        y=rates,
        text=names,
        mode="lines+markers",
        line={"color": PARTS[0].colour, "width": 2},
        marker={"size": 7},
        hovertemplate=hover,
        name="Batch",
    )
    chart.add_scatter(
        x=[1e3 * best.time_per_token_s],
        y=[best.tokens_per_s],
        text=[f"{best.batch:,} at once: the knee"],
        mode="markers+text",
        textposition="bottom right",
        marker={"size": 13, "color": PARTS[1].colour, "line": {"color": ground.frame, "width": 1}},
        hovertemplate=hover,
        name="Knee",
    )
    if times[0] < limit_ms < 1.3 * times[-1]:
        chart.add_vline(
            x=limit_ms,
            line={"color": ground.frame, "dash": "dot", "width": 1},
            annotation_text="your limit",
            annotation_position="top",
        )
    chart.update_layout(height=380, showlegend=False)
    chart.update_xaxes(
        title="Time per token",
        ticksuffix=" ms",
        rangemode="tozero",
        gridcolor=ground.free,
        zeroline=False,
        fixedrange=True,
    )
    chart.update_yaxes(
        title="Throughput (tokens/s)",
        rangemode="tozero",
        gridcolor=ground.free,
        zeroline=False,
        fixedrange=True,
        tickformat="~s",
    )
    return grounded(chart, ground)
