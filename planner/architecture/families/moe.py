"""Decoders of the Llama kind whose ffn is a mixture of experts; the row says how experts are stored and sized."""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat, shape
from planner.architecture.families.llama import COHERE, ERNIE, GLM4, LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Layer, Tensor
from planner.architecture.traits import (
    Experts,
    TensorMaker,
    Traits,
    attention,
    build,
    dense,
    experts,
    finish,
    has_experts,
    norms,
)

W123 = ("experts.*.w1", "experts.*.w3", "experts.*.w2")
MIXTRAL = Experts(name="block_sparse_moe", names=W123, width=fields.FFN)
QWEN = Experts(shared="shared_expert", shared_gate=True)
DEEPSEEK = Experts(correction="buffer")
GRANITE = Experts(
    name="block_sparse_moe", router="router.layer", names=("input_linear", "output_linear"), width=fields.FFN,
    shared="/shared_mlp", shared_names=("input_linear", "output_linear"), shared_width=("shared_intermediate_size",),
)  # fmt: skip
ERNIE_MOE = replace(
    ERNIE,
    head_bias="use_bias",
    experts=replace(
        DEEPSEEK, shared_bias="use_bias", correction="parameter", correction_name="moe_statics.e_score_correction_bias"
    ),
)


def gate(width: str) -> TensorMaker:
    """A matrix that gates what attention puts out: one number a head, or one an element."""

    def tensors(config: Config, s: Shape) -> tuple[Tensor, ...]:
        rows = s.heads * (s.head_dim if width == "element" else 1)
        return parts.linear("self_attn.g_proj" if width == "head" else "self_attn.gate_proj", rows, s.hidden, "linear")

    return tensors


ROWS = {
    "mixtral": replace(MISTRAL, experts=MIXTRAL),
    "minimax_m2": Traits(
        qk_norm="full",
        experts=replace(MIXTRAL, correction="buffer", correction_name="e_score_correction_bias", shared_width=()),
    ),
    "phimoe": Traits(
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        norm="bias",
        head_bias="lm_head_bias",
        pattern=patterns.windowed,
        experts=MIXTRAL,
    ),
    "aria_text": replace(
        LLAMA,
        experts=Experts(
            shared_bias="mlp_bias", router="router", names=("experts.fc1", "experts.fc2"), width=fields.FFN
        ),
    ),
    "qwen2_moe": replace(QWEN2, qkv_bias="qkv_bias", experts=QWEN),
    "qwen3_moe": replace(QWEN3, experts=Experts()),
    "qwen3_vl_moe_text": replace(
        QWEN3, pattern=patterns.full, experts=Experts(names=("experts.gate_up_proj", "experts.down_proj"))
    ),
    "qwen3_omni_moe_text": replace(QWEN3, experts=Experts()),
    "olmoe": replace(LLAMA, mlp_bias=False, qk_norm="full", experts=Experts(width=fields.FFN)),
    "flex_olmo": replace(OLMO2, experts=Experts(width=fields.FFN)),
    "deepseek": replace(LLAMA, experts=Experts()),
    "deepseek_ocr2_text": replace(LLAMA, experts=Experts(shared_bias="mlp_bias")),
    "unlimited_ocr_text": replace(LLAMA, pattern=patterns.windowed, experts=Experts(shared_bias="mlp_bias")),
    "dots1": replace(LLAMA, qk_norm="head", mlp_bias=False, pattern=patterns.windowed, experts=DEEPSEEK),
    "glm4_moe": Traits(qkv_bias="attention_bias", qk_norm="head", qk_norm_if="use_qk_norm", experts=DEEPSEEK),
    "sarvam_moe": Traits(qkv_bias="attention_bias", qk_norm="head", qk_norm_if="use_qk_norm", experts=DEEPSEEK),
    "glm4v_moe_text": Traits(qkv_bias="attention_bias", experts=DEEPSEEK),
    "solar_open": Traits(qkv_bias="attention_bias", experts=DEEPSEEK),
    "exaone_moe": Traits(qk_norm="head", pattern=patterns.every(4), experts=DEEPSEEK),
    "hy_v3": replace(
        LLAMA,
        qk_norm="head",
        experts=replace(DEEPSEEK, correction_name="e_score_correction_bias", shared_bias="mlp_bias", first=1),
    ),
    "mellum": replace(QWEN3, pattern=patterns.windowed, experts=Experts()),
    "flint": replace(QWEN3, sinks=True, pattern=patterns.windowed, experts=replace(QWEN, shared_gate=False, first=2)),
    "kolibri1": replace(
        GLM4, qkv_bias=False, mlp_names=LLAMA.mlp_names, qk_norm="head", pattern=patterns.windowed, experts=DEEPSEEK
    ),
    "cohere2_moe": replace(COHERE, pattern=patterns.every(4), still=True, experts=Experts(width=fields.FFN)),
    "granitemoe": replace(LLAMA, mlp_bias=False, experts=GRANITE),
    "granitemoeshared": replace(LLAMA, mlp_bias=False, experts=GRANITE),
    "granitemoe_swa": replace(LLAMA, mlp_bias=False, sinks=True, pattern=patterns.every(4), experts=GRANITE),
    "gpt_oss": Traits(
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        sinks=True,
        pattern=patterns.every(2),
        experts=Experts(
            router="router",
            names=("experts.gate_up_proj", "experts.down_proj"),
            width=fields.FFN,
            bias=True,
            router_bias=True,
        ),
    ),
    "ernie4_5_moe": ERNIE_MOE,
    "afmoe": Traits(
        norms=("input_layernorm", "post_attention_layernorm", "pre_mlp_layernorm", "post_mlp_layernorm"),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm="head",
        pattern=patterns.every(4, keys=("global_attn_every_n_layers",)),
        extra=gate("element"),
        experts=Experts(router="router.gate", correction="parameter", correction_name="expert_bias"),
    ),
}


@family(*ROWS)
def mixture(config: Config) -> Architecture:
    """One row of this table."""
    return build(config, ROWS[config.text("model_type").lower()])


@family("ernie4_5_vl_moe_text")
def ernie_vl(config: Config) -> Architecture:
    """ERNIE 4.5 VL: text and images have experts of their own, of two widths, beside shared ones; a token goes through
    one of the two sets.
    """
    widths = config.list("moe_intermediate_size", length=2) or [1536, 512]
    sets = [
        config.replace(moe_intermediate_size=widths[0]),
        config.replace(moe_intermediate_size=widths[1], moe_num_shared_experts=0),
    ]
    text, image = (
        replace(
            ERNIE_MOE, experts=replace(ERNIE_MOE.experts or Experts(), name=f"mlp.{name}", shared="/mlp.shared_experts")
        )
        for name in ("text_moe", "vision_moe")
    )
    s, around = shape(sets[0]), norms(text, shape(sets[0]).hidden, *text.norms)
    sparse = has_experts(sets[0], text, s)

    def layer(moe: bool) -> Layer:
        ffn = experts(sets[0], text, s, extra=experts(sets[1], image, s).tensors) if moe else dense(config, text, s)
        return Layer((attention(config, text, s),), ffn, around)

    return finish(config, text, s, repeat(s.layers, lambda index: (sparse[index],), layer))
