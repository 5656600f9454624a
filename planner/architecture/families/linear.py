"""Decoders with linear attention between full attention layers:

Qwen3-Next and 3.5, Kimi Linear, MiniMax-01, OLMo Hybrid, LFM2, Griffin.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import parts, patterns, recurrent
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat, shape
from planner.architecture.families.deepseek import latent_shape
from planner.architecture.families.llama import LLAMA, OLMO2, QWEN3
from planner.architecture.families.moe import DEEPSEEK, MIXTRAL, QWEN, W123
from planner.architecture.mla import mla
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Layer, Mixer, Role, Tensor
from planner.architecture.traits import Experts, Traits, build, dense, experts, finish, has_experts, mixer, norms

HIGH = 2**20


def delta_net(config: Config, s: Shape, projections: str) -> Mixer:
    """Gated DeltaNet from the `linear_*` fields, its inputs split as `projections` says: next, 3.5 or olmo."""
    nk = config.int("linear_num_key_heads", default=s.heads, high=HIGH)
    nv = config.int("linear_num_value_heads", default=s.heads, high=HIGH)
    dk = config.int("linear_key_head_dim", default=max(int(0.75 * s.hidden / nk), 1), high=HIGH)
    dv = config.int("linear_value_head_dim", default=2 * dk, high=HIGH)
    k, v = nk * dk, nv * dv
    split: dict[str, tuple[tuple[str, int, Role], ...]] = {
        "next": (("in_proj_qkvz", 2 * k + 2 * v, "ssm_in"), ("in_proj_ba", 2 * nv, "linear")),
        "3.5": (
            ("in_proj_qkv", 2 * k + v, "ssm_in"),
            ("in_proj_z", v, "ssm_in"),
            ("in_proj_b", nv, "linear"),
            ("in_proj_a", nv, "linear"),
        ),
        "olmo": (
            ("q_proj", k, "q"),
            ("k_proj", k, "k"),
            ("v_proj", v, "v"),
            ("g_proj", v, "ssm_in"),
            ("a_proj", nv, "linear"),
            ("b_proj", nv, "linear"),
        ),
    }
    out = {"out": "o_proj", "out_norm": "o_norm"} if projections == "olmo" else {}
    return recurrent.gated_delta_net(
        s.hidden,
        nk,
        nv,
        dk,
        dv,
        config.int("linear_conv_kernel_dim", default=4, high=HIGH),
        projections=split[projections],
        **out,
    )


def lfm2_conv(config: Config, s: Shape) -> Mixer:
    return recurrent.short_conv(
        s.hidden, config.int("conv_L_cache", default=3, high=HIGH), config.flag("conv_bias", default=False)
    )


def head_gate(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """One number a head that gates what attention puts out (LFM3), where the config asks for it."""
    return (
        parts.linear("self_attn.g_proj", s.heads, s.hidden, "linear")
        if config.flag("use_attention_gate", default=True)
        else ()
    )


GATED = replace(QWEN3, output_gate=True, pattern=patterns.every(4, patterns.LINEAR, ("full_attention_interval",)))
NEXT = replace(GATED, mixers={patterns.LINEAR: lambda config, s: delta_net(config, s, "next")}, experts=QWEN)
FIVE = replace(GATED, mixers={patterns.LINEAR: lambda config, s: delta_net(config, s, "3.5")})
ROWS = {
    "qwen3_next": NEXT,
    "qwen3_5_text": FIVE,
    "qwen3_5_moe_text": replace(FIVE, experts=replace(QWEN, names=("experts.gate_up_proj", "experts.down_proj"))),
    "minimax": Traits(
        experts=MIXTRAL,
        pattern=patterns.from_first(2, patterns.LINEAR),
        mixers={patterns.LINEAR: lambda config, s: recurrent.lightning(s.hidden, s.heads, s.head_dim)},
    ),
    "lfm2": Traits(
        final="model.embedding_norm",
        norms=("operator_norm", "ffn_norm"),
        out="out_proj",
        qk_norm="head",
        qk_norms=("q_layernorm", "k_layernorm"),
        mlp="feed_forward",
        mlp_names=("w1", "w3", "w2"),
        pattern=patterns.at(("full_attn_idxs",), "conv"),
        mixers={"conv": lfm2_conv},
    ),
}
ROWS["lfm3"] = replace(
    ROWS["lfm2"],
    norms=("operator_norm", "ffn_norm", "post_operator_norm", "post_ffn_norm"),
    out="o_proj",
    qk_norms=("q_norm", "k_norm"),
    extra=head_gate,
)
ROWS["minimax_text_01"] = ROWS["minimax_m1"] = ROWS["minimax"]
ROWS["lfm2_moe"] = replace(
    ROWS["lfm2"],
    experts=Experts(
        name="feed_forward",
        names=("experts.*.w1", "experts.*.w3", "experts.*.w2"),
        correction="buffer",
        correction_name="expert_bias",
    ),
)


@family(*ROWS)
def linear(config: Config) -> Architecture:
    """One row of this table."""
    kind = config.text("model_type").lower()
    if kind == "lfm2":
        config = config.replace(intermediate_size=lfm2_width(config))
    return build(config, ROWS[kind])


def lfm2_width(config: Config) -> int:
    """LFM2 takes two thirds of the stated width, times a factor, up to a multiple: like Llama 1's own code."""
    width = config.int("block_ff_dim", "intermediate_size")
    if config.flag("block_auto_adjust_ff_dim", default=True):
        width = int(config.number("block_ffn_dim_multiplier", default=1.0) * (2 * width // 3))
        multiple = config.int("block_multiple_of", default=256)
        width = -(-max(width, 1) // multiple) * multiple
    return width


@family("olmo_hybrid")
def olmo_hybrid(config: Config) -> Architecture:
    """OLMo 2 layers with norms behind, DeltaNet layers with norms before."""
    s, row = shape(config), replace(OLMO2, pattern=patterns.every(4, patterns.LINEAR, ()))
    kinds = row.pattern(config, s.layers)
    if patterns.FULL not in kinds:
        kinds[-1] = patterns.FULL
    ffn = dense(config, row, s)

    def layer(kind: str) -> Layer:
        if kind == patterns.LINEAR:
            return Layer(
                (delta_net(config, s, "olmo"),),
                ffn,
                norms(row, s.hidden, "input_layernorm", "post_attention_layernorm"),
            )
        return Layer((mixer(config, row, s, kind),), ffn, norms(row, s.hidden, *row.norms))

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index],), layer))


KIMI = replace(
    LLAMA, mlp_bias=False, ties=False, experts=replace(DEEPSEEK, name="block_sparse_moe", names=W123, first=1)
)


@family("kimi_linear")
def kimi_linear(config: Config) -> Architecture:
    """Kimi Delta Attention with latent attention each fourth layer (arXiv:2510.26692); the config counts layers
    from 1.
    """
    s, own = latent_shape(config), config.section("linear_attn_config") or config
    kinds, sparse, around = (
        kimi_kinds(config, own, s.layers),
        has_experts(config, KIMI, s),
        norms(KIMI, s.hidden, *KIMI.norms),
    )
    delta = recurrent.kda(
        s.hidden,
        own.int("linear_num_heads", "num_heads", default=32, high=HIGH),
        own.int("linear_head_dim", "head_dim", default=128, high=HIGH),
        own.int("linear_conv_kernel_dim", "short_conv_kernel_size", default=4, high=HIGH),
        low_rank_gate=not own.flag("use_full_rank_gate", default=False),
    )
    gate = parts.linear("self_attn.g_proj", s.heads * config.int("v_head_dim", default=128), s.hidden, "linear")
    latent = mla(config, s.hidden, extra=gate if config.flag("mla_use_output_gate", default=False) else ())
    inner = config.int("routed_expert_hidden_size", default=0, low=0)
    narrow = (
        parts.linear("block_sparse_moe.latent_in_proj", inner, s.hidden, "linear"),
        parts.linear("block_sparse_moe.latent_out_proj", s.hidden, inner, "linear"),
    )

    def layer(kind: str, moe: bool) -> Layer:
        routed = (
            experts(config, KIMI, s, expert_inner=inner or None, extra=narrow[0] + narrow[1] if inner else ())
            if moe
            else None
        )
        return Layer((delta if kind == patterns.LINEAR else latent,), routed or dense(config, KIMI, s), around)

    note = (
        "The experts work in a width of their own, whose small tensors are not published as code: counted to about"
        " 0.1%."
        if inner
        else ""
    )
    return finish(config, KIMI, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer), note=note)


def kimi_kinds(config: Config, own: Config, layers: int) -> list[str]:
    """The kinds as listed, or from `full_attn_layers`, or each fourth layer latent."""
    kinds = patterns.listed(config, layers)
    full = patterns.members(own.list("full_attn_layers") or [])
    if kinds is None and full:
        return [patterns.FULL if index + 1 in full else patterns.LINEAR for index in range(layers)]
    return kinds or [patterns.FULL if index and index % 4 == 0 else patterns.LINEAR for index in range(layers)]


@family("recurrent_gemma")
def recurrent_gemma(config: Config) -> Architecture:
    """Griffin: two recurrent blocks, then local attention, around and around; the ffn is half of `intermediate_size`
    wide.
    """
    row = Traits(
        final="model.final_norm",
        norms=("temporal_pre_norm", "channel_pre_norm"),
        attention="temporal_block",
        qkv_bias="attention_bias",
        out_bias=True,
        mlp="mlp_block",
        mlp_bias=True,
    )
    config = config.replace(intermediate_size=max(config.int("intermediate_size") // 2, 1))
    s = shape(config)
    cycle = config.list("block_types", "_block_types") or ["recurrent", "recurrent", "attention"]
    width = config.int("lru_width", default=s.hidden, high=2**24)

    def layer(kind: object) -> Layer:
        own = recurrent.rg_lru(s.hidden, width, s.heads, config.int("conv1d_width", default=4, high=HIGH))
        maker = mixer(config, row, s, patterns.SLIDING) if kind == "attention" else own
        return Layer((maker,), dense(config, row, s), norms(row, s.hidden, *row.norms))

    return finish(config, row, s, repeat(s.layers, lambda index: (str(cycle[index % len(cycle)]),), layer))
