"""The tensors of a GGUF as llama.cpp's converter lays them out: names aside, what it merges, splits and never shrinks.

A layer's experts become one tensor, latent attention's kv_b becomes two, families split or keep what their checkpoint
fuses (`data/gguf_converters.csv`), and small tensors stay in 32 bit.

Source: https://github.com/ggml-org/llama.cpp/tree/master/conversion, as of October 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from planner.architecture.tensors import Architecture, Layer, Mixer, Role, Tensor

CATEGORY: dict[Role, str] = {
    "embedding": "token_embd", "per_layer_embedding": "token_embd", "lm_head": "output",
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "qkv": "attn_v", "o": "attn_output",
    "gate": "ffn_gate", "expert_gate": "ffn_gate", "shared_gate": "ffn_gate",
    "up": "ffn_up", "expert_up": "ffn_up", "shared_up": "ffn_up", "gate_up": "ffn_up", "expert_gate_up": "ffn_up",
    "shared_gate_up": "ffn_up",
    "down": "ffn_down", "expert_down": "ffn_down", "shared_down": "ffn_down",
}  # fmt: skip
"""How llama.cpp's rules see a role; what is not here takes the base type."""

IN_32_BIT: frozenset[Role] = frozenset(
    {"norm", "bias", "scalar", "router", "shared_expert_gate", "conv", "ssm_a", "ssm_d", "position_embedding"}
)
"""Roles that the converter writes as F32 whatever the file type."""

AS_PUBLISHED = ("per_layer_model_projection", "altup", "laurel")
"""Parts of names of matrices that stay in 16 bit in every file type."""

INDEXER_KEYS = ".wk.weight"
"""The indexer's keys, which the mixes take for the attention's."""

FUSED: frozenset[Role] = frozenset({"gate_up", "expert_gate_up", "shared_gate_up"})
EXPERT_ROLES: frozenset[Role] = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})

ON_HOST: frozenset[Role] = frozenset({"embedding", "position_embedding", "per_layer_embedding"})
"""Tables that are only looked up: llama.cpp keeps them in system memory."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """One tensor of the file.

    Attributes:
        category: how the mixes see it.
        elements: numbers it holds, all experts together.
        row: length of a row, which blocks must divide.
        keeps: `F32` or `16` bit where it is never quantized, the type that it was published in where the file is to
            keep that, else "".
        expert: whether it holds a layer's routed experts.
        stacked: whether it has three dimensions.
    """

    category: str
    elements: int
    row: int
    keeps: str = ""
    expert: bool = False
    stacked: bool = False


def written(
    model: Architecture, tensor: Tensor, mixer: Mixer | None = None, as_stored: bool = False
) -> Iterator[FileTensor]:
    """What the converter writes for one tensor of the checkpoint;

    `as_stored` keeps the types of the file that the model was read from.
    """
    shape, role = tensor.shape, tensor.role
    differs = model.converter
    expert = role in EXPERT_ROLES or tensor.copies > 1
    elements = tensor.copies * prod(shape)
    category = "attn_k" if role == "indexer" and tensor.name.endswith(INDEXER_KEYS) else CATEGORY.get(role, "other")
    if as_stored and tensor.stored:
        yield FileTensor(category, elements, shape[-1], tensor.stored, expert, len(shape) + (tensor.copies > 1) > 2)
    elif role in IN_32_BIT or sum(1 for size in shape if size > 1) < 2:
        yield FileTensor(category, elements, shape[-1], "F32", expert)
    elif tensor.stored:
        yield FileTensor(
            category, elements, shape[-1], kept(model, tensor), expert, len(shape) + (tensor.copies > 1) > 2
        )
    elif role in FUSED and "splits_gate_up" in differs:
        yield from (
            FileTensor(name, elements // 2, shape[-1], kept(model, tensor), expert, tensor.copies > 1)
            for name in ("ffn_gate", "ffn_up")
        )
    elif role == "kv_b" and mixer and "whole_latent" not in differs:
        latent = shape[-1]
        rotary = next((cache.elements for cache in mixer.caches if cache.name == "latent"), latent) - latent
        plain = mixer.key_dim - rotary
        yield FileTensor("other", mixer.heads * plain * latent, plain, stacked=True)
        yield FileTensor("other", elements - mixer.heads * plain * latent, latent, stacked=True)
    elif role == "kv_b":
        yield FileTensor("attn_v", elements, shape[-1])
    elif role == "qkv" and mixer and "splits_qkv" in differs:
        widths = {
            "attn_q": mixer.heads * mixer.key_dim,
            "attn_k": mixer.kv_heads * mixer.key_dim,
            "attn_v": mixer.kv_heads * mixer.value_dim,
        }
        yield from (FileTensor(name, width * shape[-1], shape[-1]) for name, width in widths.items())
    elif role == "ssm_in" and mixer and "delta_values" in differs and ".in_proj_qkv" in tensor.name:
        width = 2 * mixer.kv_heads * mixer.key_dim + mixer.heads * mixer.value_dim
        yield FileTensor("attn_v", width * shape[-1], shape[-1])
        if elements > width * shape[-1]:
            yield FileTensor("other", elements - width * shape[-1], shape[-1])
    else:
        yield FileTensor(category, elements, shape[-1], kept(model, tensor), expert, tensor.copies > 1)


def kept(model: Architecture, tensor: Tensor) -> str:
    """The type that a matrix keeps in every file type: experts published in MXFP4, and what is too small or too tender
    to shrink.
    """
    published = model.quantization or {}
    if tensor.role in EXPERT_ROLES and (
        published.get("quant_method") == "mxfp4" or published.get("expert_dtype") == "fp4"
    ):
        return "MXFP4"
    return "16" if any(part in tensor.name for part in AS_PUBLISHED) else ""


def of_layer(model: Architecture, layer: Layer, as_stored: bool = False) -> list[FileTensor]:
    """The tensors of one layer, in order."""
    found = [
        piece
        for mixer in layer.mixers
        for tensor in mixer.tensors
        if not tensor.tied
        for piece in written(model, tensor, mixer, as_stored)
    ]
    rest = (layer.ffn.tensors if layer.ffn else ()) + layer.tensors
    return found + [piece for tensor in rest if not tensor.tied for piece in written(model, tensor, None, as_stored)]
