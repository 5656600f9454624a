"""The machines of a Prometheus server as a list, with what the question would do on each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from planner.core.errors import PlanError
from planner.core.units import scale, symbol
from planner.live import fleet
from planner.live.fleet import Machine
from planner.live.here import usable
from planner.live.placement import Placement, place
from planner.plan import Plan
from ui.show.text import plain

FRESH_S = 15


@st.cache_data(ttl=FRESH_S, max_entries=1, show_spinner="Asking Prometheus …")
def machines() -> tuple[Machine, ...]:
    """The fleet, asked for at most every few seconds for all visitors together."""
    return fleet.read()


def listing(answer: Plan) -> None:
    """A row for each machine; choosing one plans on the GPUs that hold the question there."""
    st.subheader("What would fit where", anchor=False)
    if not fleet.configured():
        st.caption(
            "Headroom can list many machines from a Prometheus server that scrapes DCGM-exporter or"
            f" nvidia_gpu_exporter: set {fleet.ADDRESS} to its address."
        )
        return
    try:
        found = machines()
    except PlanError as error:
        st.warning(plain(str(error)), icon=":material/cloud_off:")
        return
    places = [place(answer.request, usable(machine.gpus)) for machine in found]
    fitting = [machine.name for machine, where in zip(found, places, strict=True) if where.fits]
    said = (
        f"This question fits on {len(fitting)} of {len(found)} machines as they are"
        f" now{': ' + ', '.join(fitting[:6]) if fitting else ''}."
    )
    st.text(said)
    st.dataframe(
        frame(found, places),
        hide_index=True,
        key="fleet",
        on_select=lambda: _choose(places),
        selection_mode="single-row",
        alt=said,
        column_config={
            f"Free ({symbol()})": st.column_config.NumberColumn(format="%.1f"),
            f"Total ({symbol()})": st.column_config.NumberColumn(format="%.1f"),
            "Busy (%)": st.column_config.NumberColumn(format="%.0f"),
            "Power (W)": st.column_config.NumberColumn(format="localized"),
        },
        placeholder="",
    )
    st.caption("Choose a row to plan on the GPUs named there, with the memory that is free on them now.")


def frame(found: tuple[Machine, ...], places: list[Placement]) -> pd.DataFrame:
    """Machines with their GPUs, what is free and busy, and where the question would go."""
    rows = []
    for machine, where in zip(found, places, strict=True):
        gpus = machine.gpus
        names = pd.Series([gpu.name or "unnamed" for gpu in gpus]).value_counts()
        free, total = _sum(gpu.free_bytes for gpu in gpus), _sum(gpu.total_bytes for gpu in gpus)
        busy = [gpu.utilization for gpu in gpus if gpu.utilization is not None]
        on = (
            ", ".join(f"{one.live.index}" for one in sorted(where.gpus, key=lambda one: one.live.index))
            if where.answer
            else ""
        )
        rows.append(
            (
                machine.name,
                " + ".join(f"{count}x {name}" if count > 1 else str(name) for name, count in names.items()),
                free,
                total,
                sum(busy) / len(busy) if busy else None,
                sum(gpu.power_w or 0 for gpu in gpus) or None,
                where.reason,
                on,
            )
        )
    return pd.DataFrame(
        rows,
        columns=[
            "Machine",
            "GPUs",
            f"Free ({symbol()})",
            f"Total ({symbol()})",
            "Busy (%)",
            "Power (W)",
            "This question",
            "On GPUs",
        ],
    )


def _sum(sizes: object) -> float | None:
    told = [size for size in sizes if size is not None]  # type: ignore[attr-defined]
    return sum(told) / scale() if told else None


def _choose(places: list[Placement]) -> None:
    rows = st.session_state["fleet"]["selection"]["rows"]
    if rows and places[rows[0]].answer:
        st.session_state["gpus"] = places[rows[0]].text
