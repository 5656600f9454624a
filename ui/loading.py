"""What it takes to have the model ready, on the plan page."""

from __future__ import annotations

import streamlit as st

from planner.core.units import duration, mem, scale, symbol
from planner.load import DISK_GB_PER_S, DOWNLOAD_MBIT_PER_S
from planner.plan import Plan
from ui.show.derivations import derivation
from ui.show.text import plain


def loading(plan: Plan) -> None:
    """Disk, download, memory and time, each with its range, and what keeping the model loaded saves."""
    load, system = plan.load, plan.request.system
    line, disk = system.download_mbit_per_s or DOWNLOAD_MBIT_PER_S, system.disk_gb_per_s or DISK_GB_PER_S
    st.markdown(
        f"**{plain(mem(load.disk.expected))} on disk, {plain(span(load.download.low, load.download.high))} to download"
        f" at {line:g} Mbit/s, and {plain(span(load.load.low, load.load.high))} to load from a disk that reads {disk:g}"
        " GB/s.**"
    )
    with st.container(horizontal=True):
        st.metric("On disk", mem(load.disk.expected), border=True)
        st.metric(
            "System memory while loading",
            f"{load.ram.low / scale():.1f} to {load.ram.high / scale():.1f} {symbol()}",
            border=True,
        )
        st.metric("Download", span(load.download.low, load.download.high), border=True)
        st.metric("Load", span(load.load.low, load.load.high), border=True)
    st.caption(plain(load.why))
    if load.judged:
        st.caption(
            f"What the engine's processes hold and how long they take to start ({load.start}) are judged, not measured;"
            " the ranges show how far they may lie off."
        )
    if load.ram.high > plan.case.ram_bytes:
        st.warning(
            f"Loading may need up to {mem(load.ram.high)} of system memory and the machine has"
            f" {mem(plan.case.ram_bytes)}: add swap for the difference, or more RAM.",
            icon=":material/memory:",
        )
    st.caption(
        f"A model that stays loaded saves about {duration(load.load.expected)} before each first answer (Ollama:"
        " keep_alive; llama-server and vLLM stay loaded)."
    )
    derivation("How", [*load.download.steps, *load.load.steps, *load.ram.steps], "loading")


def span(low: float, high: float) -> str:
    """A duration with its range."""
    first, last = duration(low), duration(high)
    return first if first == last else f"{first} to {last}"
