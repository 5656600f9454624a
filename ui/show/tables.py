"""The parts of memory as a table that sorts, and the whole answer to take away."""

from __future__ import annotations

import json
from contextvars import copy_context
from typing import Any

import streamlit as st

from planner.core.units import scale, symbol
from planner.memory.quantity import COMPONENTS
from planner.plan import Plan
from planner.report.html import html
from planner.report.json import plan_json
from planner.report.markdown import markdown
from ui import compare
from ui.question import address, models
from ui.question.form import PLAN
from ui.show.frame import csv, table
from ui.show.memory_bar import conclusion

PLAIN_NAMES = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "state": "Recurrent state",
    "activation": "Activations",
    "overhead": "Overhead",
}
GIB_COLUMN = st.column_config.NumberColumn(format="%.3f")


def parts_table(plan: Plan) -> None:
    """Every part of every device, with its range."""
    frame = parts_frame(plan)
    st.dataframe(
        frame,
        hide_index=True,
        alt=conclusion(plan),
        column_config={name: GIB_COLUMN for name in frame.column_names if symbol() in name},
        placeholder="",
    )
    with st.container(horizontal=True):
        st.download_button(
            "Table as CSV",
            lambda: csv(frame),
            "headroom-memory.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Answer as JSON",
            lambda: json.dumps(plan_json(plan, derivation=True), indent=2),
            "headroom-plan.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def parts_frame(plan: Plan) -> Any:
    """One row a part: device, part, and its size in the unit shown with its range."""
    rows = []
    for device in plan.memory.devices:
        name = f"{device.index}: {device.name}"
        rows += [(name, PLAIN_NAMES[part], getattr(device, part)) for part in COMPONENTS] + [
            (name, "Total", device.total)
        ]
    host = plan.memory.host
    for label, quantity in (
        ("Weights", host.weights),
        ("KV cache", host.kv_cache),
        ("Activations", host.activation),
        ("Total", host.total),
    ):
        if host.total.expected:
            rows.append(("System RAM", label, quantity))
    found = [
        (device, part, size.expected / scale(), size.low / scale(), size.high / scale()) for device, part, size in rows
    ]
    return table(found, ["Device", "Part", f"Expected ({symbol()})", f"Low ({symbol()})", f"High ({symbol()})"])


def link(plan: Plan) -> None:
    """The address of this plan, to copy, and the plan as files; an uploaded config stays here."""
    if models.uploaded():
        st.warning(
            "The uploaded config.json cannot travel in a link: whoever opens it must upload the file too.",
            icon=":material/link_off:",
        )
    # A file is written after the click, when neither the address nor the unit of memory is at hand.
    shared, here = address.link(PLAN), copy_context()
    st.code(shared, language=None, wrap_lines=True)
    st.caption(
        "The same as the address bar: it holds the whole question, and which version of links it is. Copy it with the"
        " button at its end."
    )
    with st.container(horizontal=True):
        st.button(
            "Pin for comparison",
            on_click=compare.pin,
            icon=":material/push_pin:",
            help="Up to four plans stand side by side on the page Compare.",
        )
        st.download_button(
            "Report with the arithmetic",
            lambda: here.copy().run(markdown, plan, shared),
            "headroom-plan.md",
            "text/markdown",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Page to print",
            lambda: here.copy().run(html, plan, shared),
            "headroom-plan.html",
            "text/html",
            icon=":material/print:",
            on_click="ignore",
        )
    st.caption(
        "To show this page inside another one, add `&embed=true` to the link: it then comes without Streamlit's own"
        " frame."
    )


def commands(plan: Plan) -> None:
    """Commands that start this plan."""
    for command in plan.commands:
        st.markdown(f"**{command.title}**")
        st.code(command.text, language="python" if command.title == "Python" else "bash", wrap_lines=True)
    if not plan.commands:
        st.caption("This engine has no command for this plan.")
    if any(".gguf" in command.text for command in plan.commands):
        st.caption(
            "The file stands for the one that you have, from whichever publisher; `llama-server -hf"
            " USER/REPOSITORY:TYPE` downloads one from Hugging Face."
        )
    if plan.request.engine == "ollama":
        from ui.ollama import settings_table

        settings_table(plan)
