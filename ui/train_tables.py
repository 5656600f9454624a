"""The tables of the fine-tuning page:

GPUs, length and batch, amount of data, and the two rules of thumb that it takes apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from planner.core.errors import PlanError
from planner.core.units import mem, scale, symbol
from planner.training.plan import TrainPlan, train
from planner.training.request import TrainRequest
from planner.training.tables import WAYS, Cell, GpuRow, Scaled, by_gpu, by_samples, llama_table, scaled, smallest
from ui.show.colours import ground
from ui.show.text import plain
from ui.train_views import hours

if TYPE_CHECKING:
    import plotly.graph_objects as go

LENGTHS = (256, 512, 1_024, 2_048, 4_096, 8_192, 16_384)
BATCHES = (1, 2, 4, 8)
COUNTS = (100, 1_000, 10_000, 100_000, 1_000_000)
GIB_COLUMN = st.column_config.NumberColumn(format="%.1f")


@st.cache_data(max_entries=256, show_spinner=False)
def _by_gpu(request: TrainRequest, unit: str, _plan: TrainPlan) -> tuple[GpuRow, ...]:
    return by_gpu(_plan)


@st.cache_data(max_entries=256, show_spinner=False)
def _scaled(request: TrainRequest, unit: str, _plan: TrainPlan) -> tuple[Scaled, ...]:
    return scaled(_plan, LENGTHS, BATCHES)


@st.cache_data(show_spinner="Planning LLaMA 7B to 65B, six ways each …")
def _llama(unit: str) -> tuple[Cell, ...]:
    return llama_table()


def gpu_table(plan: TrainPlan) -> None:
    """Every GPU of the catalogue in the run's number: fits, tight, does not fit."""
    rows = _by_gpu(plan.request, symbol(), plan)
    first = smallest(rows)
    number = max(len(plan.case.gpus), 1)
    each = f"{number:,}x " if number > 1 else ""
    need = mem(rows[0].need.expected)
    said = (
        f"The smallest hardware that surely holds this run is {each}{first.gpu.name}: {need} of"
        f" {mem(first.gpu.usable_bytes)} usable."
        if first
        else (
            f"No GPU of the catalogue holds this run, which needs {need} on {'each' if number > 1 else 'one'}: climb"
            " the ladder, or add GPUs."
        )
    )
    st.markdown(plain(said))
    timed = any(row.hours is not None for row in rows)
    frame = pd.DataFrame(
        [
            (
                row.gpu.name,
                row.fit.words,
                row.need.expected / scale(),
                row.gpu.usable_bytes / scale(),
                row.fit.probability * 100,
                row.tokens_per_s,
                *((row.hours,) if timed else ()),
            )
            for row in rows
        ],
        columns=[
            "GPU",
            "Verdict",
            f"Needs ({symbol()})",
            f"Usable ({symbol()})",
            "Chance to fit (%)",
            "Tokens/s",
            *(("Hours",) if timed else ()),
        ],
    )
    config = {
        f"Needs ({symbol()})": GIB_COLUMN,
        f"Usable ({symbol()})": GIB_COLUMN,
        "Chance to fit (%)": st.column_config.NumberColumn(format="%.0f"),
        "Tokens/s": st.column_config.NumberColumn(format="localized", help="Where the card could hold it."),
        "Hours": GIB_COLUMN,
    }
    frame["Tokens/s"] = frame["Tokens/s"].round()
    st.dataframe(frame, hide_index=True, alt=said, column_config=config, placeholder="")
    st.download_button(
        "Table as CSV",
        frame.to_csv(index=False),
        "headroom-training-gpus.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def scaling(plan: TrainPlan) -> None:
    """How the peak grows with length, a line for each micro-batch."""
    found = _scaled(plan.request, symbol(), plan)
    usable = plan.fullest.usable_bytes if plan.fullest else 0
    fitting = [one for one in found if one.micro_batch == plan.request.micro_batch and one.peak.expected <= usable]
    if not fitting:
        fitting = [one for one in found if one.micro_batch == 1 and one.peak.expected <= usable]
    longest = max(fitting, key=lambda one: one.seq_len, default=None)
    said = (
        f"At micro-batch {longest.micro_batch:,}, sequences of {longest.seq_len:,} tokens still fit; beyond a base of"
        " weights and states, memory grows in proportion to the tokens of a micro-batch."
        if longest
        else "None of these lengths fits on this GPU, not even at micro-batch 1."
    )
    st.markdown(plain(said))
    st.plotly_chart(_lines(found, usable), key="scaling", theme=None, config={"displayModeBar": False}, alt=said)
    frame = pd.DataFrame(
        {"Tokens a sequence": LENGTHS}
        | {
            f"Micro-batch {batch} ({symbol()})": [
                one.peak.expected / scale() for one in found if one.micro_batch == batch
            ]
            for batch in BATCHES
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={name: GIB_COLUMN for name in frame.columns if symbol() in name},
        placeholder="",
    )


def _lines(found: tuple[Scaled, ...], usable: int) -> go.Figure:
    import plotly.graph_objects as go

    ink, shades = ground(), ("#2f68ad", "#2f9488", "#b4552d", "#8257a8")
    chart = go.Figure()
    for batch, shade, dash in zip(BATCHES, shades, ("solid", "dash", "dot", "dashdot"), strict=True):
        line = [one for one in found if one.micro_batch == batch]
        chart.add_scatter(
            x=[one.seq_len for one in line],
            y=[one.peak.expected / scale() for one in line],
            name=f"Micro-batch {batch}",
            mode="lines+markers",
            line={"color": shade, "dash": dash},
            customdata=[mem(one.peak.expected) for one in line],
            hovertemplate="%{x:,} tokens: %{customdata}",
        )
    if usable:
        chart.add_scatter(
            x=[LENGTHS[0], LENGTHS[-1]],
            y=[usable / scale()] * 2,
            name=f"Usable, {mem(usable)}",
            mode="lines",
            line={"color": ink.frame, "width": 3},
            hoverinfo="skip",
        )
    chart.update_layout(
        height=340,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
        dragmode=False,
        legend={"orientation": "h", "y": -0.25},
    )
    chart.update_xaxes(
        type="log",
        tickvals=list(LENGTHS),
        ticktext=[f"{length:,}" for length in LENGTHS],
        fixedrange=True,
        gridcolor=ink.unusable,
    )
    ticks = [4, 8, 16, 24, 32, 48, 80, 141, 320, 640, 1_280]
    chart.update_yaxes(
        type="log",
        tickvals=ticks,
        ticktext=[f"{tick:,} {symbol()}" for tick in ticks],
        fixedrange=True,
        gridcolor=ink.unusable,
        automargin=True,
    )
    return chart


def data_sizes(plan: TrainPlan) -> None:
    """More samples: the same memory, more time."""
    counts = sorted({*COUNTS, *([plan.request.samples] if plan.request.samples else [])})
    rows = by_samples(plan, counts)
    if not rows:
        st.caption("Add a GPU: without one there is no time to tell.")
        return
    said = (
        f"Memory is {mem(rows[0].peak_bytes)} for {rows[0].samples:,} samples and for {rows[-1].samples:,}: only one"
        " micro-batch is on the GPU at a time. Time grows in proportion."
    )
    st.markdown(plain(said))
    frame = pd.DataFrame(
        [
            (row.samples, row.peak_bytes / scale(), row.steps, hours(row.hours * 3600), row.hours, row.electricity_usd)
            for row in rows
        ],
        columns=["Samples", f"Peak ({symbol()})", "Steps", "Duration", "Hours", "Electricity (USD)"],
    )
    config = {
        f"Peak ({symbol()})": GIB_COLUMN,
        "Samples": st.column_config.NumberColumn(format="localized"),
        "Steps": st.column_config.NumberColumn(format="localized"),
        "Hours": st.column_config.NumberColumn(format="%.2f"),
        "Electricity (USD)": st.column_config.NumberColumn(format="%.2f"),
    }
    st.dataframe(frame, hide_index=True, alt=said, column_config=config, placeholder="")


def llama() -> None:
    """The classic table of requirements for LLaMA 7B to 65B, computed."""
    cells = _llama(symbol())
    by = {(cell.model, cell.way): cell for cell in cells}
    sizes = list(dict.fromkeys(cell.model for cell in cells))
    said = (
        "The rule 'tuning takes five times the size of the 16-bit file' fits no method: full tuning takes about four"
        " times with pure bf16 states and eight with fp32 master weights; adapters take little more than the model"
        " itself."
    )
    st.markdown(said)
    frame = pd.DataFrame(
        [(way, *(by[size, way].peak.expected / scale() for size in sizes)) for way in WAYS],
        columns=["Method", *(f"{s} ({symbol()})" for s in sizes)],
    )
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={f"{size} ({symbol()})": GIB_COLUMN for size in sizes},
        placeholder="",
    )
    st.caption(
        f"On one device, micro-batch 1, 512 tokens, checkpointing, AdamW fused. Above about 140 {symbol()} several GPUs"
        " share it: see Sharding."
    )
    for size in sizes:
        with st.expander(f"Why: {size}"):
            for way in WAYS:
                cell = by[size, way]
                st.markdown(f"**{way}**: {mem(cell.peak.expected)}. {plain(cell.reason)}.")


def contradiction(plan: TrainPlan) -> None:
    """The table that adds full fine-tuning's states to a LoRA run, next to what each run really needs."""
    st.markdown(
        "A table that is often copied reads: *weights 14 + optimizer 14 + gradients 14 + activations 4 GB with LoRA,"
        " fits a 24 GB card*. It adds to 46 GB, which fits no 24 GB card, and it describes no run: LoRA makes gradients"
        " and optimizer states for the adapters alone, and full fine-tuning with AdamW keeps two moments, not one."
        " These are the runs it mixes up, for this model and this batch:"
    )
    runs = {
        "LoRA, 16 bit": {"method": "lora", "precision": "bf16"},
        "Full, pure bf16 (8 bytes a parameter)": {"method": "full", "precision": "bf16"},
        "Full, fp32 master weights (16 bytes a parameter)": {"method": "full", "precision": "bf16-mixed"},
    }
    rows = [("the copied table", 14.0, 14.0, 14.0, 4.0, 46.0)]
    for title, fields in runs.items():
        try:
            base = plan.request.model_copy(
                update={
                    "sharding": None,
                    "offload": "none",
                    "quantization": "auto",
                    "tensor_parallel": None,
                    "pipeline_parallel": None,
                }
            )
            one = train(TrainRequest.model_validate({**base.model_dump(), "gpus": "H200", **fields})).devices[0]
        except PlanError as error:
            st.caption(plain(str(error)))
            return
        sizes = [part.expected / 1e9 for part in (one.weights, one.gradients, one.optimizer, one.activation)]
        rows.append((title, *sizes, sum(sizes)))  # type: ignore[arg-type]
    frame = pd.DataFrame(
        rows, columns=["Run", "Weights (GB)", "Gradients (GB)", "Optimizer (GB)", "Activations (GB)", "Allocated (GB)"]
    )
    number = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        frame,
        hide_index=True,
        alt="The copied table beside what each run allocates.",
        column_config={name: number for name in frame.columns if "GB" in name},
        placeholder="",
    )
    st.caption("1 GB is 10⁹ bytes here, as the copied table counts.")
