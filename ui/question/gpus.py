"""The GPUs of the plan: one text, `2x rtx-4090 + rtx-3090`, and widgets that edit it."""

from __future__ import annotations

import streamlit as st

from planner.catalog.gpu_names import parse_gpus, resolve, said
from planner.catalog.gpus import gpus
from planner.core.errors import PlanError
from planner.core.units import mem
from ui.question import here
from ui.show.text import plain

MOST = 1_024
LABEL = 12
"""Pixels, with the gap under them, of the label that the fields beside the button have above them."""


def picker() -> None:
    """A button that names them, and behind it a list to add from, a row with a count for each kind, and the text
    itself, which the link carries.
    """
    st.space(LABEL)
    with st.popover(f"on {_summary()}", key="gpus_chosen", width="stretch"):
        _choose()


def _summary() -> str:
    """The GPUs as the button names them."""
    kinds = _listed()
    if not kinds:
        return "no GPU" if not st.session_state.get("gpus") else "GPUs that cannot be read"
    return " + ".join(_short(name) if count == 1 else f"{count}x {_short(name)}" for name, count in kinds)


def _short(name: str) -> str:
    """A card as people call it, with its memory: `RTX 4090 24 GB`."""
    try:
        gpu = resolve(name)
    except PlanError:
        return name
    size = f"{gpu.memory_gb:g} GB"
    words = gpu.name.removeprefix("GeForce ").removeprefix("Radeon ")
    return words if size.replace(" ", "") in words.replace(" ", "") else f"{words} {size}"


def _choose() -> None:
    by_name = {gpu.name: gpu.id for gpu in sorted(gpus(), key=lambda gpu: -gpu.year)}
    st.selectbox(
        "GPUs", list(by_name), index=None, key="add_gpu", placeholder="Add a GPU", on_change=_add, args=(by_name,)
    )
    if here.allowed():
        st.button(
            "My GPUs",
            on_click=here.take,
            icon=":material/developer_board:",
            type="tertiary",
            key="my_gpus",
            help="The GPUs of the machine that Headroom runs on, with the memory that is free on them now.",
        )
    rows = st.container()
    st.text_input(
        "GPUs as text",
        key="gpus",
        placeholder="none: runs on the CPU",
        label_visibility="collapsed",
        help="Any spelling, for example 2x RTX 4090 + RTX 3090. Empty means no GPU.",
    )
    with rows:
        for index, (name, count) in enumerate(_listed()):
            _row(index, name, count)


def _row(index: int, name: str, count: int) -> None:
    key = f"count:{index}"
    st.session_state[key] = min(max(count, 0), MOST)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False):
        st.number_input(_title(name), 0, MOST, key=key, on_change=_set, args=(index,))
        st.button(
            "", key=f"remove:{index}", icon=":material/close:", help="Remove this GPU", on_click=_remove, args=(index,)
        )
    if sentence := _said(name):
        st.caption(plain(sentence))


def _title(name: str) -> str:
    try:
        gpu = resolve(name)
        return gpu.name if gpu.free_mib is None else f"{gpu.name}, {mem(gpu.usable_bytes)} free"
    except PlanError:
        return "Unknown GPU"


def _said(name: str) -> str | None:
    """Which card was taken where the name leaves it open, and how to write the others."""
    try:
        return said(name)
    except PlanError:
        return None


def _listed() -> list[tuple[str, int]]:
    """Names and counts of the text; nothing while it cannot be read, which the plan then says."""
    try:
        return parse_gpus(st.session_state.get("gpus") or "")
    except PlanError:
        return []


def _write(specs: list[tuple[str, int]]) -> None:
    st.session_state["gpus"] = " + ".join(
        name if count == 1 else f"{count}x {name}" for name, count in specs if count > 0
    )


def _add(by_name: dict[str, str]) -> None:
    """One more of a kind that is there already, or a new row."""
    wanted = by_name.get(st.session_state.get("add_gpu") or "")
    st.session_state["add_gpu"] = None
    if wanted is None:
        return
    specs = _listed()
    same = [index for index, (name, _) in enumerate(specs) if "[" not in name and _title(name) == resolve(wanted).name]
    if same:
        name, count = specs[same[0]]
        specs[same[0]] = (name, count + 1)
    else:
        specs.append((wanted, 1))
    _write(specs)


def _set(index: int) -> None:
    specs = _listed()
    if index < len(specs):
        specs[index] = (specs[index][0], int(st.session_state[f"count:{index}"]))
        _write(specs)


def _remove(index: int) -> None:
    specs = _listed()
    _write(specs[:index] + specs[index + 1 :])
