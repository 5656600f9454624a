"""The model itself: parameters by what they do, total against active, its layers as a strip, and the cache of a
token.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from planner.architecture.summary import Run, by_group, runs
from planner.architecture.tensors import Architecture
from planner.core.units import count
from planner.memory import kv_cache
from planner.plan import Plan
from planner.quantization.cache_types import cache_type
from ui.show.colours import Ground, ground
from ui.show.derivations import write
from ui.show.text import plain

STRIP = ("#2f68ad", "#efa73a", "#2f9488", "#d8c3ea", "#8a3b6b", "#7f8b99")
"""Colours of kinds of layers, by order of appearance."""


def architecture(plan: Plan) -> None:
    """What the planner understood of the model."""
    model = plan.architecture
    st.text(_sentence(model))
    if not model.exact:
        st.warning(plain(model.note or "The counts of this architecture are an estimate."), icon=":material/info:")
    found = runs(model)
    st.plotly_chart(
        _strip(found, ground()), key="layers", theme=None, config={"displayModeBar": False}, alt=_layers(found)
    )
    st.text(_layers(found))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Parameters by what they do**")
        groups = by_group(model)
        frame = pd.DataFrame(
            [(group.label, group.total, group.active) for group in groups],
            columns=["Part", "Total", "Active for a token"],
        )
        number = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            frame,
            hide_index=True,
            column_config={"Total": number, "Active for a token": number},
            alt=_sentence(model),
            placeholder="",
        )
    with right:
        st.markdown("**KV cache of one token**")
        _, elements, size = cache_type(plan.request.kv_cache_dtype)
        block = (elements, size)
        write([*kv_cache.per_token_steps(model, block), kv_cache.bytes_per_token(model, block)])


def _sentence(model: Architecture) -> str:
    active = f", of which a token passes through {count(model.active)}" if model.active < model.parameters else ""
    exact = "counted exactly from its config" if model.exact else "estimated from its config"
    extra = (
        f", and {count(model.mtp_parameters)} for speculative decoding that are not loaded"
        if model.mtp_parameters
        else ""
    )
    return (
        f"{model.architecture or model.model_type}: {count(model.parameters)} parameters{active}, {exact}{extra}. Up to"
        f" {model.max_context:,} tokens."
    )


def _layers(found: tuple[Run, ...]) -> str:
    """How many layers there are of each kind, in words."""
    kinds: dict[str, int] = {}
    for run in found:
        kinds[_kind(run)] = kinds.get(_kind(run), 0) + run.count
    listed = [f"{number} of {kind}" if len(kinds) > 1 else f"all of {kind}" for kind, number in kinds.items()]
    return f"{sum(run.count for run in found)} layers: {', '.join(listed)}."


def _kind(run: Run) -> str:
    return f"{run.mixer}, {run.ffn} feed-forward" if "experts" not in run.ffn else f"{run.mixer}, {run.ffn}"


def _strip(found: tuple[Run, ...], behind: Ground) -> Any:
    """Every layer as a tile, coloured by its kind."""
    import plotly.graph_objects as go

    chart = go.Figure()
    kinds = list(dict.fromkeys(_kind(run) for run in found))
    for index, kind in enumerate(kinds):
        tiles = [layer for run in found if _kind(run) == kind for layer in range(run.start, run.start + run.count)]
        chart.add_bar(
            name=kind,
            x=tiles,
            y=[1] * len(tiles),
            width=0.82,
            marker={"color": STRIP[index % len(STRIP)], "line": {"width": 0}},
            hovertemplate=f"Layer %{{x}}: {kind}<extra></extra>",
        )
    chart.update_layout(
        barmode="overlay",
        height=118,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": behind.text, "size": 13},
        showlegend=True,
        dragmode=False,
        legend={"orientation": "h", "y": -0.5, "yanchor": "top", "x": 0, "itemclick": False, "itemdoubleclick": False},
    )
    chart.update_yaxes(visible=False, fixedrange=True)
    chart.update_xaxes(showgrid=False, zeroline=False, fixedrange=True)
    return chart
