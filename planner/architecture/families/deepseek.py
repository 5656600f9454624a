"""Latent attention and fine-grained experts: DeepSeek-V2, V3, V3.2 and the models built like them."""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, hidden_size, layer_count, repeat, vocab_size
from planner.architecture.families.llama import LLAMA
from planner.architecture.families.moe import DEEPSEEK
from planner.architecture.mla import mla
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer
from planner.architecture.traits import Experts, Traits, dense, experts, finish, has_experts, norms

ROW = replace(LLAMA, mlp_bias=False, experts=DEEPSEEK)
LATE = replace(ROW, experts=replace(DEEPSEEK, first=1))
ROWS = {
    "deepseek_v2": replace(LLAMA, experts=Experts(shared_bias="mlp_bias")),
    "deepseek_v3": ROW,
    "deepseek_v32": ROW,
    "deepseek_ref": ROW,
    "kimi_k2": ROW,
    "glm_moe_dsa": ROW,
    "glm4_moe_lite": LATE,
    "mistral4": replace(ROW, experts=Experts()),
    "sarvam_mla": LATE,
    "axk1": LATE,
    "minicpm3": LLAMA,
    "youtu": LLAMA,
}


def latent_shape(config: Config) -> Shape:
    """The standard numbers of a decoder with latent attention, whose head_dim and key-value heads mean nothing."""
    heads, hidden = config.int(*fields.HEADS, high=2**20), hidden_size(config)
    return Shape(
        layer_count(config), hidden, heads, heads, 1, config.int(*fields.FFN, default=4 * hidden), vocab_size(config)
    )


def indexed(config: Config, layers: int) -> list[bool]:
    """Which layers select tokens with an indexer of their own; the others have none, or share the one before
    (GLM-5.2).
    """
    if not config.has("index_n_heads"):
        return [False] * layers
    kinds = patterns.listed(config, layers, "indexer_types")
    if kinds is None and config.has("index_topk_pattern"):
        spelled = config.get("index_topk_pattern")
        kinds = (
            ["full" if kind in ("F", "full") else "shared" for kind in spelled]
            if isinstance(spelled, str | list)
            else None
        )
    if kinds is not None:
        return [kind == "full" for kind in kinds[:layers]] + [True] * (layers - len(kinds))
    step, offset = config.int("index_topk_freq", default=1), config.int("index_skip_topk_offset", default=2, low=0)
    return [max(index - offset + 1, 0) % step == 0 for index in range(layers)]


@family(*ROWS)
def deepseek(config: Config) -> Architecture:
    """Latent attention in every layer; experts from `first_k_dense_replace` on."""
    row, s = ROWS[config.text("model_type").lower()], latent_shape(config)
    around = norms(row, s.hidden, *row.norms)
    mine, sparse = indexed(config, s.layers), has_experts(config, row, s)

    def layer(indexer: bool, moe: bool) -> Layer:
        extra = parts.norm("mlp.post_mlp_layernorm", s.hidden) if moe and config.text("model_type") == "axk1" else ()
        return Layer(
            (mla(config, s.hidden, indexer=indexer),),
            experts(config, row, s) if moe else dense(config, row, s),
            around + extra,
        )

    return finish(config, row, s, repeat(s.layers, lambda index: (mine[index], sparse[index]), layer))


@family("longcat_flash")
def longcat(config: Config) -> Architecture:
    """Each layer is two latent attentions and two dense ffns, with one set of experts across both (arXiv:2509.01322).

    Some of the router's choices are experts that pass their input through and hold no weights.
    """
    s = latent_shape(config)
    row = Traits(
        ties=False,
        experts=Experts(
            router="router.classifier",
            router_bias="router_bias",
            correction="buffer",
            correction_name="router.e_score_correction_bias",
            idle=("zero_expert_num",),
        ),
    )
    routed = experts(config, row, s)
    mixers: tuple[Mixer, ...] = tuple(mla(config, s.hidden, name=f"self_attn.{half}") for half in range(2))
    tensors = routed.tensors + tuple(
        t for half in range(2) for t in parts.mlp(s.hidden, s.ffn, name=f"mlps.{half}").tensors
    )
    ffn = replace(routed, tensors=tensors, width=2 * s.ffn)
    around = tuple(
        t
        for half in range(2)
        for name in ("input_layernorm", "post_attention_layernorm")
        for t in parts.norm(f"{name}.{half}", s.hidden)
    )
    layers = repeat(s.layers, lambda index: (), lambda: Layer(mixers, ffn, around))
    return finish(config, row, s, layers, stacks=())


def both(dense_ffn: Ffn, routed: Ffn) -> Ffn:
    """A dense and a routed ffn side by side, as one."""
    return replace(routed, tensors=dense_ffn.tensors + routed.tensors, width=dense_ffn.width)
