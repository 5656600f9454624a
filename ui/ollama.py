"""Ollama's settings on the plan page, and how LM Studio spells the same plan."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from planner.core.units import duration
from planner.engines.llama_cpp.ollama_settings import conclusion, settings
from planner.plan import Plan
from ui.layers import layout_of
from ui.show.text import plain


def settings_table(plan: Plan) -> None:
    """What to set, what happens if nothing is set, what keeping the model loaded saves, and LM Studio's flags."""
    said = conclusion(plan.case)
    st.markdown(f"**{plain(said)}**")
    frame = settings_frame(plan)
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={"Source": st.column_config.LinkColumn(display_text="docs", width="small")},
        placeholder="",
    )
    st.download_button(
        "Table as CSV",
        frame.to_csv(index=False),
        "headroom-ollama.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(plain(kept(plan)))
    st.markdown("**LM Studio**")
    st.code(studio(plan), language="bash", wrap_lines=True)
    st.caption(
        "It runs the same llama.cpp, so this plan's memory holds there too. A model that a request loaded is unloaded"
        " after 60 idle minutes; --ttl SECONDS changes that."
    )


def settings_frame(plan: Plan) -> pd.DataFrame:
    """One row a setting, those that the plan needs first."""
    rows = sorted(settings(layout_of(plan)), key=lambda setting: not setting.needed)
    return pd.DataFrame(
        [
            (one.name, one.plan or "as it is", one.default, "yes" if one.needed else "no", one.meaning, one.source)
            for one in rows
        ],
        columns=["Setting", "This plan", "Left alone", "To set", "What it does", "Source"],
    )


def kept(plan: Plan) -> str:
    """What a model that stays loaded saves."""
    load = plan.load.load
    return (
        f"An idle model is unloaded after 5 minutes, and the next request then waits {duration(load.low)} to"
        f" {duration(load.high)} for it to load again: OLLAMA_KEEP_ALIVE=-1 saves that at the price of the memory"
        " staying taken."
    )


def studio(plan: Plan) -> str:
    """LM Studio's command for the same plan; it takes the part of the layers that lies on the GPUs.

    Source: https://lmstudio.ai/docs/cli/load
    """
    layout = layout_of(plan)
    units, given = len(layout.layers) + 1, layout.split.gpu_layers
    share = "max" if given >= units else f"{given / units:.2f}" if given else "off"
    return f"lms load MODEL --context-length {plan.request.context} --gpu {share}"
