"""Cards of live GPUs: what is free, how busy, how warm, with the last minutes of each; whatever a card does not tell is
not available.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from planner.core.units import mem, scale, symbol
from planner.live.here import known
from planner.live.inventory import Inventory
from planner.live.live_gpu import LiveGpu
from ui.question import memory_unit
from ui.question.here import watch
from ui.show.text import plain

MISSING = "not available"
METRIC_WIDTH = 152
"""Pixels: four in a row on a desktop, two on a phone."""


def conclusion(found: Inventory) -> str:
    """What is free now, in one sentence."""
    told = [gpu for gpu in found.gpus if gpu.free_bytes is not None and gpu.total_bytes is not None]
    if not found.gpus:
        return "No GPU can be read on this machine."
    count = f"{len(found.gpus)} GPU{'s' if len(found.gpus) > 1 else ''}"
    if not told:
        return f"{count}, whose free memory no driver tells."
    free, total = sum(gpu.free_bytes or 0 for gpu in told), sum(gpu.total_bytes or 0 for gpu in told)
    return f"{count}: {mem(free)} of {mem(total)} free now."


def cards(older_than_s: float) -> None:
    """The machine as it is now; the body of a fragment that reruns alone."""
    memory_unit.begin()
    found = watch().latest(older_than_s)
    st.subheader(conclusion(found), anchor=False)
    for gpu in found.gpus:
        _card(gpu)
    _host(found)
    processes(found)
    st.caption(
        plain(
            f"Read at {found.at[11:19]} UTC."
            f" {' '.join(f'{vendor} {version}.' for vendor, version in found.drivers.items())}"
        )
    )
    for note in found.notes:
        st.caption(plain(note))


def _card(gpu: LiveGpu) -> None:
    with st.container(border=True):
        st.markdown(f"**{gpu.index}: {plain(gpu.name or 'GPU')}**")
        if gpu.error:
            st.warning(plain(gpu.error), icon=":material/link_off:")
        if gpu.name is None:
            return
        past = watch().past
        with st.container(horizontal=True, gap="small"):
            _metric(
                "Used memory", _size(gpu.used_bytes), _left(gpu), [value / scale() for value in past(gpu, "used_bytes")]
            )
            _metric(
                "Busy",
                _number(gpu.utilization, "%"),
                f"memory {_number(gpu.memory_utilization, '%')}",
                past(gpu, "utilization"),
            )
            _metric(
                "Power", _number(gpu.power_w, "W"), f"limit {_number(gpu.power_limit_w, 'W')}", past(gpu, "power_w")
            )
            _metric("Temperature", _number(gpu.temperature_c, "°C"), throttle(gpu), past(gpu, "temperature_c"))
        for part in gpu.mig:
            st.text(f"{part.name}: {_size(part.free_bytes)} free of {_size(part.total_bytes)}")
        st.caption(plain(details(gpu)))
        if known(gpu.name, None) is None:
            st.caption(
                "The catalogue does not know this card, so that plans leave it out: add the nearest one from the list"
                " by hand."
            )


def _metric(label: str, value: str, under: str, past: list[float]) -> None:
    with st.container(width=METRIC_WIDTH, gap=None):
        # a chart from the first value on: the card would jump if it came with the second
        drawn = past if len(past) > 1 else past * 2
        st.metric(
            label, value, under, delta_color="off", delta_arrow="off", chart_data=drawn or None, chart_type="area"
        )


def _left(gpu: LiveGpu) -> str:
    if gpu.free_bytes is None and gpu.total_bytes is None:
        return "the driver tells none"
    return f"{_size(gpu.free_bytes)} free of {_size(gpu.total_bytes)}"


def throttle(gpu: LiveGpu) -> str:
    """What holds the clocks down."""
    if gpu.throttled is None:
        return "limits " + MISSING
    return f"held back: {', '.join(gpu.throttled)}" if gpu.throttled else "nothing holds it back"


def details(gpu: LiveGpu) -> str:
    """Everything else that the driver tells, in one line."""
    link = (
        f"PCIe {gpu.pcie_generation or '?'} x{gpu.pcie_width or '?'}" if gpu.pcie_generation or gpu.pcie_width else None
    )
    if link and (gpu.pcie_max_generation or gpu.pcie_max_width):
        link += f" now, {gpu.pcie_max_generation or '?'} x{gpu.pcie_max_width or '?'} at most"
    parts = (
        _pair("clock", gpu.clock_mhz, gpu.max_clock_mhz, "MHz"),
        _pair("memory clock", gpu.memory_clock_mhz, gpu.max_memory_clock_mhz, "MHz"),
        link,
        f"{gpu.nvlinks} NVLinks active" if gpu.nvlinks else None,
        f"compute capability {gpu.compute_capability}" if gpu.compute_capability else None,
        f"{mem(gpu.reserved_bytes)} kept by the driver" if gpu.reserved_bytes else None,
        f"{_energy(gpu.energy_j)} since the driver started" if gpu.energy_j else None,
    )
    return "; ".join(part for part in parts if part) or "The driver tells no more."


def _host(found: Inventory) -> None:
    host = found.host
    cores = f", {host.cores} cores" if host.cores else ""
    st.text(
        f"System: {host.cpu or 'processor ' + MISSING}{cores}; {_size(host.ram_available_bytes)} of"
        f" {_size(host.ram_bytes)} memory free."
    )


def processes(found: Inventory) -> None:
    """Programs that hold memory of a GPU."""
    frame = process_frame(found)
    if frame.empty:
        st.caption("No program holds GPU memory, or the driver does not list any to this user.")
        return
    said = f"{len(frame)} programs hold GPU memory." if len(frame) > 1 else "1 program holds GPU memory."
    st.dataframe(
        frame,
        hide_index=True,
        key="processes",
        alt=said,
        column_config={f"Memory ({symbol()})": st.column_config.NumberColumn(format="%.2f")},
        placeholder="",
    )


def process_frame(found: Inventory) -> pd.DataFrame:
    """A row for each program on each GPU; names and commands only where the operator lets them be read."""
    rows = [
        (
            gpu.index,
            one.pid,
            one.kind,
            one.used_bytes / scale() if one.used_bytes is not None else None,
            one.name,
            one.command,
        )
        for gpu in found.gpus
        for one in gpu.processes or ()
    ]
    frame = pd.DataFrame(rows, columns=["GPU", "Process", "Kind", f"Memory ({symbol()})", "Name", "Command"])
    return frame if any(row[4] for row in rows) else frame.drop(columns=["Name", "Command"])


def _size(size: int | None) -> str:
    return MISSING if size is None else mem(size)


def _number(value: float | None, unit: str) -> str:
    return MISSING if value is None else f"{value:,.0f} {unit}"


def _energy(joules: float) -> str:
    return f"{joules / 3.6e6:,.2f} kWh" if joules >= 3.6e5 else f"{joules / 3.6e3:,.1f} Wh"


def _pair(label: str, now: float | None, most: float | None, unit: str) -> str | None:
    if now is None:
        return None
    return f"{label} {now:,.0f}{f' of {most:,.0f}' if most else ''} {unit}"
