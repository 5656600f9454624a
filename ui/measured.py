"""Predicted beside measured: choose a running process, say in the form what it runs, see the difference by
component, keep it.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from planner.core.errors import PlanError
from planner.core.units import mem, scale, symbol
from planner.live.here import request_text, usable
from planner.live.inventory import Inventory
from planner.live.live_gpu import LiveGpu, Process
from planner.live.measured import Comparison, compare, explanations, record
from planner.live.running import request_of, valid
from planner.logs import readers
from planner.logs.reading import Reading
from planner.plan import Plan, plan
from ui import pasted
from ui.question.form import PLAN
from ui.question.here import watch
from ui.show.colours import PARTS, Ground, ground
from ui.show.text import plain

NEUTRAL = "#7f8b99"
Holds = dict[str, tuple[str, dict[int, int], Process | None]]
"""What can be compared, by a stable key: its label, bytes by position of the GPU, and the process."""


def section(answer: Plan) -> None:
    """The whole of it, below the live cards."""
    st.subheader("Predicted and measured", anchor=False)
    found = watch().latest(30)
    holds = comparable(found)
    if not holds:
        st.caption("When a program holds GPU memory on this machine, its memory is set beside the prediction here.")
        return
    st.caption(
        "Choose a running program, and set the form to what it runs. A server over several GPUs may be several"
        " programs."
    )
    names = {key: label for key, (label, _, _) in holds.items()}
    chosen = st.multiselect(
        "Running programs", list(names), list(names)[:1], format_func=lambda key: names.get(key, key), key="running"
    )
    picked = [holds[key] for key in chosen if key in holds]
    if not picked:
        return
    _guess(answer, [process for _, _, process in picked if process])
    with st.expander("Its start-up log tells the parts", icon=":material/article:"):
        text = pasted.field(
            "Start-up log of llama.cpp, Ollama, vLLM or SGLang", "running_log", 120, "Paste it from the start"
        )
    reading = pasted.reading_of(text, "running_log", readers.read) if text else None
    if reading is not None and reading.empty:
        st.warning(
            "This text has no line of a start-up log that Headroom reads: paste it from the start.",
            icon=":material/error:",
        )
    elif reading is not None:
        _take(
            answer,
            {key: value for key, value in valid(reading.request()).items() if key != "gpus"},
            "Take what its log says",
            "take_log",
        )
    held: dict[int, int] = {}
    for _, sizes, _ in picked:
        for position, size in sizes.items():
            held[position] = held.get(position, 0) + size
    _compared(answer, found, held, reading)


def comparable(found: Inventory) -> Holds:
    """Programs with the memory that they hold on each GPU; of GPUs whose programs are not listed, all that is used."""
    holds: Holds = {}
    for position, gpu in enumerate(found.gpus):
        listed = [one for one in gpu.processes or () if one.used_bytes]
        for one in listed:
            _, sizes, _ = holds.get(f"pid:{one.pid}", ("", {}, None))
            sizes = {**sizes, position: sizes.get(position, 0) + (one.used_bytes or 0)}
            label = f"{one.name or 'Process'} {one.pid}: {mem(sum(sizes.values()))}"
            holds[f"pid:{one.pid}"] = (label, sizes, one)
        if not listed and gpu.used_bytes:
            holds[f"gpu:{gpu.key}"] = (
                f"Everything on GPU {gpu.index}: {mem(gpu.used_bytes)}",
                {position: gpu.used_bytes},
                None,
            )
    return holds


def _guess(answer: Plan, processes: list[Process]) -> None:
    """Where the operator shows command lines, a button reads the question from them."""
    fields: dict[str, Any] = {}
    for process in processes:
        fields = request_of(process.name, process.command) or fields
    _take(answer, fields, "Take what its command line says", "take_command")


def _take(answer: Plan, fields: dict[str, Any], title: str, key: str) -> None:
    """A button that sets these fields of the question, with the fields below it."""
    if fields:
        st.button(title, on_click=PLAN.change, args=(answer.request, fields), icon=":material/terminal:", key=key)
        st.caption(plain(", ".join(f"{field} {value}" for field, value in fields.items())))


def _compared(answer: Plan, found: Inventory, held: dict[int, int], reading: Reading | None) -> None:
    gpus: list[LiveGpu] = [found.gpus[position] for position in sorted(held)]
    known = usable(gpus, found.host.ram_available_bytes)
    if not known:
        st.warning("The catalogue does not know this GPU, so nothing can be predicted for it.", icon=":material/error:")
        return
    try:
        predicted = plan(answer.request.changed(gpus=request_text(known, free=False)))
    except PlanError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    comparison = compare(predicted, sum(held.values()), reading)
    st.markdown(plain(comparison.sentence))
    st.plotly_chart(
        chart(comparison, ground()),
        key="measured",
        theme=None,
        config={"displayModeBar": False},
        alt=comparison.sentence,
    )
    size = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        frame(comparison),
        hide_index=True,
        alt=comparison.sentence,
        column_config={name: size for name in frame(comparison).columns if name != "Part"},
        placeholder="",
    )
    _explained(answer, comparison)
    _kept(comparison, found)


def _explained(answer: Plan, comparison: Comparison) -> None:
    changes = explanations(comparison)
    if changes:
        st.markdown("**It would be as measured if**")
        with st.container(horizontal=True):
            for one in changes:
                title = f"{one.title} ({mem(one.predicted.expected)})"
                st.button(title, on_click=PLAN.change, args=(answer.request, one.change), key=f"explains:{one.title}")
    elif not comparison.total.inside and comparison.total.measured:
        st.caption(
            "No single change of format, context, sequences, cache or layers explains it: check the engine and the"
            " model, or whether others share the process."
        )


def _kept(comparison: Comparison, found: Inventory) -> None:
    with st.expander("Keep this measurement", icon=":material/save:"):
        st.caption(
            "A line for data/measurements/, with the question, what was measured and how. Contributed, it makes every"
            " prediction better."
        )
        drivers = ", ".join(f"{vendor} {version}" for vendor, version in found.drivers.items())
        conditions = st.text_input(
            "Conditions", f"memory of the process by the driver; {drivers}", key="conditions", max_chars=500
        )
        source = st.text_input(
            "Where its log can be read (a web address, once there is one)", key="measured_source", max_chars=500
        )
        line = record(comparison, conditions, source)
        st.code(json.dumps(line, ensure_ascii=False), language="json", wrap_lines=True)
        st.download_button(
            "Measurement as JSON",
            json.dumps(line, ensure_ascii=False) + "\n",
            f"{line['id'][:80]}.jsonl",
            "application/jsonl",
            icon=":material/download:",
            on_click="ignore",
        )


def frame(comparison: Comparison) -> pd.DataFrame:
    """The parts and the total in the unit shown; what is measured stands beside them where a log tells the
    parts apart.
    """
    rows = [
        (
            row.label,
            row.predicted.expected / scale(),
            row.predicted.low / scale(),
            row.predicted.high / scale(),
            _gib(row.measured),
            _gib(row.difference),
        )
        for row in (*comparison.parts, comparison.total)
    ]
    columns = [
        "Part",
        f"Predicted ({symbol()})",
        f"Low ({symbol()})",
        f"High ({symbol()})",
        f"Measured ({symbol()})",
        f"Measured less predicted ({symbol()})",
    ]
    whole = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "float64"))
    return whole if comparison.reading else whole[columns[:4]]


def chart(comparison: Comparison, behind: Ground) -> Any:
    """Two bars: the prediction by its parts, the measurement by the log's or in one piece."""
    import plotly.graph_objects as go

    figure = go.Figure()
    told = comparison.reading is not None
    for part, row in zip(PARTS, comparison.parts, strict=True):
        sizes = [row.predicted.expected / scale(), max(row.measured or 0, 0) / scale() if told else 0]
        figure.add_bar(
            name=part.label,
            orientation="h",
            y=["Predicted", "Measured"],
            x=sizes,
            marker={"color": part.colour, "line": {"width": 0}},
            hovertemplate=f"{part.label}: %{{x:.2f}} {symbol()}<extra></extra>",
        )
    if not told:
        figure.add_bar(
            name="Not told apart",
            orientation="h",
            y=["Measured"],
            x=[(comparison.total.measured or 0) / scale()],
            marker={"color": NEUTRAL},
            hovertemplate="Measured: %{x:.2f} GiB<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        height=170,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        bargap=0.3,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": behind.text, "size": 13},
        dragmode=False,
        legend={"orientation": "h", "y": -0.35, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(
        ticksuffix=f" {symbol()}",
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        ticks="outside",
        tickcolor=behind.frame,
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False, automargin=True, ticklabelstandoff=8)
    return figure


def _gib(size: int | None) -> float | None:
    return None if size is None else size / scale()
