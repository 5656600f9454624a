"""One decoder for most families: a row of traits says how a family differs from Llama, and the same code builds them
all.

A layer is a mixer and an ffn between norms. Which mixer, and whether the ffn has experts, comes from `patterns`; the
row says under which names they are stored, which of them have biases and norms, and how special mixers are built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, assemble, embedding, head, max_context, repeat, shape
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer, Stack, Tensor
from planner.core.errors import PlanError

Flag = bool | str
"""Always, never, or as this config key says; `not key` is its opposite."""

MixerMaker = Callable[[Config, Shape], Mixer]
TensorMaker = Callable[[Config, Shape], tuple[Tensor, ...]]

MOST_EXPERTS = 100_000


@dataclass(frozen=True)
class Experts:
    """How a family stores and sizes its experts; see `parts.moe` for the names."""

    name: str = "mlp"
    router: str = "gate"
    names: tuple[str, ...] = ("experts.*.gate_proj", "experts.*.up_proj", "experts.*.down_proj")
    shared: str = "shared_experts"
    shared_names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    gated: bool = True
    width: tuple[str, ...] = fields.EXPERT_FFN
    shared_width: tuple[str, ...] = fields.SHARED_FFN
    shared_count: int = 0
    shared_gate: bool = False
    bias: Flag = False
    shared_bias: Flag = False
    router_bias: Flag = False
    correction: Literal["", "buffer", "parameter"] = ""
    correction_name: str = "gate.e_score_correction_bias"
    first: int = 0
    """First layer with experts where the config does not say."""
    idle: tuple[str, ...] = ()
    """Key of the experts that compute nothing: the router knows them, no weights belong to them."""


@dataclass(frozen=True)
class Traits:
    """How one family differs from Llama."""

    layers: str = "model.layers."
    embed: str = "model.embed_tokens.weight"
    final: str = "model.norm"
    head: str = "lm_head.weight"
    norms: tuple[str, ...] = ("input_layernorm", "post_attention_layernorm")
    norm: Literal["weight", "bias", "none"] = "weight"
    attention: str = "self_attn"
    qkv: tuple[str, ...] = ("q_proj", "k_proj", "v_proj")
    out: str = "o_proj"
    qkv_bias: Flag = False
    out_bias: Flag = False
    qk_norm: Literal["", "head", "full"] = ""
    qk_norm_if: Flag = True
    qk_norms: tuple[str, str] = ("q_norm", "k_norm")
    qk_norm_bias: bool = False
    sinks: bool = False
    output_gate: bool = False
    still: bool = False
    """Whether full layers of a model with windows turn neither queries nor keys."""
    parallel: Flag = False
    """Whether attention and ffn read the same stream, each through a norm of its own."""
    mlp: str = "mlp"
    mlp_names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    gated: bool = True
    mlp_bias: Flag = False
    head_bias: Flag = False
    ties: bool = True
    """Whether the class obeys `tie_word_embeddings` at all."""
    positions: str = ""
    position_offset: int = 0
    pattern: patterns.Pattern = patterns.full
    mixers: Mapping[str, MixerMaker] = field(default_factory=dict)
    experts: Experts | None = None
    extra: TensorMaker | None = None
    """Small tensors that every attention of the family has besides."""


def holds(config: Config, flag: Flag) -> bool:
    """What a `Flag` says for this config; a key that is absent counts as false."""
    if isinstance(flag, bool):
        return flag
    key = flag.removeprefix("not ")
    return config.flag(key, default=False) != (key != flag)


def norms(row: Traits, hidden: int, *names: str) -> tuple[Tensor, ...]:
    """The norms of these names as the family has them: with a weight, with a bias too, or without parameters."""
    return (
        tuple(t for name in names if name for t in parts.norm(name, hidden, row.norm == "bias"))
        if row.norm != "none"
        else ()
    )


def attention(config: Config, row: Traits, s: Shape, kind: str = patterns.FULL) -> Mixer:
    """Attention of this kind as the family has it: full, within a window, or within a chunk."""
    window = None
    if kind == patterns.SLIDING:
        window = config.int(*fields.WINDOW, default=4096)
    elif kind == patterns.CHUNKED:
        window = config.int("attention_chunk_size", default=8192)
    elif kind != patterns.FULL:
        raise PlanError(
            f"The config names a layer of kind {kind!r}, which its family does not have; check layer_types.", "config"
        )
    sinks = (Tensor(f"{row.attention}.sinks", (s.heads,), "scalar"),) if row.sinks else ()
    made = parts.attention(
        s.hidden,
        s.heads,
        s.kv_heads,
        s.head_dim,
        bias=holds(config, row.qkv_bias),
        out_bias=holds(config, row.out_bias),
        qk_norm=row.qk_norm if holds(config, row.qk_norm_if) else "",
        qk_norms=row.qk_norms,
        qk_norm_bias=row.qk_norm_bias,
        window=window,
        kind="chunked_attention" if kind == patterns.CHUNKED else None,
        output_gate=row.output_gate,
        name=row.attention,
        out=row.out,
        qkv=row.qkv,
        extra=sinks + (row.extra(config, s) if row.extra else ()),
    )
    return (
        replace(made, rotary=False)
        if row.still and kind == patterns.FULL and config.has(*fields.WINDOW, "attention_chunk_size")
        else made
    )


def has_experts(config: Config, row: Traits, s: Shape) -> list[bool]:
    """Which layers have experts: none where the family has none."""
    return patterns.sparse(config, s.layers, row.experts.first) if row.experts else [False] * s.layers


def dense(config: Config, row: Traits, s: Shape, width: int | None = None) -> Ffn:
    """The dense ffn as the family has it."""
    return parts.mlp(
        s.hidden, width or s.ffn, gated=row.gated, bias=holds(config, row.mlp_bias), name=row.mlp, names=row.mlp_names
    )


def experts(config: Config, row: Traits, s: Shape, **changes: object) -> Ffn:
    """The ffn with experts as the family has it; `changes` go to `parts.moe`."""
    e = row.experts or Experts()
    count = config.int(*fields.EXPERTS, high=MOST_EXPERTS)
    width = config.int(*e.width, default=s.ffn)
    shared = config.int(*e.shared_width, default=0, low=0)
    shared = shared or config.int(*fields.SHARED_EXPERTS, default=e.shared_count, low=0, high=MOST_EXPERTS) * width
    idle = sum(config.int(key, default=0, low=0, high=MOST_EXPERTS) for key in e.idle)
    made = partial(
        parts.moe, s.hidden, count, config.int(*fields.TOP_K, default=1, high=count), width,
        shared_width=shared, shared_gate=e.shared_gate and shared > 0, gated=e.gated, bias=holds(config, e.bias),
        shared_bias=holds(config, e.shared_bias), router_bias=holds(config, e.router_bias),
        correction_bias=e.correction, name=e.name, router=e.router, names=e.names, shared=e.shared,
        shared_names=e.shared_names, correction=e.correction_name,
        routes=count + idle,
    )  # fmt: skip
    return made(**changes)  # type: ignore[arg-type]


def mixer(config: Config, row: Traits, s: Shape, kind: str) -> Mixer:
    """The mixer of a layer of this kind: the family's own maker, or attention."""
    make = row.mixers.get(kind)
    return make(config, s) if make else attention(config, row, s, kind)


def build(config: Config, row: Traits, **more: Any) -> Architecture:
    """The architecture of a config whose family is this row; `more` goes to `finish`.

    Raises:
        PlanError: when a field is missing or absurd.
    """
    s = shape(config)
    kinds, sparse = row.pattern(config, s.layers), has_experts(config, row, s)
    around = norms(row, s.hidden, *row.norms)

    def layer(kind: str, moe: bool) -> Layer:
        return Layer(
            (mixer(config, row, s, kind),),
            experts(config, row, s) if moe else dense(config, row, s),
            around,
            holds(config, row.parallel),
        )

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer), **more)


def finish(
    config: Config,
    row: Traits,
    s: Shape,
    layers: tuple[Layer, ...],
    *,
    before: tuple[Tensor, ...] = (),
    after: tuple[Tensor, ...] = (),
    embed_width: int | None = None,
    stacks: tuple[Stack, ...] | None = None,
    note: str = "",
) -> Architecture:
    """The layers between the family's embedding, positions, final norm and head, with the prediction layers behind.

    `before` and `after` are further tensors outside the layers; `embed_width` is that of an embedding narrower than the
    stream.
    """
    if row.positions:
        before = (
            Tensor(row.positions, (max_context(config) + row.position_offset, s.hidden), "position_embedding"),
            *before,
        )
    tied = row.ties and config.flag("tie_word_embeddings", "tie_embedding", default=False)
    width = embed_width or s.hidden
    output: tuple[Tensor, ...] = (head(s.vocab, width, tied, row.head),)
    if holds(config, row.head_bias):
        output += (Tensor(row.head.removesuffix("weight") + "bias", (s.vocab,), "bias"),)
    return assemble(
        config, layers, hidden=s.hidden, vocab=s.vocab, tied=tied, prefix=row.layers, before=before,
        embed=embedding(s.vocab, width, row.embed), after=norms(row, s.hidden, row.final) + after, output=output,
        stacks=predictors(config, row, s, layers[-1]) if stacks is None else stacks, exact=not note, note=note,
    )  # fmt: skip


def predictors(config: Config, row: Traits, s: Shape, last: Layer) -> tuple[Stack, ...]:
    """Multi-token-prediction layers: each is one more of the last layer, a projection (hidden, 2*hidden) and three
    norms.

    They share the embedding and the head. Shape from DeepSeek-V3 (arXiv:2412.19437, section 2.2), which the others
    follow.
    """
    count = config.int(*fields.MTP_LAYERS, default=0, low=0, high=64) * config.int(
        "mtp_transformer_layers", default=1, high=64
    )
    if not count:
        return ()
    names = ("enorm", "hnorm", "shared_head.norm")
    small = parts.linear("eh_proj", s.hidden, 2 * s.hidden, "linear") + tuple(
        t for name in names for t in parts.norm(name, s.hidden)
    )
    layer = Layer(last.mixers, last.ffn, last.tensors + small)
    return (Stack("mtp", s.hidden, (layer,) * count, prefix=row.layers),)
