"""The search on the page: what is asked beside the question, the table, and the plan that a row opens."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from planner.core.units import scale, symbol
from planner.engines.info import info
from planner.plan import Plan
from planner.report.find import hardware, title
from planner.report.word import pace
from planner.searches.find import Candidate, Found, find
from planner.searches.find_request import FindRequest
from ui.question import views
from ui.question.form import PLAN

SIDES = {"models": "Models for these GPUs", "hardware": "Hardware for this model"}
USES = {
    "chat": "Chat",
    "code": "Code",
    "agent": "Agents",
    "rag": "Documents",
    "vision": "Images",
    "embed": "Embeddings",
}
SORTS = {"best": "Best", "quality": "Quality", "speed": "Speed", "price": "Price", "efficiency": "Tokens per joule"}
VENDORS = {name: name for name in ("NVIDIA", "AMD", "Apple", "Intel")}
TABLE = "find_table"
FIELD = 190


def request(answer: Plan | None, side: str) -> FindRequest:
    """The search that the form and the fields under it spell.

    Args:
        answer: the plan of the form's question, whose hardware or model the search starts from; None without one.
        side: which of the two is looked for.
    """
    query = PLAN.question()
    raw: dict[str, Any] = {
        "context": int(PLAN.value("context") or PLAN.default("context")),
        "users": int(PLAN.value("batch") or PLAN.default("batch")),
        "engines": [query.get("engine", str(PLAN.default("engine")))],
    }
    if ram := PLAN.value("ram_gib"):
        raw["system"] = {"ram_gib": ram}
    with st.container(horizontal=True, gap="small"):
        with st.container(width=FIELD):
            raw["sort"] = views.one("First comes", SORTS, "find_sort", "best")
        with st.container(width=FIELD):
            raw["min_tokens_per_s"] = views.number(
                "At least (tokens/s)", 0.0, 1e4, None, "find_speed", placeholder="reading speed, 5.3"
            )
        if side == "models":
            raw["gpus"] = query.get("gpus", "")
            raw.setdefault("system", {"ram_gib": 64.0})
            with st.container(width=FIELD):
                raw["use"] = views.one("For", USES, "find_use", "chat")
        else:
            raw["model"] = answer.case.name if answer else query.get("model")
            with st.container(width=FIELD):
                raw["budget_usd"] = views.number(
                    "At most (USD)", 0.0, 1e7, None, "find_budget", 100, placeholder="any price"
                )
            with st.container(width=FIELD):
                raw["rent_usd_per_hour"] = views.number(
                    "Rent at most (USD/h)", 0.0, 1e4, None, "find_rent", 0.1, placeholder="not rented"
                )
            with st.container(width=FIELD):
                raw["max_watts"] = views.number(
                    "GPUs draw at most (W)", 1.0, 1e5, None, "find_watts", 50, placeholder="any"
                )
            with st.container(width=FIELD):
                raw["vendors"] = views.several("Made by", VENDORS, "find_vendor", placeholder="anybody")
    return FindRequest.read({key: value for key, value in raw.items() if value is not None})


@st.cache_resource(ttl=3_600, max_entries=64, show_spinner="Weighing every model and every format …")
def searched(text: str) -> Found:
    """A search, remembered by its fields."""
    return find(FindRequest.model_validate_json(text))


def conclusion(found: Found, side: str) -> str:
    """The answer in a sentence."""
    if not found.candidates:
        return "Nothing runs here: allow a shorter context, more memory or a higher price."
    first = found.candidates[0]
    what = f"{title(first)} as {first.plan.memory.weights.format}" if side == "models" else hardware(first)
    rate = f"about {first.tokens_per_s:,.3g} tokens/s, {pace(first.tokens_per_s)}"
    well = sum(one.word.word == "Runs well" for one in found.candidates)
    return f"First: {what}, {rate}. {well} of {len(found.candidates)} rows run well."


def frame(found: Found, side: str) -> pd.DataFrame:
    """A row a candidate."""
    return pd.DataFrame([_row(one, side) for one in found.candidates])


def _row(one: Candidate, side: str) -> dict[str, object]:
    first = {"Model": title(one)} if side == "models" else {"Hardware": hardware(one)}
    money = {
        "Price (USD)": one.price_usd,
        "Rent (USD/h)": one.usd_per_hour,
        "Tokens/s for 1,000 USD": 1e3 * one.tokens_per_s / one.price_usd if one.price_usd else None,
        "Draws (W)": one.watts,
    }
    return {
        "Answer": one.word.word,
        **first,
        "Format": one.plan.memory.weights.format,
        "Tokens/s": one.tokens_per_s,
        "That is": pace(one.tokens_per_s) if one.plan.architecture.generates else "prompts only",
        f"Memory ({symbol()})": one.memory_bytes / scale(),
        "Largest context": one.plan.capacity.max_context,
        **(money if side == "hardware" else {}),
        "Quality": one.quality.total,
        "Quality is": one.quality.kind,
        "Limited by": one.plan.fit.words,
    }


COLUMNS = {
    "Tokens/s": st.column_config.NumberColumn(format="%.1f"),
    "Tokens/s for 1,000 USD": st.column_config.NumberColumn(format="%.1f"),
    "Price (USD)": st.column_config.NumberColumn(format="localized"),
    "Rent (USD/h)": st.column_config.NumberColumn(format="%.2f"),
    "Draws (W)": st.column_config.NumberColumn(format="%.0f"),
    "Quality": st.column_config.NumberColumn(
        format="%.0f", help="Points: 50 is the mean of the models with published scores; what the format loses is off."
    ),
    "Largest context": st.column_config.NumberColumn(format="localized"),
}


def left_out(found: Found) -> str:
    """What the table does not show, and why."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.left_out.items()) or "nothing"
    return f"{found.searched:,} plans were made in {found.seconds:.1f} s. Left out: {reasons}."


def assumed(request: FindRequest) -> str:
    """What the rows assume."""
    ram = request.system.ram_gib or 64
    splits = any(info(name).splits_with_host for name in request.engines)
    host = f" beside {ram:g} GiB of system RAM, whose price is not counted" if splits else ""
    return f"{info(request.engines[0]).title}, {request.context:,} tokens each, {request.users:,} at once{host}."


def open_row(found: Found) -> None:
    """Put the chosen row into the question and go on to its plan."""
    rows = st.session_state[TABLE]["selection"]["rows"]
    if rows and rows[0] < len(found.candidates):
        asked = found.candidates[rows[0]].plan.request
        for field, text in asked.to_query().items():
            if field in ("model", "quantization", "engine", "gpus"):
                PLAN.put(field, text)
        st.session_state["leave"] = True
