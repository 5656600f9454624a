"""The question: every widget's key is its field of `PlanRequest`, and its value stands in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner import catalog
from planner.plan import DEFAULT_RAM_BYTES
from planner.quantization.cache_types import cache_types
from planner.request import PlanRequest
from ui import gpus, share
from ui.engines import installed, quantizations
from ui.models import other_sources
from ui.text import plain

BOUND: Any = {"bind": "query-params"}

LLAMA = ("llama.cpp", "ollama")
SERVING = ("vllm", "sglang", "tensorrt-llm")
EVERY = (*LLAMA, *SERVING, "transformers", "mlx")


def sidebar() -> dict[str, Any]:
    """Draw the question; returns a place under each field where a sentence about it can be shown."""
    share.arrive()
    places: dict[str, Any] = {}
    with st.sidebar:
        _model(places)
        _engine(places)
        gpus.picker()
        places["gpus"] = st.empty()
        _sizes(places)
        with st.expander("Advanced", icon=":material/tune:"):
            _advanced(places, st.session_state["engine"])
    share.check_arrival()
    for field, sentence in st.session_state["complaints"].items():
        complain(places, field, f"{sentence} Its default stands in.")
    return places


def complain(places: dict[str, Any], field: str | None, sentence: str) -> None:
    """Show a sentence at the field that it is about; a field without a place of its own has the model's."""
    place = places.get(field or "", places["model"])
    place.warning(plain(sentence), icon=":material/error:")


def _model(places: dict[str, Any]) -> None:
    st.selectbox(
        "Model", list(catalog.models()), index=None, key="model", accept_new_options=True, placeholder="Search, or type a Hugging Face id", **BOUND,
        help="A bundled model, an everyday name such as llama3:70b, or any Hugging Face id (owner/name), whose config is then fetched from the Hub.",
    )  # fmt: skip
    places["model"] = st.empty()
    other_sources()
    places["config"] = st.empty()


def _engine(places: dict[str, Any]) -> None:
    names = installed()
    default = PlanRequest.model_fields["engine"].default
    st.selectbox("Engine", names, index=names.index(default) if default in names else 0, key="engine", on_change=_keep_format, **BOUND)
    places["engine"] = st.empty()
    st.selectbox(
        "Quantization", quantizations(st.session_state["engine"]), key="quantization", accept_new_options=True, **BOUND,
        help="auto takes the weights as they are published, or the engine's usual format.",
    )  # fmt: skip
    places["quantization"] = st.empty()


def _keep_format() -> None:
    """Another engine keeps the format where it can run it, and takes its own otherwise."""
    if st.session_state.get("quantization") not in quantizations(st.session_state["engine"]):
        st.session_state["quantization"] = "auto"


def _sizes(places: dict[str, Any]) -> None:
    number("context", "Context (tokens)", step=1_024, help="Tokens that each sequence may hold: prompt and answer together.")
    places["context"] = st.empty()
    number("batch", "Batch (sequences)", help="Sequences at once: parallel slots, or requests in flight.")
    places["batch"] = st.empty()


def _advanced(places: dict[str, Any], engine: str) -> None:
    """Options that engines set by themselves; empty means the engine's own default, which stands in the field."""
    st.selectbox("KV cache type", ["auto", *cache_types()], key="kv_cache_dtype", accept_new_options=True, **BOUND)
    places["kv_cache_dtype"] = st.empty()
    rows = (
        ("tensor_parallel", "Tensor parallel", (*SERVING, *LLAMA), "what the engine chooses"),
        ("pipeline_parallel", "Pipeline parallel", SERVING, "1"),
        ("gpu_layers", "GPU layers", LLAMA, "as many as fit"),
        ("cpu_moe_layers", "Layers with experts in system RAM", LLAMA, "none"),
    )
    for field, label, engines, default in rows:
        if engine in engines or st.session_state.get(field) is not None or field in st.query_params:
            number(field, label, placeholder=default)
            places[field] = st.empty()
    if engine in LLAMA or st.session_state.get("flash_attention") or "flash_attention" in st.query_params:
        st.selectbox("Flash attention", ["true", "false"], index=None, key="flash_attention", placeholder="auto", **BOUND)
        places["flash_attention"] = st.empty()
    if engine in SERVING or st.session_state.get("gpu_memory_utilization") or "gpu_memory_utilization" in st.query_params:
        number("gpu_memory_utilization", "GPU memory utilization", step=0.05, placeholder="the engine's own")
        places["gpu_memory_utilization"] = st.empty()
    st.number_input("System RAM (GiB)", 1.0, 65_536.0, None, 16.0, key=share.RAM, format="%g", placeholder=f"{DEFAULT_RAM_BYTES / 2**30:g} assumed", **BOUND)
    places["system"] = st.empty()
    for key, value in share.carried().items():
        st.text(f"From the link: {key} = {value[: share.SHARED_LENGTH]}")
        st.button(f"Forget {key}", key=f"forget:{key}", on_click=share.forget, args=(key,), type="tertiary", icon=":material/close:")
        places[key] = st.empty()


def number(field: str, label: str, step: float = 1, placeholder: str | None = None, help: str | None = None) -> None:
    """A number with the limits and the default of its field."""
    info = PlanRequest.model_fields[field]
    whole = "int" in str(info.annotation)
    kind = int if whole else float
    limits = {type(rule).__name__: getattr(rule, type(rule).__name__.lower()) for rule in _rules(info)}
    low = kind(limits.get("Ge", 1 if whole else 0.05))
    st.number_input(label, low, kind(limits["Le"]), info.default, kind(step), key=field, placeholder=placeholder, help=help, **BOUND)


def _rules(info: Any) -> list[Any]:
    """The limits of a field, wherever pydantic keeps them: on the field, or on the number inside an optional one."""
    found = list(info.metadata)
    for argument in getattr(info.annotation, "__args__", ()):
        found += getattr(argument, "__metadata__", ())
    return found
