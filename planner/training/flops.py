"""Arithmetic of a trained token: forward, recomputed, backward through activations, backward into weights.

    forward 2P + attention;  backward 2P + 2 attentions through activations, 2 for each trained number into weights
    full checkpointing runs the layers forward once more

P counts the matrices that a token passes through, the head among them, not the embedding. So a full step is 6P, LoRA
4P, and checkpointing
2P more: the factors 6N and 4N that vendors count with. Attention is 2 * heads * (key_dim + value_dim) for each key it
sees.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Layer, Mixer, Tensor
from planner.core.formula import Formula, Step
from planner.training.adapters import adapter_parameters
from planner.training.case import TrainCase

SOURCE = (
    "6N a token for training (arXiv:2001.08361); LoRA makes no gradients of frozen weights; attention as in"
    " arXiv:2104.04473"
)
PER_TOKEN = Formula(
    "2 * (layers + head) * 2 + 2 * trained + 6 * adapters + 3 * attention + again * (2 * layers + 2 * adapters +"
    " attention)",
    "FLOP a token",
    SOURCE,
)
ATTENTION = Formula("pairs * seen", "FLOP a token", "2 * heads * (key_dim + value_dim) for each key that a query sees")

STILL = frozenset({"embedding", "position_embedding", "per_layer_embedding", "conv", "ssm_a", "ssm_d"})
"""Roles that are looked up or small, and cost no matrix product."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one token takes: matrix parameters it passes through, and FLOPs in all."""

    layers: int
    head: int
    steps: tuple[Step, ...]

    @property
    def flops(self) -> float:
        return float(self.steps[-1].value)


def multiplied(tensor: Tensor) -> int:
    """Parameters of a tensor that one token is multiplied with."""
    if not tensor.is_matrix or tensor.role in STILL:
        return 0
    return tensor.elements if tensor.used is None else tensor.elements // tensor.copies * tensor.used


def work(case: TrainCase) -> Work:
    """FLOPs of one token on the whole model: of the decoder's tokens, with the share of the encoder's positions that
    each stands for.
    """
    main, trained, request = case.model.main, case.trained, case.request
    head = sum(multiplied(t) for t in main.after if t.role == "lm_head")
    last = (
        [(tensor, 1, 1.0) for tensor in main.after] if head else []
    )  # a head over labels sees one vector of each sequence
    each = [
        (tensor, count, share)
        for layers, share, _ in _stacks(case)
        for layer, count in layers
        for tensor in layer.all_tensors
    ]
    layers = moved = adapters = 0.0
    for tensor, count, share in [*each, *last]:
        own = multiplied(tensor) * count * share
        if tensor.role != "lm_head":
            layers += own
        moved += own if trained.learns(tensor) else 0
        if trained.rank(tensor):
            adapters += count * share * adapter_parameters(tensor, request.lora_rank)
    scores = [
        (count * share * _pair(mixer), _seen(case, mixer, length))
        for distinct, share, length in _stacks(case)
        for mixer, count in _mixers(distinct)
    ]
    pairs = sum(pair for pair, _ in scores)
    seen = sum(pair * keys for pair, keys in scores) / pairs if pairs else 0.0
    attention = ATTENTION(
        "Attention over the keys that a query sees, all layers", pairs=round(pairs), seen=round(seen, 3)
    )
    again = {"none": 0.0, "selective": 0.1, "full": 1.0}[request.checkpointing]
    step = PER_TOKEN(
        "Arithmetic of one token",
        layers=round(layers),
        head=head,
        trained=round(moved),
        adapters=round(adapters),
        attention=float(attention.value),
        again=again,
    )
    return Work(round(layers), head, (attention, step))


Distinct = tuple[tuple[Layer, int], ...]


def _stacks(case: TrainCase) -> list[tuple[Distinct, float, int]]:
    """Layers of each stack that runs, its positions for each token that is trained on, and the length of a sequence in
    it.
    """
    length = case.request.seq_len
    found = [(case.model.main.distinct, 1.0, length)]
    return [*found, (case.encoder.distinct, case.source / length, case.source)] if case.encoder else found


def _mixers(distinct: Distinct) -> list[tuple[Mixer, int]]:
    return [(mixer, count) for layer, count in distinct for mixer in layer.mixers if mixer.heads]


def _pair(mixer: Mixer) -> int:
    return 2 * mixer.heads * (mixer.key_dim + mixer.value_dim)


def _seen(case: TrainCase, mixer: Mixer, length: int) -> float:
    """Keys that a query sees on average: n - n**2 / (2 * length) of a window of n under a causal kernel, all of them
    where the mask is a tensor.
    """
    if mixer.kind == "cross_attention":
        return case.source or length
    if not (mixer.causal and case.request.flash_attention):
        return length
    window = min(mixer.window or length, length)
    return window - window**2 / (2 * length)
