"""The question about inference: model, engine, quantization, GPUs, context, batch, and the engine's own options."""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner.engines.info import engines
from ui.question import fields, gpus, memory_unit, picker, redraw, streamlit_private
from ui.question.engines import caches, quantizations
from ui.question.form import PLAN, Form
from ui.question.models import other_sources

ADVANCED = (
    "tensor_parallel",
    "pipeline_parallel",
    "gpu_layers",
    "cpu_moe_layers",
    "flash_attention",
    "gpu_memory_utilization",
)
"""Options that engines set by themselves, each shown for the engines that have it."""


def sidebar() -> None:
    """Draw the question."""
    with st.sidebar:
        _model()
        _engine()
        gpus.picker()
        fields.place("gpus")
        st.session_state[fields.PLACES]["numbers"] = st.container()
        with st.expander("Advanced", icon=":material/tune:"):
            _advanced(str(PLAN.value("engine")))
            memory_unit.switch()
            st.session_state[fields.PLACES]["rest"] = st.container()


def rest(form: Form[Any]) -> None:
    """Once the page is drawn: widgets for the fields that are set and have none on it, so that nothing changes the
    answer unseen.
    """
    places = st.session_state[fields.PLACES]
    if "rest" not in places:
        return
    if "numbers" in places:
        numbers()  # of a page that asks for no answer
    with places["rest"]:
        for field in form.question():
            if field not in places:
                fields.any_of(field, form)
    unplaced = [sentence for field, sentence in form.complaints.items() if field not in places]
    if unplaced:
        fields.complain("model", " ".join(unplaced))


def numbers() -> None:
    """Once in a run, by the page, to whose body these two then belong."""
    places, moved = st.session_state[fields.PLACES], redraw.number_moved
    if "context" in places and not streamlit_private.fragment_alone():
        return
    with streamlit_private.of_every_page(), places["numbers"]:
        fields.number("context", "Context (tokens)", step=1_024, on_change=moved)
        fields.number("batch", "Batch (sequences)", on_change=moved)


def _model() -> None:
    picker.settle(picker.for_plan, PLAN)
    fields.choice(
        "model",
        list(picker.titles()),
        other=True,
        placeholder="Search, or type any name",
        format_func=picker.title,
        on_change=picker.typed,
        help=(
            "A bundled model, any name that people use for one, such as llama3:70b or unsloth/Qwen3-8B-GGUF:Q4_K_M,"
            " or any Hugging Face id (owner/name), whose config is then fetched from the Hub."
        ),
    )
    picker.note(PLAN)
    other_sources()
    fields.place("config")


def _engine() -> None:
    fields.choice("engine", list(engines()), on_change=_keep_format)
    fields.choice(
        "quantization",
        quantizations(str(PLAN.value("engine"))),
        other=True,
        help="auto takes the weights as they are published, or the engine's usual format.",
    )


def _keep_format() -> None:
    """Another engine keeps the format and the cache's type where it can run them, and takes its own otherwise."""
    engine = str(PLAN.value("engine"))
    if PLAN.value("quantization") not in quantizations(engine):
        PLAN.put("quantization", None)
    if PLAN.value("kv_cache_dtype") not in caches(engine):
        PLAN.put("kv_cache_dtype", None)


def _advanced(engine: str) -> None:
    """Options that engines set by themselves; empty means the engine's own default, which stands in the field."""
    fields.choice("kv_cache_dtype", caches(engine), other=True)
    for field in ADVANCED:
        # Another engine's option is shown as long as it is set.
        if engine in fields.engines_of(field) or PLAN.value(field) not in (None, ""):
            fields.any_of(field)
    fields.number("ram_gib", step=16)
