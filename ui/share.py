"""The address bar is the share link: its parameters are the fields of `PlanRequest`, kept in step by Streamlit's bound widgets.

A link comes from anywhere. On arrival every parameter is tried by itself; one that is no value is left out and its sentence
shown at the field. Fields without a widget are carried along unchanged and named on the page, so that nothing is lost.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner.errors import PlanError
from planner.request import PlanRequest

TEXTS = ("model", "engine", "quantization", "kv_cache_dtype", "gpus")
NUMBERS = ("context", "batch", "tensor_parallel", "pipeline_parallel", "gpu_layers", "cpu_moe_layers", "gpu_memory_utilization")
SWITCHES = ("flash_attention",)
BOUND = (*TEXTS, *NUMBERS, *SWITCHES)
"""Fields with a widget; its key is the field's name."""

RAM = "ram_gib"
"""The widget of `system.ram_gib`, the one field that is nested."""

EXAMPLE = {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-4090"}
"""The question that an address without one opens with; it is written into the address, so that a link never depends on it."""

SHARED_LENGTH = 60


def arrive() -> None:
    """Judge the link once, when a session begins; without one, begin with the example."""
    if "complaints" in st.session_state:
        return
    link = {key: value for key, value in st.query_params.to_dict().items() if key in PlanRequest.model_fields}
    st.session_state["complaints"] = {}
    for key, value in link.items():
        try:
            PlanRequest.from_query({"model": "-", key: value})
        except PlanError as error:
            st.session_state["complaints"][key] = str(error)
            if key not in BOUND:
                del st.query_params[key]
    st.session_state["arrived"] = {key: value for key, value in link.items() if key in BOUND and key not in st.session_state["complaints"]}
    if not link:
        for key, text in EXAMPLE.items():
            st.session_state.setdefault(key, text)


def check_arrival() -> None:
    """Once the widgets have read the link: say which values they could not take, such as an engine that is not installed."""
    for key, text in st.session_state.pop("arrived", {}).items():
        wanted = getattr(PlanRequest.from_query({"model": "-", key: text}), key)
        shown = st.session_state.get(key)
        taken = text == (shown or "") if key in TEXTS else str(wanted).lower() == str(shown).lower()
        if not taken:
            st.session_state["complaints"][key] = f"The link's {key} {text[:SHARED_LENGTH]!r} is not among what this field takes."


def carried() -> dict[str, str]:
    """Parameters of the link that belong to the request and have no widget."""
    return {key: value for key, value in st.query_params.to_dict().items() if key in PlanRequest.model_fields and key not in BOUND}


def forget(key: str) -> None:
    """Take a carried parameter out of the link."""
    if key in st.query_params:
        del st.query_params[key]


def read(config: dict[str, Any] | None = None) -> PlanRequest:
    """The request that the page's widgets and the rest of its link spell.

    Raises:
        PlanError: when something in it is no value, or two fields contradict each other.
    """
    state = st.session_state
    given = {key: state[key] for key in (*TEXTS, *NUMBERS) if state.get(key) not in (None, "")}
    given |= {key: state[key] == "true" for key in SWITCHES if state.get(key)}
    rest = PlanRequest.from_query({"model": "-", **carried()}).given()
    if state.get(RAM):
        given["system"] = {**rest.get("system", {}), RAM: state[RAM]}
    if config is not None:
        given["config"] = config
    return PlanRequest.read({**{key: value for key, value in rest.items() if key != "model"}, **given})


def change(request: PlanRequest, fields: dict[str, Any]) -> None:
    """Set some fields of the request: what a button does when it is clicked. The widgets follow, and so does the link."""
    changed = request.changed(**fields)
    query = changed.to_query()
    for key in fields:
        if key in TEXTS:
            st.session_state[key] = query.get(key, PlanRequest.model_fields[key].default or "")
        elif key in SWITCHES:
            value = getattr(changed, key)
            st.session_state[key] = None if value is None else str(value).lower()
        elif key in BOUND:
            st.session_state[key] = getattr(changed, key)
        elif key in query:
            st.query_params[key] = query[key]
        else:
            forget(key)
    st.session_state["complaints"] = {}


EXAMPLES = {
    "Llama 3 70B on an RTX 4090": EXAMPLE,
    "Qwen3 30B A3B on a 16 GB card": {"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q4_K_M", "gpus": "rtx-4060-ti-16gb"},
    "Llama 3.1 8B without a GPU": {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": ""},
}


def examples() -> None:
    """Questions to begin with."""
    with st.container(horizontal=True):
        for title, fields in EXAMPLES.items():
            st.button(title, on_click=_begin, args=(fields,), icon=":material/arrow_forward:")


def _begin(fields: dict[str, str]) -> None:
    for key, value in fields.items():
        st.session_state[key] = value
    st.session_state["complaints"] = {}
