"""The question about fine-tuning: every field of `TrainRequest` that people set, the rest under Advanced."""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st

from planner.training.adapters import EVERYDAY
from planner.training.case import BASES
from planner.training.request import Method
from planner.training.states import optimizers
from ui.question import fields, gpus, memory_unit, picker
from ui.question.form import TRAIN
from ui.question.models import other_sources

HELP = {
    "method": "full trains every weight; lora and dora train small matrices beside frozen ones; qlora keeps the frozen"
    " ones in 4 bit.",
    "precision": "bf16: everything in 16 bit. -mixed and fp8 keep fp32 master weights and moments.",
    "sharding": "ddp keeps whole copies. zero1 spreads the optimizer over the GPUs, zero2 gradients too, zero3 and fsdp"
    " weights too. fsdp-no-sync keeps gradients whole while they accumulate, as HF's Trainer does.",
    "task": "sft and pretrain predict tokens. classification has a few labels, embedding a vector for each text, and"
    " neither has logits over the vocabulary.",
    "optimizer": "adamw-fused is transformers' default; the 8-bit ones keep both moments in a byte each.",
    "offload": "What moves to system memory; weights takes gradients and the optimizer along.",
    "checkpointing": "Layers keep less and run again in the backward pass.",
    "quantization": "auto: 16 bit for LoRA, NF4 for QLoRA. It has no part in full fine-tuning.",
    "lora_targets": f"all-linear, or modules such as {', '.join(list(EVERYDAY)[:4])}.",
    "seq_len": "As the data really is: the limit when padded or packed full. Your data tells.",
    "fused_cross_entropy": "Liger's, Cut Cross-Entropy or torchtune's linear one: logits a chunk at a time.",
}
"""What the values of a field mean. Values stand in links as they are, so they have no other names on the page."""

LISTS = {"quantization": ["auto", *BASES], "optimizer": list(optimizers())}
"""Values of the fields whose type does not list them."""


def train_sidebar() -> None:
    """Draw the question."""
    with st.sidebar:
        _model()
        st.segmented_control(
            "Method",
            get_args(Method),
            default=TRAIN.default("method"),
            key=TRAIN.key("method"),
            required=True,
            help=HELP["method"],
            on_change=_keep_base,
        )
        fields.place("method", TRAIN)
        _choice("task")
        gpus.picker()
        fields.place("gpus", TRAIN)
        left, right = st.columns(2)
        with left:
            _number("micro_batch")
            _number("seq_len", "Tokens a sequence", step=256)
        with right:
            _number("gradient_accumulation", "Accumulation")
            _number("epochs")
        _number("samples", step=100, placeholder="for the duration")
        _number("tokens_per_sample", "Tokens a sample, on average", step=10, placeholder="as long as the sequence")
        fields.switch("packing", "Pack samples into full sequences", form=TRAIN)
        fields.place("request", TRAIN)
        with st.expander("Advanced", icon=":material/tune:"):
            _advanced()
            memory_unit.switch()
            st.session_state[fields.PLACES]["rest"] = st.container()


def _keep_base() -> None:
    """Full fine-tuning has no frozen base."""
    if TRAIN.value("method") == "full":
        TRAIN.put("quantization", None)


def _model() -> None:
    picker.settle(picker.for_training, TRAIN)
    fields.choice(
        "model",
        list(picker.titles()),
        other=True,
        placeholder="Search, or type any name",
        format_func=picker.title,
        on_change=picker.typed,
        form=TRAIN,
    )
    picker.note(TRAIN)
    other_sources()
    fields.place("config", TRAIN)


def _advanced() -> None:
    for field in ("checkpointing", "optimizer", "precision"):
        _choice(field)
    _choice("quantization", "Frozen base")
    _number("lora_rank", "Adapter rank")
    fields.text("lora_targets", "Adapters on", help=HELP["lora_targets"], form=TRAIN)
    _choice("sharding")
    _choice("offload", "Offload to the host")
    _number("tensor_parallel")
    _number("pipeline_parallel")
    for field, label in (
        ("fused_cross_entropy", "Fused or chunked loss"),
        ("flash_attention", ""),
        ("compile", ""),
        ("train_embeddings", "Train embedding and head whole"),
    ):
        fields.switch(field, label, form=TRAIN)


def _choice(field: str, label: str = "") -> None:
    annotation = TRAIN.fields[field].annotation
    literal = next((kind for kind in get_args(annotation) if get_args(kind)), annotation)
    options = LISTS.get(field) or [str(one) for one in get_args(literal)]
    fields.choice(field, options, label, help=HELP.get(field), form=TRAIN)


def _number(field: str, label: str = "", **more: Any) -> None:
    fields.number(field, label, help=HELP.get(field), form=TRAIN, **more)
