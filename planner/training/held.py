"""What each pipeline stage of a run holds for its weights: frozen, trained and adapter parts, and their optimizer
states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from planner.architecture.tensors import Architecture, Layer, Stack, Tensor
from planner.parallelism.degrees import stage_layers
from planner.parallelism.tensor_parallel import COLUMN, EXPERTS, ROW, VOCABULARY
from planner.quantization.formats import Scheme
from planner.training.adapters import adapter_matrices
from planner.training.case import TrainCase
from planner.training.states import moment_bytes, optimizers


@dataclass(frozen=True)
class Stage:
    """One pipeline stage's part of the model: layers in order, whether it holds the embedding and the head."""

    index: int
    layers: tuple[Layer, ...]
    first: bool
    last: bool
    encoder: Stack | None = None

    @cached_property
    def counted(self) -> tuple[tuple[Layer, int], ...]:
        counts: dict[int, int] = {}
        every = (*(self.encoder.layers if self.encoder else ()), *self.layers)
        by_id = {id(layer): layer for layer in every}
        for layer in every:
            counts[id(layer)] = counts.get(id(layer), 0) + 1
        return tuple((by_id[key], count) for key, count in counts.items())


def stages(case: TrainCase) -> tuple[Stage, ...]:
    """The layers in equal parts, embedding and encoder on the first stage, norm and head on the last."""
    layers, pipeline = case.model.main.layers, case.pipeline
    found, start = [], 0
    for index, count in enumerate(stage_layers(len(layers), pipeline)):
        found.append(
            Stage(
                index, layers[start : start + count], index == 0, index == pipeline - 1, None if index else case.encoder
            )
        )
        start += count
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes and numbers of one stage on one tensor-parallel rank, before sharding over replicas.

    Attributes:
        frozen, trained, adapters: bytes of weights.
        trainable: numbers that are trained; `adapter_numbers` of them in adapters.
        moments: bytes of the optimizer's states; `unpaged` of them stay on the GPU under a paged optimizer.
        largest: numbers of the largest trained tensor.
        layer, root: bytes of the largest layer, and of embedding and head.
        packed: weights that are quantized; `unpacked` are the bytes of the others.
    """

    frozen: int
    trained: int
    adapters: int
    trainable: int
    adapter_numbers: int
    moments: int
    unpaged: int
    largest: int
    layer: int
    root: int
    packed: int
    unpacked: int


PAGED_FROM = 100_000
"""Numbers of a tensor from which on bitsandbytes pages its states: bitsandbytes/optim/optimizer.py, `get_state_buffer`.
"""


def tensors_of(model: Architecture, stage: Stage) -> list[tuple[Tensor, int]]:
    """Every tensor of a stage with how often it occurs; a tied head counts where its embedding is not."""
    found = [(tensor, count) for layer, count in stage.counted for tensor in layer.all_tensors]
    if stage.first:
        found += [(tensor, 1) for tensor in model.main.before]
    if stage.encoder:
        found += [(tensor, 1) for tensor in (*stage.encoder.before, *stage.encoder.after)]
    if stage.last:
        found += [(replace(t, tied=False) if t.tied and not stage.first else t, 1) for t in model.main.after]
    return [(tensor, count) for tensor, count in found if not tensor.tied]


def held(case: TrainCase, stage: Stage) -> Held:
    """Sum over the stage's tensors, each cut by tensor parallel where its role is.

    Vision and audio towers lie on the first stage. They are not trained whole; adapters stand on them where their names
    are targets.
    """
    trained, wide, model, scheme = case.trained, case.widths, case.model, case.scheme
    frozen = whole = adapters = numbers = adapter_numbers = largest = layer = root = packed = unpacked = 0
    learning: list[tuple[Tensor, int]] = []
    towers = [stack for stack in model.loaded[1:] if stage.first and stack is not case.encoder]
    text = [(tensor, count, True) for tensor, count in tensors_of(model, stage)]
    for tensor, count, own_stack in text + [
        (tensor, count, False) for stack in towers for tensor, count in stack.counted if not tensor.tied
    ]:
        ranks = (
            case.tensor if own_stack and tensor.role in COLUMN | ROW | VOCABULARY | EXPERTS and tensor.is_matrix else 1
        )
        size = _frozen_bytes(tensor, scheme, wide.activation) // ranks
        own = tensor.elements // ranks if own_stack and trained.gradient(tensor) else 0
        if own:
            whole += count * own * wide.weight
            numbers += count * own
            learning.append((_cut(tensor, ranks), count))
            largest = max(largest, own // tensor.copies)
        if not (own and trained.full):
            frozen += count * size
        for part in adapter_matrices(tensor, trained.rank(tensor), trained.dora):
            extra = part.elements // ranks
            adapters += count * extra * wide.weight
            adapter_numbers += count * extra
            largest = max(largest, extra)
            learning.append((_cut(part, ranks), count))
        if trained.packed(tensor):
            packed += count * tensor.elements // ranks
        elif scheme and not own:
            unpacked += count * size
        root += size if own_stack and tensor.role in ("embedding", "lm_head", "position_embedding") else 0
    for one, _ in stage.counted:
        sizes = sum(
            _frozen_bytes(t, scheme, wide.activation) // (case.tensor if t.is_matrix else 1)
            for t in one.all_tensors
            if not t.tied
        )
        layer = max(layer, sizes)
    moments = moment_bytes(case.request, learning, wide.moment)
    paged = optimizers()[case.request.optimizer].paged
    unpaged = (
        moment_bytes(case.request, [(t, n) for t, n in learning if t.elements // t.copies < PAGED_FROM], wide.moment)
        if paged
        else moments
    )
    return Held(
        frozen, whole, adapters, numbers + adapter_numbers, adapter_numbers, moments, unpaged, largest, layer, root,
        packed, unpacked
    )  # fmt: skip


def _cut(tensor: Tensor, ranks: int) -> Tensor:
    """A rank's part of a matrix, by its rows."""
    if ranks == 1 or not tensor.is_matrix:
        return tensor
    return replace(tensor, shape=(max(prod(tensor.shape[:-1]) // ranks, 1), tensor.shape[-1]))


def _frozen_bytes(tensor: Tensor, scheme: Scheme | None, element: int) -> int:
    """Bytes of a frozen tensor: packed by the scheme, or a number of working precision for each element."""
    return scheme.bytes(tensor) if scheme else tensor.elements * element
