"""The question as every page asks it: model, engine, quantization, GPUs, context, batch, and the engine's own
options.
"""

from __future__ import annotations

import streamlit as st

from planner.engines.info import engines
from planner.plan import DEFAULT_RAM_BYTES
from planner.request import LLAMA, SERVING
from ui.question import fields, gpus, memory_unit, picker, redraw, share
from ui.question.engines import caches, quantizations
from ui.question.models import other_sources


def sidebar() -> None:
    """Draw the question."""
    with st.sidebar:
        _model()
        _engine()
        gpus.picker()
        fields.place("gpus")
        st.session_state["places"]["numbers"] = st.container()
        with st.expander("Advanced", icon=":material/tune:"):
            _advanced(st.session_state["engine"])
            memory_unit.switch()
            st.session_state["places"]["rest"] = st.container()


def rest() -> None:
    """Once the page is drawn: widgets for the fields that are set and have none on it, so that nothing changes the
    answer unseen.

    They also keep these fields in the address: what a widget is bound to, the browser takes along to the next page by
    itself.
    """
    places = st.session_state["places"]
    if "rest" not in places:
        return
    numbers()  # of a page that asks for no answer
    with places["rest"]:
        for key in share.question():
            if key not in places:
                fields.any_of(key)
    unplaced = [sentence for key, sentence in st.session_state["complaints"].items() if key not in places]
    if unplaced:
        fields.complain("model", " ".join(unplaced))


def numbers() -> None:
    """Once in a run, by the page, to whose body these two then belong."""
    places, moved = st.session_state["places"], redraw.number_moved
    if "context" in places and not redraw.again():
        return
    with redraw.of_every_page(), places["numbers"]:
        fields.number(
            "context",
            "Context (tokens)",
            step=1_024,
            help="Tokens that each sequence may hold: prompt and answer together.",
            on_change=moved,
        )
        fields.number(
            "batch",
            "Batch (sequences)",
            help="Sequences at once: parallel slots, or requests in flight.",
            on_change=moved,
        )


def _model() -> None:
    picker.settle(picker.for_plan)
    fields.choice(
        "model",
        "Model",
        list(picker.titles()),
        other=True,
        placeholder="Search, or type any name",
        format_func=picker.title,
        on_change=picker.typed,
        bind=None,
        persist_state="session",
        help=(
            "A bundled model, any name that people use for one, such as llama3:70b or unsloth/Qwen3-8B-GGUF:Q4_K_M, or"
            " any Hugging Face id (owner/name), whose config is then fetched from the Hub."
        ),
    )
    picker.note()
    other_sources()
    fields.place("config")


def _engine() -> None:
    fields.choice("engine", "Engine", list(engines()), on_change=_keep_format)
    fields.choice(
        "quantization", "Quantization", quantizations(st.session_state["engine"]), other=True,
        help="auto takes the weights as they are published, or the engine's usual format.",
    )  # fmt: skip


def _keep_format() -> None:
    """Another engine keeps the format and the cache's type where it can run them, and takes its own otherwise."""
    if st.session_state.get("quantization") not in quantizations(st.session_state["engine"]):
        st.session_state["quantization"] = "auto"
    if st.session_state.get("kv_cache_dtype") not in caches(st.session_state["engine"]):
        st.session_state["kv_cache_dtype"] = "auto"


def _advanced(engine: str) -> None:
    """Options that engines set by themselves; empty means the engine's own default, which stands in the field."""
    fields.choice("kv_cache_dtype", "KV cache type", caches(engine), other=True)
    rows = (
        ("tensor_parallel", "Tensor parallel", (*SERVING, *LLAMA), "what the engine chooses"),
        ("pipeline_parallel", "Pipeline parallel", SERVING, "1"),
        ("gpu_layers", "GPU layers", LLAMA, "as many as fit"),
        ("cpu_moe_layers", "Layers with experts in system RAM", LLAMA, "none"),
    )
    for field, label, having, default in rows:
        if _shown(field, engine in having):
            fields.number(field, label, placeholder=default)
    if _shown("flash_attention", engine in LLAMA):
        fields.switch("flash_attention", "Flash attention")
    if _shown("gpu_memory_utilization", engine in SERVING):
        fields.number("gpu_memory_utilization", "GPU memory utilization", step=0.05, placeholder="the engine's own")
    fields.number("ram_gib", "System RAM (GiB)", step=16, placeholder=f"{DEFAULT_RAM_BYTES / 2**30:g} assumed")


def _shown(field: str, usual: bool) -> bool:
    """Another engine's option is shown as long as it is set."""
    return usual or st.session_state.get(field) not in (None, "")
