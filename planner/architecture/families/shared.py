"""Decoders in which one attention block serves several layers: its weights count once, its cache once for each layer
(Zamba).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from planner.architecture import fields, parts, patterns, recurrent
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat, shape
from planner.architecture.families.hybrid import MOST_GROUPS, mamba2_of
from planner.architecture.parts import linear
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer, Tensor
from planner.architecture.traits import Traits, finish

ROW = Traits(final="model.final_layernorm")
HYBRID = "hybrid"


def again(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The same storage, named a second time."""
    return tuple(replace(tensor, tied=True) for tensor in tensors)


def wide_shape(config: Config) -> Shape:
    """Attention reads the stream beside the embedding, twice as wide as the model."""
    s = shape(config.replace(intermediate_size=config.int("intermediate_size", default=4 * config.int(*fields.HIDDEN))))
    return replace(s, head_dim=config.int("attention_head_dim", default=max(2 * s.hidden // s.heads, 1)))


def shared_block(
    s: Shape, name: str, names: tuple[str, ...], bias: bool, adapters: tuple[Tensor, ...], counted: bool
) -> tuple[Mixer, Ffn, tuple[Tensor, ...]]:
    """Attention, ffn and norms of the shared block; where it is not counted it is only a further use of the same
    weights.
    """
    keep: Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]] = tuple if counted else again
    attention = parts.attention(2 * s.hidden, s.heads, s.kv_heads, s.head_dim, name=f"{name}.self_attn")
    out = tuple(replace(t, shape=(s.hidden, t.shape[1])) if t.role == "o" else t for t in attention.tensors)
    ffn = parts.mlp(s.hidden, s.ffn, bias=bias, name=f"{name}.feed_forward", names=names)
    norms = parts.norm(f"{name}.input_layernorm", 2 * s.hidden) + parts.norm(f"{name}.pre_ff_layernorm", s.hidden)
    return replace(attention, tensors=keep(out)), replace(ffn, tensors=keep(ffn.tensors) + adapters), keep(norms)


@family("zamba")
def zamba(config: Config) -> Architecture:
    """Mamba in several heads, and one attention block that every sixth layer uses (arXiv:2405.16712)."""
    s = wide_shape(config)
    kinds = patterns.listed(config, s.layers)
    if kinds is None:
        period, offset = config.int("attn_layer_period", default=6), config.int("attn_layer_offset", default=4, low=0)
        kinds = [
            HYBRID if index == 2 or (index > 2 and (index - 3) % period == offset) else patterns.LINEAR
            for index in range(s.layers)
        ]
    first = kinds.index(HYBRID) if HYBRID in kinds else -1

    def layer(kind: str, counted: bool) -> Layer:
        if kind != HYBRID:
            return Layer((heads_of_mamba(config, s, "mamba"),), None, parts.norm("input_layernorm", s.hidden))
        attention, ffn, norms = shared_block(
            s, "shared_transf", ("gate_proj", "up_proj", "down_proj"), False, (), counted
        )
        around = (
            norms
            + linear("linear", s.hidden, s.hidden, "linear")
            + parts.norm("mamba_decoder.input_layernorm", s.hidden)
        )
        return Layer((attention, heads_of_mamba(config, s, "mamba_decoder.mamba")), ffn, around)

    return finish(config, ROW, s, repeat(s.layers, lambda index: (kinds[index], index == first), layer))


def heads_of_mamba(config: Config, s: Shape, name: str) -> Mixer:
    """Mamba whose inner width is split into heads, each with its own projections of dt, B and C."""
    inner, heads = (
        config.int("mamba_expand", default=2, high=1024) * s.hidden,
        config.int("n_mamba_heads", default=2, high=MOST_GROUPS),
    )
    state, kernel, dim = (
        config.int("mamba_d_state", default=16),
        config.int("mamba_d_conv", default=4),
        max(inner // heads, 1),
    )
    rank = -(-s.hidden // 16) if config.get("mamba_dt_rank") in (None, "auto") else config.int("mamba_dt_rank")
    tensors = (
        *linear(f"{name}.in_proj", 2 * inner, s.hidden, "ssm_in", config.flag("mamba_proj_bias", default=False)),
        *recurrent.conv(f"{name}.conv1d", inner, kernel, config.flag("mamba_conv_bias", default=True)),
        Tensor(f"{name}.x_proj_weight", (heads, rank + 2 * state, dim), "ssm_x"),
        Tensor(f"{name}.dt_proj_weight", (heads, dim, rank), "ssm_dt"),
        Tensor(f"{name}.dt_proj_bias", (heads, dim), "bias"),
        Tensor(f"{name}.A_log", (heads, dim, state), "ssm_a"),
        Tensor(f"{name}.D", (heads, dim), "ssm_d"),
        *linear(f"{name}.out_proj", s.hidden, inner, "ssm_out", config.flag("mamba_proj_bias", default=False)),
    )
    return Mixer("mamba", tensors, recurrent.states(inner, kernel, inner * state, inner), inner, inner, state, 1)


@family("zamba2")
def zamba2(config: Config) -> Architecture:
    """Mamba-2, and a few attention blocks in turn, each use of which has low-rank adapters of its own
    (arXiv:2411.15242).
    """
    s = wide_shape(config)
    kinds = patterns.listed(config, s.layers)
    if kinds is None:
        cycle = [patterns.LINEAR] * 5 + [HYBRID]
        kinds = [
            patterns.LINEAR,
            *cycle * 7,
            *[patterns.LINEAR] * 4,
            HYBRID,
            *[patterns.LINEAR] * 3,
            HYBRID,
            *[patterns.LINEAR] * 2,
        ]
        kinds = (kinds + [patterns.LINEAR] * s.layers)[: s.layers]
    uses = [index for index, kind in enumerate(kinds) if kind == HYBRID]
    firsts = set(uses[: config.int("num_mem_blocks", default=1, high=MOST_GROUPS)])
    bias, rank = config.flag("add_bias_linear", default=False), config.int("adapter_rank", default=128)
    own = config.replace(mamba_headdim=None, head_dim=None, mamba_d_ssm=None, use_conv_bias=True)

    def adapter(name: str, inner: int, out: int) -> tuple[Tensor, ...]:
        return linear(f"{name}.0", rank, inner, "linear") + linear(f"{name}.1", out, rank, "linear")

    adapters = adapter("shared_transformer.feed_forward.gate_up_proj_adapter_list.*", s.hidden, 2 * s.ffn)
    if config.flag("use_shared_attention_adapter", default=False):
        adapters += tuple(
            t
            for part in "qkv"
            for t in adapter(f"shared_transformer.self_attn.linear_{part}_adapter_list.*", 2 * s.hidden, 2 * s.hidden)
        )

    def layer(kind: str, counted: bool) -> Layer:
        path = "mamba_decoder.mamba" if kind == HYBRID else "mamba"
        mamba = mamba2_of(own, s.hidden, path, biases=("add_bias_linear", "add_bias_linear"))
        if kind != HYBRID:
            return Layer((mamba,), None, parts.norm("input_layernorm", s.hidden))
        attention, ffn, norms = shared_block(
            s, "shared_transformer", ("gate_up_proj", "down_proj"), bias, adapters, counted
        )
        around = (
            norms
            + linear("linear", s.hidden, s.hidden, "linear")
            + parts.norm("mamba_decoder.input_layernorm", s.hidden)
        )
        return Layer((attention, mamba), ffn, around)

    return finish(config, ROW, s, repeat(s.layers, lambda index: (kinds[index], index in firsts), layer))
