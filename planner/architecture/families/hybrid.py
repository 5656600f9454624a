"""Decoders that mix attention with state-space layers:

Jamba, Bamba, Granite 4, Falcon-H1, Nemotron-H, and pure Mamba.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, parts, patterns, recurrent
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, hidden_size, layer_count, repeat, shape, vocab_size
from planner.architecture.families.llama import LLAMA
from planner.architecture.families.moe import GRANITE
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer, Stack
from planner.architecture.traits import Experts, Traits, attention, build, dense, experts, finish, mixer, norms
from planner.core.errors import PlanError

MOST_GROUPS = 2**20


def mamba_of(config: Config, hidden: int, name: str = "mixer", normed: bool = False) -> Mixer:
    """Mamba from the fields of its first generation; `normed` adds Jamba's norms of dt, B and C."""
    state, kernel = (
        config.int("state_size", "mamba_d_state", default=16),
        config.int("conv_kernel", "mamba_d_conv", "d_conv", default=4),
    )
    inner = (
        config.int("intermediate_size", default=config.int("expand", default=2) * hidden)
        if name == "mixer"
        else config.int("mamba_expand", default=2) * hidden
    )
    given = config.get("time_step_rank", "mamba_dt_rank")
    rank = config.int("time_step_rank", "mamba_dt_rank") if given not in (None, "auto") else -(-hidden // 16)
    extra = (
        parts.norm(f"{name}.dt_layernorm", rank)
        + parts.norm(f"{name}.b_layernorm", state)
        + parts.norm(f"{name}.c_layernorm", state)
        if normed
        else ()
    )
    return recurrent.mamba(
        hidden,
        inner,
        state,
        kernel,
        rank,
        name=name,
        extra=extra,
        conv_bias=config.flag("use_conv_bias", "mamba_conv_bias", default=True),
        bias=config.flag("use_bias", "mamba_proj_bias", default=False),
    )


def mamba2_of(
    config: Config,
    hidden: int,
    name: str = "mixer",
    gated_norm: bool = True,
    biases: tuple[str, str] = ("mamba_proj_bias", "mamba_proj_bias"),
) -> Mixer:
    """Mamba-2 from its many spellings; a head count or a head size that is `auto` follows from expand * hidden."""
    inner = config.int("mamba_d_ssm", default=config.int("mamba_expand", "expand", default=2, high=1024) * hidden)
    heads = config.int(
        "mamba_n_heads", "mamba_num_heads", "n_mamba_heads", "num_heads", default=0, low=0, high=MOST_GROUPS
    )
    size = config.get("mamba_d_head", "mamba_head_dim", "mamba_headdim", "head_dim")
    if isinstance(size, str) or (size is None and heads):
        dim = max(inner // max(heads, 1), 1)
    else:
        dim = config.int("mamba_d_head", "mamba_head_dim", "mamba_headdim", "head_dim", default=64)
    return recurrent.mamba2(
        hidden,
        heads or max(inner // dim, 1),
        dim,
        config.int("mamba_d_state", "ssm_state_size", "state_size", default=128),
        config.int("mamba_n_groups", "n_groups", "mamba_ngroups", default=1, high=MOST_GROUPS),
        config.int("mamba_d_conv", "conv_kernel", default=4),
        name=name,
        conv_bias=config.flag("mamba_conv_bias", "use_conv_bias", default=True),
        gated_norm=gated_norm,
        bias=config.flag(biases[0], default=False),
        out_bias=config.flag(biases[1], default=False),
    )


def first_generation(config: Config, s: Shape) -> Mixer:
    return mamba_of(config, s.hidden, "mamba", normed=True)


def second_generation(config: Config, s: Shape) -> Mixer:
    return mamba2_of(config, s.hidden, "mamba")


JAMBA = Traits(
    final="model.final_layernorm",
    norms=("input_layernorm", "pre_ff_layernorm"),
    mlp="feed_forward",
    pattern=patterns.periodic,
    experts=Experts(name="feed_forward", router="router", width=fields.FFN),
    mixers={patterns.LINEAR: first_generation},
)
BAMBA = replace(
    LLAMA,
    final="model.final_layernorm",
    norms=("input_layernorm", "pre_ff_layernorm"),
    mlp="feed_forward",
    pattern=patterns.at(("attn_layer_indices",), patterns.LINEAR, otherwise=patterns.LINEAR),
    mixers={patterns.LINEAR: second_generation},
)
GRANITE4 = replace(
    LLAMA, mlp_bias=False, experts=GRANITE, mlp="shared_mlp", mlp_names=("input_linear", "output_linear"),
    pattern=patterns.at((), patterns.LINEAR, otherwise=patterns.LINEAR), mixers={patterns.LINEAR: second_generation},
)  # fmt: skip


@family("jamba")
def jamba(config: Config) -> Architecture:
    """Attention each eighth layer, experts each second (arXiv:2403.19887)."""
    return build(config.replace(tie_word_embeddings=config.flag("tie_word_embeddings", default=False)), JAMBA)


@family("bamba")
def bamba(config: Config) -> Architecture:
    """Mamba-2 layers with attention at `attn_layer_indices`, each before a gated ffn."""
    return build(config, BAMBA)


@family("granitemoehybrid")
def granite4(config: Config) -> Architecture:
    """Granite 4: without experts the shared ffn is the whole of it."""
    return build(
        (
            config.replace(intermediate_size=config.get("shared_intermediate_size"))
            if not config.int(*fields.EXPERTS, default=0, low=0)
            else config
        ),
        GRANITE4,
    )


@family("falcon_h1")
def falcon_h1(config: Config) -> Architecture:
    """Attention and Mamba-2 side by side in every layer."""
    row = replace(BAMBA, out_bias="attention_bias")
    s = shape(config)
    both = (
        attention(config, row, s),
        mamba2_of(
            config,
            s.hidden,
            "mamba",
            config.flag("mamba_rms_norm", default=False),
            ("mamba_proj_bias", "projectors_bias"),
        ),
    )
    layer = Layer(both, dense(config, row, s), norms(row, s.hidden, *row.norms))
    return finish(config, row, s, (layer,) * s.layers)


MAMBA_NAMES = Traits(
    layers="backbone.layers.", embed="backbone.embeddings.weight", final="backbone.norm_f", norms=("norm",)
)


def only_mamba(config: Config, maker: Mixer, s: Shape) -> Architecture:
    """Nothing but state-space layers, each with one norm."""
    return finish(config, MAMBA_NAMES, s, (Layer((maker,), None, norms(MAMBA_NAMES, s.hidden, "norm")),) * s.layers)


def stateful_shape(config: Config) -> Shape:
    """The numbers of a decoder without attention."""
    return Shape(layer_count(config), hidden_size(config), 1, 1, 1, 1, vocab_size(config))


@family("mamba", "falcon_mamba")
def mamba(config: Config) -> Architecture:
    """Pure Mamba; Falcon-Mamba's extra norms have no weights."""
    s = stateful_shape(config)
    return only_mamba(config, mamba_of(config, s.hidden), s)


@family("mamba2")
def mamba2(config: Config) -> Architecture:
    """Pure Mamba-2."""
    s = stateful_shape(config)
    return only_mamba(config, mamba2_of(config, s.hidden, biases=("use_bias", "use_bias")), s)


@family("mamba_ssm")
def mamba_ssm(config: Config) -> Architecture:
    """The layout of the original mamba_ssm package:

    `ssm_cfg.layer` tells the generations apart, the vocabulary is padded.
    """
    own = config.section("ssm_cfg") or Config({})
    hidden, multiple = hidden_size(config), config.int("pad_vocab_size_multiple", default=8)
    vocab = -(-vocab_size(config) // multiple) * multiple
    s = Shape(layer_count(config), hidden, 1, 1, 1, 1, vocab)
    second = own.text("layer", default="Mamba1").lower() == "mamba2"
    inner = own.int("expand", default=2, high=1024) * hidden
    if second:
        dim = own.int("headdim", default=64)
        maker = recurrent.mamba2(
            hidden,
            max(inner // dim, 1),
            dim,
            own.int("d_state", default=128),
            own.int("ngroups", default=1, high=MOST_GROUPS),
            own.int("d_conv", default=4),
        )
    else:
        maker = recurrent.mamba(
            hidden, inner, own.int("d_state", default=16), own.int("d_conv", default=4), -(-hidden // 16)
        )
    return only_mamba(
        config.replace(tie_word_embeddings=config.flag("tie_embeddings", default=True), vocab_size=vocab), maker, s
    )


NEMOTRON = replace(
    LLAMA, layers="backbone.layers.", embed="backbone.embeddings.weight", final="backbone.norm_f", norms=("norm",),
    attention="mixer", mlp="mixer", gated=False,
    experts=Experts(
        name="mixer", names=("experts.*.up_proj", "experts.*.down_proj"), shared_names=("up_proj", "down_proj"),
        gated=False, width=fields.EXPERT_FFN,
        correction="buffer", shared_bias="mlp_bias", shared_width=(),
    ),
    qkv_bias=False, out_bias=False, ties=False,
)  # fmt: skip


@family("nemotron_h", "nemotron_h_puzzle")
def nemotron_h(config: Config) -> Architecture:
    """One norm and one block a layer:

    Mamba-2 (M), attention (*), a two-matrix ffn (-) or experts (E), by the pattern.
    """
    pattern = config.get("hybrid_override_pattern")
    if isinstance(pattern, str) and not config.has(*fields.LAYER_TYPES):
        config = config.replace(layers_block_type=[letter for letter in pattern if letter != "|"])
    s = shape(config)
    kinds = patterns.listed(config, s.layers)
    if kinds is None:
        raise PlanError("The config has neither hybrid_override_pattern nor layers_block_type; add one.", "config")
    layers = repeat(s.layers, lambda index: (kinds[index],), lambda kind: nemotron_layer(config, s, kind))
    return finish(config, NEMOTRON, s, layers, stacks=nemotron_mtp(config, s))


def nemotron_layer(config: Config, s: Shape, kind: str) -> Layer:
    """The one block of a Nemotron-H layer."""
    around = norms(NEMOTRON, s.hidden, "norm")
    if kind == patterns.LINEAR:
        return Layer(
            (mamba2_of(config.replace(head_dim=None), s.hidden, biases=("use_bias", "use_bias")),), None, around
        )
    if kind == "mlp":
        return Layer((), dense(config, NEMOTRON, s), around)
    if kind == "moe":
        return Layer((), latent_experts(config, s), around)
    return Layer((mixer(config, NEMOTRON, s, kind),), None, around)


def latent_experts(config: Config, s: Shape) -> Ffn:
    """Experts that work in `moe_latent_size`, with a projection into it and one out; the shared expert stays in the
    full width.
    """
    inner = config.int("moe_latent_size", default=0, low=0)
    shared = config.int("moe_shared_expert_intermediate_size", default=0, low=0) * min(
        config.int(*fields.SHARED_EXPERTS, default=1, low=0, high=MOST_GROUPS), 1
    )
    extra = (
        parts.linear("mixer.fc1_latent_proj", inner, s.hidden, "linear")
        + parts.linear("mixer.fc2_latent_proj", s.hidden, inner, "linear")
        if inner
        else ()
    )
    return experts(config, NEMOTRON, s, expert_inner=inner or None, shared_width=shared, extra=extra)


def nemotron_mtp(config: Config, s: Shape) -> tuple[Stack, ...]:
    """Prediction layers: the blocks of `mtp_hybrid_override_pattern` (attention and experts by default) behind a
    projection.
    """
    count = config.int(*fields.MTP_LAYERS, default=0, low=0, high=64)
    if not count:
        return ()
    pattern = config.get("mtp_hybrid_override_pattern", "mtp_layers_block_type") or ["attention", "moe"]
    spelled = [str(kind).lower() for kind in pattern][:64] if isinstance(pattern, str | list) else []
    blocks = [nemotron_layer(config, s, patterns.SYNONYMS.get(kind, kind)) for kind in spelled]
    first = (
        parts.linear("eh_proj", s.hidden, 2 * s.hidden, "linear")
        + parts.norm("enorm", s.hidden)
        + parts.norm("hnorm", s.hidden)
    )
    return (
        Stack(
            "mtp",
            s.hidden,
            tuple(blocks) * count,
            before=first,
            after=parts.norm("final_layernorm", s.hidden),
            prefix="mtp.layers.",
        ),
    )
