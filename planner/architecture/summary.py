"""An architecture in a few words and numbers: parameters by what they do, and which layers repeat."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from planner.architecture.tensors import Architecture, Layer

GROUPS = {
    "Embedding": ("embedding", "position_embedding", "per_layer_embedding"),
    "Output head": ("lm_head",),
    "Attention": ("q", "k", "v", "qkv", "o", "q_a", "q_b", "kv_a", "kv_b", "indexer"),
    "Feed-forward": ("gate", "up", "down", "gate_up"),
    "Routed experts": ("expert_gate", "expert_up", "expert_down", "expert_gate_up"),
    "Shared expert": ("shared_gate", "shared_up", "shared_gate_up", "shared_down", "shared_expert_gate"),
    "Router": ("router",),
    "Recurrent mixers": ("ssm_in", "ssm_out", "ssm_x", "ssm_dt", "ssm_a", "ssm_d", "conv"),
}
"""Roles by what they do; every other role is a norm, a bias or another small tensor."""

SMALL = "Norms, biases and other small tensors"
_GROUP_OF = {role: group for group, roles in GROUPS.items() for role in roles}


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that do one thing: all of them, and those that one token passes through."""

    label: str
    total: int
    active: int


@dataclass(frozen=True, slots=True)
class Run:
    """Equal layers in a row: `count` layers from layer `start` on, what mixes their tokens and what follows."""

    start: int
    count: int
    mixer: str
    ffn: str


def by_group(architecture: Architecture) -> tuple[Group, ...]:
    """Parameters by what they do over everything that is loaded, largest first; towers are one group each.

    Their sums are `architecture.parameters` and `architecture.active`.
    """
    sums: dict[str, tuple[int, int]] = {}
    for stack in architecture.loaded:
        outer = (
            None
            if stack is architecture.main or stack.name in ("decoder", "encoder")
            else f"{stack.name.capitalize()} tower"
        )
        for tensor, count in stack.counted:
            label = outer or _GROUP_OF.get(tensor.role, SMALL)
            total, active = sums.get(label, (0, 0))
            sums[label] = total + tensor.parameters * count, active + tensor.active * count
    found = (Group(label, total, active) for label, (total, active) in sums.items() if total)
    return tuple(sorted(found, key=lambda group: -group.total))


def runs(architecture: Architecture) -> tuple[Run, ...]:
    """The layers of the main stack in order, equal neighbours together."""
    found, start = [], 0
    for (mixer, ffn), layers in groupby(architecture.main.layers, key=lambda layer: (mixer_of(layer), ffn_of(layer))):
        count = len(tuple(layers))
        found.append(Run(start, count, mixer, ffn))
        start += count
    return tuple(found)


def mixer_of(layer: Layer) -> str:
    """What mixes the tokens of a layer, in words: `attention`, `sliding attention, window 1,024`."""
    names = [
        mixer.kind.replace("_", " ") + (f", window {mixer.window:,}" if mixer.window else "") for mixer in layer.mixers
    ]
    return " and ".join(names) or "nothing"


def ffn_of(layer: Layer) -> str:
    """What follows in a layer, in words: `dense`, or `8 of 128 experts`."""
    if layer.ffn is None:
        return "none"
    return "dense" if layer.ffn.kind == "dense" else f"{layer.ffn.top_k} of {layer.ffn.experts} experts"
