"""The question about fine-tuning: every widget's key is its field of `TrainRequest`, and its value stands in the
address.
"""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from planner.core.errors import PlanError
from planner.training.adapters import EVERYDAY
from planner.training.case import BASES
from planner.training.request import Checkpointing, Method, Offload, Precision, Sharding, Task, TrainRequest
from planner.training.states import optimizers
from ui.question import gpus, memory_unit, migrate, picker, share
from ui.question.models import other_sources
from ui.show.text import plain

BOUND: Any = {"bind": "query-params"}

EXAMPLE = {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpus": "rtx-4090"}
"""The question that an address without one opens with."""

HELP = {
    "method": (
        "full trains every weight; lora and dora train small matrices beside frozen ones; qlora keeps the frozen ones"
        " in 4 bit."
    ),
    "precision": "bf16: everything in 16 bit. -mixed and fp8 keep fp32 master weights and moments.",
    "sharding": (
        "ddp keeps whole copies. zero1 spreads the optimizer over the GPUs, zero2 gradients too, zero3 and fsdp weights"
        " too. fsdp-no-sync keeps gradients whole while they accumulate, as HF's Trainer does."
    ),
    "task": (
        "sft and pretrain predict tokens. classification has a few labels, embedding a vector for each text, and"
        " neither has logits over the vocabulary."
    ),
    "optimizer": "adamw-fused is transformers' default; the 8-bit ones keep both moments in a byte each.",
    "offload": "What moves to system memory; weights takes gradients and the optimizer along.",
}
"""What the values of a field mean. Values stand in links as they are, so they have no other names on the page."""

TEXTS = (
    "model",
    "gpus",
    "method",
    "task",
    "precision",
    "checkpointing",
    "optimizer",
    "sharding",
    "offload",
    "quantization",
    "lora_targets",
)
NUMBERS = (
    "micro_batch",
    "seq_len",
    "gradient_accumulation",
    "samples",
    "tokens_per_sample",
    "epochs",
    "lora_rank",
    "tensor_parallel",
    "pipeline_parallel",
)
SWITCHES = ("packing", "fused_cross_entropy", "flash_attention", "compile", "train_embeddings")
WIDGETS = (*TEXTS, *NUMBERS, *SWITCHES)

KEYS = {
    "quantization": "base",
    "flash_attention": "train_flash_attention",
    "tensor_parallel": "train_tensor_parallel",
    "pipeline_parallel": "train_pipeline_parallel",
}
"""Fields whose widget has another key than the field's name: the Plan page asks something else by that name, and
neither may change the other.
"""


def ask() -> dict[str, Any]:
    """Draw the question; returns a place under the fields where a sentence about them can be shown."""
    _arrive()
    places: dict[str, Any] = {}
    with st.sidebar:
        picker.settle(picker.for_training, KEYS)
        st.selectbox(
            "Model",
            list(picker.titles()),
            index=None,
            key="model",
            accept_new_options=True,
            placeholder="Search, or type any name",
            format_func=picker.title,
            on_change=picker.typed,
            persist_state="session",
        )
        if st.session_state.get("model"):  # bound, the address would carry the title
            st.query_params["model"] = st.session_state["model"]
        places["model"] = st.empty()
        picker.note(KEYS)
        other_sources()
        st.segmented_control(
            "Method", get_args(Method), default="lora", key="method", required=True, help=HELP["method"], **BOUND
        )
        st.selectbox(
            "Task",
            get_args(Task),
            index=None,
            key="task",
            help=HELP["task"],
            placeholder="sft; classification for an encoder",
            **BOUND,
        )
        places["task"] = st.empty()
        gpus.picker()
        places["gpus"] = st.empty()
        left, right = st.columns(2)
        with left:
            _number("micro_batch", "Micro-batch", help="Sequences that one GPU takes at once.")
            _number(
                "seq_len",
                "Tokens a sequence",
                step=256,
                help="As the data really is: the limit when padded or packed full. Your data tells.",
            )
        with right:
            _number("gradient_accumulation", "Accumulation", help="Micro-batches before the optimizer steps.")
            _number("epochs", "Epochs")
        _number("samples", "Samples", step=100, placeholder="for the duration")
        _number("tokens_per_sample", "Tokens a sample, on average", step=10, placeholder="as long as the sequence")
        st.toggle("Pack samples into full sequences", key="packing", **BOUND)
        places["request"] = st.empty()
        with st.expander("Advanced", icon=":material/tune:"):
            _advanced(places)
            memory_unit.switch()
    for field, sentence in st.session_state["train_complaints"].items():
        complain(places, field, f"{sentence} Its default stands in.")
    return places


def _advanced(places: dict[str, Any]) -> None:
    fields = TrainRequest.model_fields
    st.selectbox(
        "Checkpointing",
        get_args(Checkpointing),
        index=2,
        key="checkpointing",
        **BOUND,
        help="Layers keep less and run again in the backward pass.",
    )
    names = list(optimizers())
    st.selectbox(
        "Optimizer",
        names,
        index=names.index(fields["optimizer"].default),
        key="optimizer",
        help=HELP["optimizer"],
        **BOUND,
    )
    st.selectbox("Precision", get_args(Precision), index=1, key="precision", help=HELP["precision"], **BOUND)
    st.selectbox(
        "Frozen base",
        ["auto", *BASES],
        key=KEYS["quantization"],
        **BOUND,
        help="auto: 16 bit for LoRA, NF4 for QLoRA. It has no part in full fine-tuning.",
    )
    places["quantization"] = st.empty()
    _number("lora_rank", "Adapter rank")
    st.text_input(
        "Adapters on",
        "all-linear",
        key="lora_targets",
        **BOUND,
        help=f"all-linear, or modules such as {', '.join(list(EVERYDAY)[:4])}.",
    )
    places["lora_targets"] = st.empty()
    st.selectbox(
        "Sharding",
        get_args(Sharding),
        index=None,
        key="sharding",
        help=HELP["sharding"],
        placeholder="DDP on several GPUs",
        **BOUND,
    )
    st.selectbox("Offload to the host", get_args(Offload), key="offload", help=HELP["offload"], **BOUND)
    _number("tensor_parallel", "Tensor parallel", placeholder="1")
    places["tensor_parallel"] = st.empty()
    _number("pipeline_parallel", "Pipeline parallel", placeholder="1")
    places["pipeline_parallel"] = st.empty()
    st.toggle(
        "Fused or chunked loss",
        key="fused_cross_entropy",
        **BOUND,
        help="Liger's, Cut Cross-Entropy or torchtune's linear one: logits a chunk at a time.",
    )
    st.toggle(
        "Flash attention",
        True,
        key=KEYS["flash_attention"],
        **BOUND,
        help="SDPA or FlashAttention; without it the scores are kept.",
    )
    st.toggle("Compile", key="compile", **BOUND)
    st.toggle("Train embedding and head whole", key="train_embeddings", **BOUND)


def _number(field: str, label: str, step: float = 1, placeholder: str | None = None, help: str | None = None) -> None:
    """A number with the limits and the default of its field."""
    info = TrainRequest.model_fields[field]
    whole = "int" in str(info.annotation)
    kind = int if whole else float
    rules = {type(rule).__name__: rule for rule in _rules(info)}
    low = kind(rules["Ge"].ge) if "Ge" in rules else kind(0.1)
    default = info.default if info.default is None else kind(info.default)
    st.number_input(
        label,
        low,
        kind(rules["Le"].le),
        default,
        kind(step),
        key=KEYS.get(field, field),
        placeholder=placeholder,
        help=help,
        **BOUND,
    )


def _rules(info: Any) -> list[Any]:
    """The limits of a field, on the field or on the number inside an optional one."""
    found = list(info.metadata)
    for argument in getattr(info.annotation, "__args__", ()):
        found += getattr(argument, "__metadata__", ())
    return found


def _arrive() -> None:
    """Judge the link whenever the visitor comes to this page; without a model in it, begin with the last question here,
    or the example.
    """
    state, back = st.session_state, getattr(get_script_run_ctx(), "is_history_navigation", False)
    if "model" not in st.query_params and back:
        state["bare_training"] = True
        st.rerun()  # back at the bare address: the widgets must not follow it to an empty question
    if "model" in st.query_params and (back or "method" not in state):
        state["model"] = st.query_params["model"]
    if state.pop("bare_training", False):
        state.update(state.get(share.LAST, EXAMPLE))
    if "method" in state:
        return
    whole = migrate.PARAMETER in st.query_params or not {"complaints", "train_complaints"} & state.keys()
    state["train_complaints"] = {}
    st.query_params.pop(migrate.PARAMETER, None)
    for key, value in st.query_params.to_dict().items():
        if key in TrainRequest.model_fields:
            try:
                asked = TrainRequest.from_query({"model": "-", key: value})
                if key in KEYS and whole:
                    state[KEYS[key]] = getattr(asked, key)
                    st.query_params[KEYS[key]] = value
            except PlanError as error:
                if key not in KEYS or whole:
                    state["train_complaints"][key] = str(error)
            if key in KEYS or key in state["train_complaints"]:
                share.unless_bound(key, None)
    if "model" not in st.query_params:
        for key, text in state.get(share.LAST, EXAMPLE).items():
            state[key] = text


def complain(places: dict[str, Any], field: str | None, sentence: str) -> None:
    """Show a sentence at the field that it is about; a field without a place has the one under the batch."""
    places.get(field or "", places["request"]).warning(plain(sentence), icon=":material/error:")


def read(file: tuple[str, dict[str, Any]] | None = None) -> TrainRequest:
    """The request that the page's widgets and the rest of its link spell; a file that was uploaded, its name and its
    config, stands for the model.

    Raises:
        PlanError: when something in it is no value, or two fields contradict each other.
    """
    state = st.session_state
    held = {key: state.get(KEYS.get(key, key)) for key in WIDGETS}
    given = {key: value for key, value in held.items() if value not in (None, "")}
    share.remember(given)
    if given.get("model") and "kept" in state:  # the other pages then ask about this model on these GPUs, too
        state["kept"] = {**state["kept"], **state[share.LAST]}
    if given.get("method") == "full":
        given.pop("quantization", None)
    rest = {
        key: value
        for key, value in st.query_params.to_dict().items()
        if key in TrainRequest.model_fields and key not in WIDGETS
    }
    carried = TrainRequest.from_query({"model": "-", **rest}).given()
    if file:
        given["model"], given["config"] = file
    return TrainRequest.read({**{key: value for key, value in carried.items() if key != "model"}, **given})


def change(request: TrainRequest, fields: dict[str, Any]) -> None:
    """Set some fields of the request: what a button does when it is clicked.

    The widgets follow, and so does the link.
    """
    changed = request.changed(**fields)
    query = changed.to_query()
    for key in fields:
        if key in TEXTS:
            st.session_state[KEYS.get(key, key)] = query.get(key, TrainRequest.model_fields[key].default or "")
        elif key in (*NUMBERS, *SWITCHES):
            st.session_state[KEYS.get(key, key)] = getattr(changed, key)
    st.session_state["train_complaints"] = {}
