"""The question about inference, as one sentence that is the form: run this model, in this format, on these GPUs, with
this memory, using this engine; below it three sliders, for the format, the context and the sequences at once.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner.engines.info import engines
from ui.question import fields, gpus, memory_unit, picker, redraw, sliders, streamlit_private
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

EXAMPLE = "This is an example: choose your own model, format and GPUs."

SLIDERS = "sliders"
"""The place of the widgets that belong to the page's body, which their moves redraw."""


def plan_form() -> None:
    """Draw the question; on a phone it is folded behind its own summary."""
    places = st.session_state[fields.PLACES]
    with st.expander(_summary(), icon=":material/edit:") if _on_phone() else st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            with st.container(width=290, gap="small"):
                _model()
            with st.container(width=150, gap="small"):
                places["format"] = st.container()
            with st.container(width=220, gap="small"):
                gpus.picker()
                fields.place("gpus")
            with st.container(width=150, gap="small"):
                fields.number("ram_gib", "with system RAM (GiB)", step=16)
            with st.container(width=150, gap="small"):
                fields.choice("engine", list(engines()), "using the engine", on_change=_keep_format)
        places[SLIDERS] = st.container()
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            other_sources()
            with st.popover("Advanced", icon=":material/tune:", type="tertiary"):
                _advanced(str(PLAN.value("engine")))
                memory_unit.switch()
                places["rest"] = st.container()
            if PLAN.question() == PLAN.example:
                st.caption(EXAMPLE)


def _on_phone() -> bool:
    return "Mobile" in (st.context.headers.get("User-Agent") or "")


def _summary() -> str:
    """The question in one line."""
    asked = PLAN.question()
    on = asked.get("gpus") or "the CPU"
    return f"{picker.title(asked.get('model', 'a model'))}, {asked.get('quantization', 'auto')}, on {on}"


def rest(form: Form[Any]) -> None:
    """Once the page is drawn: widgets for the fields that are set and have none on it, so that nothing changes the
    answer unseen.
    """
    places = st.session_state[fields.PLACES]
    if "rest" not in places:
        return
    if SLIDERS in places:
        numbers()  # of a page that asks for no answer
    with places["rest"]:
        for field in form.question():
            if field not in places:
                fields.any_of(field, form)
    unplaced = [sentence for field, sentence in form.complaints.items() if field not in places]
    if unplaced:
        fields.complain("model", " ".join(unplaced))


def numbers() -> None:
    """Once in a run, by the page, to whose body these then belong: the format, the context and the batch, each as a
    slider and exactly.
    """
    places, moved = st.session_state[fields.PLACES], redraw.number_moved
    if "context" in places and not streamlit_private.fragment_alone():
        return
    with streamlit_private.of_every_page():
        with places["format"]:
            fields.choice(
                "quantization",
                quantizations(str(PLAN.value("engine"))),
                "in the quantization",
                other=True,
                help="auto takes the weights as they are published, or the engine's usual format.",
                on_change=moved,
            )
        with places[SLIDERS]:
            one, two, three = st.columns([2, 3, 3], gap="medium")
            with one:
                sliders.quantization(moved)
            with two:
                left, right = st.columns([3, 2], vertical_alignment="bottom")
                with left:
                    sliders.context(moved)
                with right:
                    fields.number("context", "Context (tokens)", step=1_024, on_change=moved)
            with three:
                left, right = st.columns([3, 2], vertical_alignment="bottom")
                with left:
                    sliders.batch(moved)
                with right:
                    fields.number("batch", "Batch (sequences)", on_change=moved)


def _model() -> None:
    picker.settle(picker.for_plan, PLAN)
    fields.choice(
        "model",
        list(picker.titles()),
        "Run the model",
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
    fields.place("config")


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
