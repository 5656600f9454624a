"""One builder for every stack that is not a plain text decoder: image and audio towers, BERT and its kin, T5's two
halves.

A row says how the block differs (the same `Traits` as for decoders), how the config spells the sizes, and which pieces
stand before, inside and after the layers. Encoders attend both ways and cache nothing; a decoder half caches its own
tokens and, through cross-attention, keys and values of every encoder position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from planner.architecture import parts
from planner.architecture.config import Config
from planner.architecture.decoder import MOST_LAYERS, Shape, repeat
from planner.architecture.pieces import Piece, together
from planner.architecture.registry import class_defaults
from planner.architecture.tensors import Cache, Layer, Mixer, Stack, StackName, Tensor
from planner.architecture.traits import Traits, attention, dense, norms

Names = tuple[str, ...]

LAYERS = ("num_hidden_layers", "depth", "encoder_layers", "num_layers", "n_layers", "vt_num_hidden_layers")
HIDDEN = ("hidden_size", "d_model", "dim", "vt_hidden_size")
HEADS = (
    "num_attention_heads",
    "num_heads",
    "encoder_attention_heads",
    "attention_heads",
    "n_heads",
    "vt_num_attention_heads",
)
FFN = ("intermediate_size", "encoder_ffn_dim", "hidden_dim", "d_ff", "vt_intermediate_size")


@dataclass(frozen=True)
class Tower:
    """How one kind of tower is built.

    Attributes:
        block: names, norms and biases of a layer.
        before, after: pieces outside the layers.
        layer: pieces that every layer has besides; `first` only the first, `rest` all but the first.
        absent: ends of names of tensors that this kind leaves out, such as `k_proj.bias`.
        cross: path of the cross-attention of a decoder half; empty for an encoder.
        source: key of the number of encoder positions when it is fixed.
        decodes: attends backwards only and caches its tokens.
    """

    block: Traits
    before: tuple[Piece, ...] = ()
    after: tuple[Piece, ...] = ()
    layer: tuple[Piece, ...] = ()
    first: tuple[Piece, ...] = ()
    rest: tuple[Piece, ...] = ()
    absent: Names = ()
    layers: Names = LAYERS
    hidden: Names = HIDDEN
    heads: Names = HEADS
    kv_heads: Names = ("num_key_value_heads",)
    head_dim: Names = ("head_dim",)
    ffn: Names = FFN
    vocab: Names = ("vocab_size",)
    stack: StackName = "vision"
    prefix: str = "model.vision_tower.encoder.layers."
    cross: str = ""
    source: str = ""
    decodes: bool = False


class Built(NamedTuple):
    """A tower that was built, with what its projector needs to know of it."""

    config: Config
    shape: Shape
    stack: Stack


Maker = Callable[[Config], Built]
"""A builder of its own, for a tower that is not made of transformer layers."""


def section(config: Config, key: str, model_type: str, rows: Mapping[str, object] | None = None) -> Config:
    """A nested config above the defaults of its own class, which is `model_type` where it does not say (or names none
    of `rows`).
    """
    nested = config.section(key) or Config({}, f"{config.path}{key}.")
    said = nested.text("model_type", default=model_type).lower()
    name = model_type if rows is not None and said not in rows else said
    return nested.replace(model_type=name).over(**class_defaults(name))


def sizes(config: Config, row: Tower) -> Shape:
    """The numbers of a tower.

    Raises:
        PlanError: when a field is missing or absurd.
    """
    hidden, heads = config.int(*row.hidden), config.int(*row.heads)
    ffn = (config.int(*row.ffn, default=0, low=0) if row.ffn else 0) or int(
        config.number("mlp_ratio", default=4.0) * hidden
    )
    return Shape(
        layers=config.int(*row.layers, low=0, high=MOST_LAYERS),
        hidden=hidden,
        heads=heads,
        kv_heads=config.int(*row.kv_heads, default=heads) if row.kv_heads else heads,
        head_dim=(config.int(*row.head_dim, default=0, low=0) if row.head_dim else 0) or hidden // heads or 1,
        ffn=max(ffn, 1),
        vocab=config.int(*row.vocab, default=1),
    )


def build(config: Config, row: Tower | Maker) -> Built:
    """The tower that this config describes."""
    if not isinstance(row, Tower):
        return row(config)
    s = sizes(config, row)
    kinds = row.block.pattern(config, s.layers)
    uneven = bool(row.first or row.rest)

    def layer(kind: str, first: bool) -> Layer:
        mixers = [mixer(config, row, s, kind)]
        if row.cross:
            mixers.append(cross_attention(config, row, s))
        extra = together(row.layer, config, s) + together(row.first if first else row.rest, config, s)
        ffn = dense(config, row.block, s)
        around = norms(row.block, s.hidden, *row.block.norms) + extra
        return Layer(tuple(mixers), replace(ffn, tensors=kept(row, ffn.tensors)), kept(row, around))

    layers = repeat(s.layers, lambda index: (kinds[index], uneven and index == 0), layer)
    before, after = (kept(row, together(pieces, config, s)) for pieces in (row.before, row.after))
    return Built(config, s, Stack(row.stack, s.hidden, layers, before, after, row.prefix))


def mixer(config: Config, row: Tower, s: Shape, kind: str) -> Mixer:
    """Self-attention: over everything and without a cache in an encoder, over the past and cached in a decoder half."""
    made = attention(config, row.block, s, kind)
    return replace(made, tensors=kept(row, made.tensors), caches=made.caches if row.decodes else (), causal=row.decodes)


def cross_attention(config: Config, row: Tower, s: Shape) -> Mixer:
    """Attention of the decoder to what the encoder put out; keys and values of every encoder position are kept."""
    made = attention(config, replace(row.block, attention=row.cross, extra=None), s)
    caches = source_cache(s, config.int(row.source) if row.source else None)
    return replace(made, kind="cross_attention", tensors=kept(row, made.tensors), caches=caches, causal=False)


def source_cache(s: Shape, positions: int | None) -> tuple[Cache, ...]:
    """Keys and values of the encoder's positions, of which there are at most so many."""
    return tuple(
        replace(cache, per="source") for cache in parts.kv_cache(s.kv_heads, s.head_dim, s.head_dim, positions)
    )


def kept(row: Tower, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors without those that this kind leaves out."""
    return tuple(tensor for tensor in tensors if not tensor.name.endswith(row.absent)) if row.absent else tensors
