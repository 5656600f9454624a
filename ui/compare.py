"""Up to four plans side by side: pinned questions stand in the session and, on their page, in the address as repeated
`pin`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pandas as pd
import streamlit as st

from planner.catalog import models
from planner.core.errors import PlanError
from planner.core.units import scale, symbol
from planner.plan import Plan, plan
from planner.request import PlanRequest
from ui.question import address
from ui.question.form import PLAN
from ui.show.figures import quick

MOST = 4
LONGEST = 4_000


def pins() -> list[str]:
    """The pinned questions, each as a link's text; those of the address come first in a new session."""
    linked = address.arrived("pin")
    if "pins" not in st.session_state or linked:
        st.session_state["pins"] = [text for text in linked or [] if len(text) <= LONGEST][:MOST]
    found: list[str] = st.session_state["pins"]
    return found


def pin() -> None:
    """Pin the question as it stands; the oldest goes when there are four."""
    text = urlencode(PLAN.question())
    st.session_state["pins"] = [*(one for one in pins() if one != text), text][-MOST:]


def unpin(index: int) -> None:
    st.session_state["pins"] = [one for place, one in enumerate(pins()) if place != index]


def keep() -> None:
    """The pins as the address's own parameters."""
    address.show("pin", pins())


def reopen(text: str) -> None:
    """Make a pinned question the page's own."""
    PLAN.replace(asked(text))


def asked(text: str) -> dict[str, str]:
    """The fields in a pin that are values; a pin comes from a link, so anything may stand in it."""
    found = {}
    for key, value in parse_qsl(text):
        if key in PLAN.fields:
            try:
                PLAN.typed(key, value)
            except PlanError:
                continue
            found[key] = value
    return found


def answer(text: str) -> Plan:
    """The plan of a pin.

    Raises:
        PlanError: when it names what is gone, or contradicts itself.
    """
    query = asked(text)
    system: dict[str, Any] = {
        key: query.pop(key)
        for key in ("ram_gib", "ram_gb_per_s", "cpu", "disk_gb_per_s", "download_mbit_per_s")
        if key in query
    }
    request = PlanRequest.from_query({key: value for key, value in query.items() if key in PlanRequest.model_fields})
    return plan(
        request.changed(system={key: value if key == "cpu" else float(value) for key, value in system.items()})
        if system
        else request
    )


def title(one: Plan) -> str:
    """What tells one plan from the other: model, format, engine, GPUs."""
    known = models().get(one.case.name)
    cards = (
        " + ".join(f"{spec.count}x {spec.name}" if spec.count > 1 else spec.name for spec in one.request.gpus) or "CPU"
    )
    return f"{known.title if known else one.case.name}, {one.memory.weights.format}, {one.request.engine}, {cards}"


def conclusion(plans: list[Plan]) -> str:
    """How many of them hold all that is asked of them, and which of those that run is the fastest."""
    if len(plans) == 1:
        return plans[0].fit.reason
    enough, runs = sum(one.fit.enough for one in plans), [place for place, one in enumerate(plans) if one.fit.runs]
    said = (
        f"{enough if enough else 'None'} of these {len(plans)} plans {'holds' if enough <= 1 else 'hold'} all that is"
        f" asked of {'it' if enough <= 1 else 'them'}"
    )
    fastest = max(runs, key=lambda place: plans[place].speed.decode_tokens_per_s.expected, default=None)
    return f"{said}." if fastest is None else f"{said}; plan {fastest + 1} writes fastest."


def table(plans: list[Plan]) -> pd.DataFrame:
    """A row for each figure, a column for each plan."""
    rows: dict[str, list[str]] = {}
    for one in plans:
        request, speed, devices = one.request, one.speed, one.memory.devices
        decode = speed.decode_tokens_per_s
        needed = sum(device.total.expected for device in devices) or one.memory.host.total.expected
        figures = {
            "Verdict": one.fit.words,
            "Context (tokens)": f"{request.context:,}",
            "Batch": f"{request.batch:,}",
            f"Memory needed ({symbol()})": f"{needed / scale():.2f}",
            f"In system memory ({symbol()})": f"{one.memory.host.total.expected / scale():.2f}",
            f"Weights on disk ({symbol()})": f"{one.memory.weights.file_bytes.expected / scale():.2f}",
            "Bits a weight": f"{one.memory.weights.bits_per_weight:.2f}",
            "Largest context (tokens)": f"{one.capacity.max_context:,}",
            "Largest batch": f"{one.capacity.max_batch:,}",
            "Decode (tokens/s)": f"{quick(decode.expected)} ({quick(decode.low)} to {quick(decode.high)})",
            "Time to first token (s)": f"{speed.time_to_first_token_s.expected:.3g}",
            "Draw while serving (W)": quick(speed.watts.expected),
        }
        for name, value in figures.items():
            rows.setdefault(name, []).append(value)
    columns = [f"{index + 1}. {title(one)}" for index, one in enumerate(plans)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("Figure").reset_index()
