"""Which layer lies where: a picture of the split, and a slider that moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from planner.core.units import mem, scale, symbol
from planner.engines.llama_cpp.fit import left_alone, sentence
from planner.engines.llama_cpp.layout import Layout
from planner.engines.llama_cpp.places import HOST, Unit, name_of, units
from planner.engines.registry import engine
from planner.plan import Plan
from ui.question.form import PLAN
from ui.show.colours import PARTS, Ground, ground
from ui.show.text import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHADES = ("#2f68ad", "#2f9488", "#8a5fb0", "#7a8b2f", "#b0604a", "#5b7aa0", "#2f7f5f", "#a05f8a")
AS_FITS = {"gpu_layers": None, "cpu_moe_layers": None, "tensor_split": None}
IN_RAM = PARTS[1].colour


def layout_of(plan: Plan) -> Layout:
    """The layout behind a plan of llama.cpp or Ollama."""
    return Layout.of(plan.case, engine(plan.request.engine).quantization(plan.case))


def layers(plan: Plan) -> None:
    """The picture, the slider and the table."""
    layout = layout_of(plan)
    found = units(layout)
    said = conclusion(layout, found)
    if plan.case.gpus and layout.shares:
        _slider(plan, layout)
    st.markdown(f"**{plain(said)}**")
    if plan.request.engine == "llama.cpp" and plan.case.gpus:
        st.caption(plain(by_itself(plan, layout)))
    st.plotly_chart(
        picture(layout, found, ground()), key="layers", theme=None, config={"displayModeBar": False}, alt=said
    )
    frame = table(layout, found)
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in frame.columns if symbol() in name
        },
        placeholder="",
    )
    st.download_button(
        "Table as CSV",
        frame.to_csv(index=False),
        "headroom-layers.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _slider(plan: Plan, layout: Layout) -> None:
    """GPU layers by hand; the request follows, and the memory bar above with it."""
    most = len(layout.layers) + 1
    key = f"layers_on_gpu:{most}"
    st.session_state[key] = layout.split.gpu_layers

    def move() -> None:
        PLAN.change(plan.request, moved(plan, st.session_state[key]))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider(
            "Layers on the GPUs",
            0,
            most,
            key=key,
            on_change=move,
            help=f"{most} are all: {most - 1} layers and the output.",
        )
        if plan.request.gpu_layers is not None:
            st.button(
                "As many as fit", on_click=PLAN.change, args=(plan.request, AS_FITS), icon=":material/restart_alt:"
            )


def moved(plan: Plan, layers: int) -> dict[str, Any]:
    """The fields for so many layers on the GPUs: experts stay where they are, and layers leave from the front, off the
    first GPU that has some.
    """
    held, left = dict(plan.memory.split_held), layers
    shares: list[int] = []
    for count in reversed(held.get("tensor_split", ())):
        shares.insert(0, min(count, left))
        left -= int(shares[0])
    if shares:
        held["tensor_split"] = (shares[0] + left, *shares[1:]) if layers else None
    return {**held, "gpu_layers": layers}


def by_itself(plan: Plan, layout: Layout) -> str:
    """What llama.cpp's own fit would do, with its free choice of context and with the plan's."""
    count, file_type = len(layout.layers), layout.file.file_type
    found = (left_alone(plan.case, file_type), left_alone(plan.case, file_type, plan.request.context))
    said = [sentence(fitted, count, given) for fitted, given in zip(found, (False, True), strict=True) if fitted]
    return (
        " ".join([*said, "It leaves 1 GiB free on each GPU, and changes nothing that the command sets."])
        if said
        else NOT_FITTED
    )


NOT_FITTED = "llama.cpp fits nothing by itself where a row or tensor split cuts the matrices."


def conclusion(layout: Layout, found: tuple[Unit, ...]) -> str:
    """How many layers and how much of the weights lie on each device."""
    if layout.mode != "layer":
        parts = (
            f"{name_of(layout, index)} holds {mem(layout.weights_of(index, layout.split))}"
            for index in range(len(layout.case.gpus))
        )
        return (
            f"The layers' matrices are cut over all GPUs ({layout.mode} split): "
            + ", ".join(parts)
            + " of weights; the picture shows whose each layer would be uncut."
        )
    said = []
    for device in sorted(
        {unit.device for unit in found} | {unit.experts_device for unit in found}, key=lambda index: (index < 0, index)
    ):
        count = sum(1 for unit in found if unit.device == device and unit.name.startswith("Layer"))
        size = sum(unit.weights_bytes for unit in found if unit.device == device) + sum(
            unit.experts_bytes for unit in found if unit.experts_device == device
        )
        lent = sum(1 for unit in found if unit.experts_bytes and unit.experts_device == device != unit.device)
        output = any(unit.device == device and unit.name == "Output" for unit in found)
        held = [
            f"{count} layers" if count or not lent else "",
            "the output" if output else "",
            f"the experts of {lent} layers" if lent else "",
        ]
        said.append(f"{name_of(layout, device)} holds {' and '.join(filter(None, held))}, {mem(size)} of weights")
    return "; ".join(said) + "."


def picture(layout: Layout, found: tuple[Unit, ...], behind: Ground) -> go.Figure:
    """A column a unit as high as its bytes, in the colour of its device; experts that lie elsewhere have the colour of
    that place.
    """
    import plotly.graph_objects as go

    chart = go.Figure()
    places = sorted(
        {unit.device for unit in found} | {unit.experts_device for unit in found}, key=lambda index: (index < 0, index)
    )
    for device in places:
        sizes = [
            (unit.weights_bytes if unit.device == device else 0)
            + (unit.experts_bytes if unit.experts_device == device else 0)
            for unit in found
        ]
        chart.add_bar(
            name=name_of(layout, device),
            x=list(range(len(found))),
            y=[size / scale() for size in sizes],
            customdata=[(unit.name, mem(size)) for unit, size in zip(found, sizes, strict=True)],
            hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>" + name_of(layout, device) + "</extra>",
            marker={"color": IN_RAM if device < 0 else SHADES[device % len(SHADES)], "line": {"width": 0}},
        )
    _dress(chart, found, behind)
    return chart


def _dress(chart: Any, found: tuple[Unit, ...], behind: Ground) -> None:
    step = max((len(found) - 2) // 8, 1)
    ticks = [0, *range(step + 1, len(found) - 1 - step // 3, step), len(found) - 1]
    chart.update_layout(
        barmode="stack",
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        bargap=0.15,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": behind.text, "size": 13},
        dragmode=False,
        showlegend=True,
        legend={
            "orientation": "h",
            "yanchor": "top",
            "y": -0.2,
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
            "traceorder": "normal",
        },
    )
    names = ["in" if index == 0 else "out" if index == len(found) - 1 else str(index - 1) for index in ticks]
    chart.update_xaxes(tickvals=ticks, ticktext=names, showgrid=False, fixedrange=True, tickangle=0)
    chart.update_yaxes(
        ticksuffix=f" {symbol()}", showgrid=False, zeroline=False, fixedrange=True, automargin=True, nticks=4
    )


def table(layout: Layout, found: tuple[Unit, ...]) -> pd.DataFrame:
    """One row a unit."""
    rows = [
        (unit.name, name_of(layout, unit.device), unit.weights_bytes / scale(), unit.experts_bytes / scale(),
         name_of(layout, unit.experts_device) if unit.experts_bytes else "", unit.cache_bytes / scale())
        for unit in found
    ]  # fmt: skip
    frame = pd.DataFrame(
        rows,
        columns=[
            "Unit",
            "Device",
            f"Weights ({symbol()})",
            f"Experts ({symbol()})",
            "Experts on",
            f"Cache ({symbol()})",
        ],
    )
    return (
        frame
        if any(unit.experts_bytes for unit in found)
        else frame.drop(columns=[f"Experts ({symbol()})", "Experts on"])
    )


__all__ = ["HOST", "conclusion", "layers", "layout_of", "picture", "table"]
