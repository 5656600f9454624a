"""The machine that Headroom runs on: who may see it, one shared reading of it, and planning on its GPUs."""

from __future__ import annotations

import os

import streamlit as st

from planner.core.units import GIB
from planner.live.here import request_text, usable
from planner.live.inventory import Inventory
from planner.live.watch import Watch
from ui.show.text import plain

SWITCH = "HEADROOM_LIVE"
"""Environment variable: 1 shows this machine to every visitor, 0 to nobody; without it, to visitors on the machine
itself.
"""

HIDDEN = (
    "This page shows the GPUs of the machine that Headroom runs on, and you are not on that machine. "
    f"Its operator can set {SWITCH}=1 to show them to every visitor."
)
LOCAL = ("127.0.0.1", "::1", "localhost")


def allowed() -> bool:
    """Whether this visitor may see this machine: by default only from the machine itself, and not through a proxy."""
    switch = os.environ.get(SWITCH, "").strip().lower()
    if switch:
        return switch in ("1", "on", "yes", "true")
    return st.context.ip_address in (None, *LOCAL) and not any(
        name in st.context.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip")
    )


@st.cache_resource(show_spinner=False)
def watch() -> Watch:
    """One watch for all visitors: NVML is opened once, and read once however many look."""
    return Watch()


def take() -> None:
    """Put this machine's GPUs into the question, with what is free on them now, and stay: the button beside the list of
    GPUs.
    """
    plan_here(free=True)
    st.session_state.pop("leave", None)


def plan_on(gpus: str, ram_bytes: int | None = None) -> None:
    """Put these GPUs into the question and go on to the plan: what a button does when it is clicked;

    `leave` then follows.
    """
    st.session_state["gpus"] = gpus
    if ram_bytes and ram_bytes >= GIB:
        st.session_state["ram_gib"] = round(ram_bytes / GIB, 1)
    st.session_state["leave"] = True


def plan_here(free: bool) -> None:
    """The same for this machine, read at the click."""
    found = watch().latest(0.0)
    text = text_of(found, free)
    if text:
        plan_on(text, found.host.ram_available_bytes if free else found.host.ram_bytes)
    else:
        st.toast(plain(reason(found)), icon=":material/info:")


def leave() -> None:
    """Open the plan page after `plan_on`. A button cannot do it: Streamlit changes the page only between two runs."""
    if st.session_state.pop("leave", False):
        st.switch_page("pages/plan.py", query_params={})


def text_of(found: Inventory, free: bool = True) -> str:
    """This machine's GPUs as the question's text; empty where it has none that the catalogue knows."""
    return request_text(usable(found.gpus, found.host.ram_available_bytes), free)


def reason(found: Inventory) -> str:
    """Why there is no GPU to plan on."""
    if any(gpu.name and not gpu.error for gpu in found.gpus):
        return "This machine's GPUs are not in the catalogue: pick the nearest from the list."
    return " ".join(found.notes) or "This machine has no GPU that can be read."
