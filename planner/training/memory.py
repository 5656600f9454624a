"""What each GPU holds while it trains: states, activations at the highest moment, and what nvidia-smi shows beside
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from planner.architecture.tensors import Layer, Tensor
from planner.core.formula import Formula, total
from planner.memory.quantity import NOTHING, Occupied, Quantity, added
from planner.parallelism.tensor_parallel import VOCABULARY
from planner.training.case import TrainCase
from planner.training.held import Held, Stage, held, stages
from planner.training.kernels import kernels_of
from planner.training.layers import LayerMaker, Setting, layer_tape
from planner.training.loss import ending
from planner.training.overhead import activation_range, doubled_adapters, overhead, upcast
from planner.training.sharding import Shares, shares
from planner.training.states import optimizers
from planner.training.tape import Run, Tape
from planner.training.timeline import Load, Piece, Timeline, play

WEIGHTS = Formula("frozen + trained + adapters", "bytes")
GRADIENTS = Formula(
    "trainable * gradient_bytes * share",
    "bytes",
    "one number a trained parameter (ZeRO, arXiv:1910.02054, section 3.1)",
)
OPTIMIZER = Formula("(master + moments) * share", "bytes", "the optimizer's states and fp32 master weights")
BEYOND = Formula(
    "peak - weights - gradients - optimizer",
    "bytes",
    "autograd's tape played with sizes alone, checked against PyTorch's allocator",
)
"""Activations are what the highest moment needs beyond the states, whichever moment that is."""


@dataclass(frozen=True)
class TrainDevice(Occupied):
    """What one GPU holds at its highest moment."""

    weights: Quantity = NOTHING
    gradients: Quantity = NOTHING
    optimizer: Quantity = NOTHING
    activation: Quantity = NOTHING
    overhead: Quantity = NOTHING
    timeline: Timeline | None = None

    @property
    def parts(self) -> tuple[Quantity, ...]:
        return self.weights, self.gradients, self.optimizer, self.activation, self.overhead

    @cached_property
    def allocated(self) -> Quantity:
        """What PyTorch's allocator counts at the highest moment."""
        return added(f"Allocated on {self.name} #{self.index}", self.parts[:4])


def setting_of(case: TrainCase) -> Setting:
    request = case.request
    return Setting(
        request.micro_batch,
        request.seq_len,
        case.widths.activation,
        kernels_of(case.model.model_type),
        case.trained,
        case.tensor,
        padded=not request.packing,
        compiled=request.compile,
        eager=not request.flash_attention,
        unpack=2 if case.scheme else 0,
        source=case.source,
    )


def pieces_of(case: TrainCase, stage: Stage, passing: bool) -> tuple[Piece, ...]:
    """What a stage runs, in order: the embedding's norms, the encoder with its own, the layers.

    `passing` says that gradients are added to standing ones as they are made.
    """
    setting, main = setting_of(case), case.model.main
    found: list[Piece] = []
    waiting = 0
    if stage.encoder:
        reading = replace(setting, length=case.source, source=0)
        waiting = reading.tokens * stage.encoder.hidden_size * setting.element
        found += _pieces(stage.encoder.layers, stage.encoder.hidden_size, reading, passing)
        found.append(
            Piece(_norms(stage.encoder.after, stage.encoder.hidden_size, reading), waiting, checkpointed=False)
        )
    if stage.first:
        found.append(
            Piece(
                _norms(main.before, main.hidden_size, setting),
                setting.tokens * main.hidden_size * setting.element,
                checkpointed=False,
            )
        )
    return (
        *found,
        *(replace(piece, beside=waiting) for piece in _pieces(stage.layers, main.hidden_size, setting, passing)),
    )


def _pieces(layers: tuple[Layer, ...], hidden: int, setting: Setting, passing: bool) -> list[Piece]:
    made: dict[int, Piece] = {}
    stream = setting.tokens * hidden * setting.element // setting.ranks
    for layer in layers:
        if id(layer) not in made:
            made[id(layer)] = Piece(
                layer_tape(layer, hidden, setting).run(passing), stream, _matrix_outputs(layer, setting)
            )
    return [made[id(layer)] for layer in layers]


def _norms(tensors: tuple[Tensor, ...], hidden: int, setting: Setting) -> Run:
    """Norms of the stream before the first layer or after the last, of an embedding or an encoder."""
    tape = Tape(setting.tokens * hidden * setting.element)
    maker, x = LayerMaker(tape, setting, hidden), tape.input
    for tensor in tensors:
        if tensor.role == "norm" and tensor.shape == (hidden,):
            x = maker.norm(x, hidden, tensor)
    return tape.run()


def timeline(case: TrainCase, stage: Stage, parts: Held, share: Shares) -> Timeline:
    """One step on one GPU of this stage."""
    request, main, setting = case.request, case.model.main, setting_of(case)
    standing = request.gradient_accumulation > 1
    vocab = -(-case.model.vocab_size // case.tensor)
    edges = (*stage.encoder.before, *stage.encoder.after) if stage.encoder else ()
    outer = [
        t for t in (*(main.before if stage.first else ()), *(main.after if stage.last else ()), *edges) if not t.tied
    ]
    outside = sum(case.trained.gradient(t) // (case.tensor if t.role in VOCABULARY else 1) for t in outer)
    tied = next((t for t in main.after if t.role == "lm_head" and t.tied), None)
    end = ending(
        main, vocab, setting, request.fused_cross_entropy, narrow=main.name == "encoder" or case.encoder is not None
    )
    step = optimizers()[request.optimizer]
    moment = case.widths.moment or case.widths.gradient
    scratch = int(
        (step.step_copies * parts.trainable * share.optimizer + step.step_tensors * parts.largest * share.optimizer)
        * moment
    )
    return play(
        Load(
            pieces_of(case, stage, standing and share.gradients == 1),
            end if stage.last else None,
            request.checkpointing,
            min(case.pipeline - stage.index, request.gradient_accumulation),
            standing,
            share.gradients,
            outside,
            2 * case.trained.gradient(tied) // case.tensor if tied and stage.first and stage.last else 0,
            scratch,
            request.offload == "activations",
        )
    )


def _matrix_outputs(layer: Layer, setting: Setting) -> int:
    """What selective checkpointing keeps: the output of every matrix and of attention, not what lies between them."""
    width = 0
    for tensor in layer.all_tensors:
        if tensor.is_matrix and tensor.role not in ("router", "conv", "ssm_a", "ssm_d"):
            used = tensor.used or tensor.copies
            width += used * prod(tensor.shape[:-1])
    return width * setting.tokens * setting.element // setting.ranks


def devices(case: TrainCase) -> tuple[TrainDevice, ...]:
    """What each GPU holds: GPUs of one stage are alike, stages follow one another over the replicas."""
    found: dict[int, TrainDevice] = {}
    share = shares(case.sharding, case.replicas, case.request.gradient_accumulation > 1)
    parts = stages(case)
    made = []
    for index, gpu in enumerate(case.gpus):
        stage = parts[index // case.tensor % case.pipeline]
        if stage.index not in found:
            found[stage.index] = _device(case, stage, share)
        made.append(
            replace(
                found[stage.index],
                name=gpu.name,
                index=index,
                capacity_bytes=gpu.capacity_bytes,
                usable_bytes=gpu.usable_bytes,
            )
        )
    return tuple(made)


def _device(case: TrainCase, stage: Stage, share: Shares) -> TrainDevice:

    parts, wide, request = held(case, stage), case.widths, case.request
    away, paged = request.offload, optimizers()[request.optimizer].paged
    if away == "weights":  # gradients follow the weights to the host (torch FSDP `CPUOffload`, ZeRO-Offload)
        share = replace(share, gradients=0.0)
    weights = [
        WEIGHTS(
            "Weights",
            frozen=int(parts.frozen * share.weights),
            trained=int(parts.trained * share.weights),
            adapters=parts.adapters,
        )
    ]
    if away == "weights":
        weights = [WEIGHTS("Weights stay on the host", frozen=0, trained=0, adapters=parts.adapters)]
    gathered = 2 * parts.layer if share.gathered or away == "weights" else 0
    gathered += (
        parts.root * (2 if case.trained.full else 1) if share.root else 0
    )  # and the root's gradient, whole until its backward ends
    if gathered:
        weights.append(total("Weights with the layers that are put together", [int(weights[0].value), gathered]))
    buckets = share.buckets * parts.trainable * wide.gradient + min(
        share.bucket_numbers, parts.trainable
    ) * wide.gradient * (share.bucket_numbers > 0)
    gradients = [GRADIENTS("Gradients", trainable=parts.trainable, gradient_bytes=wide.gradient, share=share.gradients)]
    if buckets:
        gradients.append(total("Gradients and buckets", [int(gradients[0].value), buckets]))
    on_gpu = away not in ("optimizer", "weights")
    title = (
        "Optimizer, on the host"
        if not on_gpu
        else "Optimizer, large states paged to the host"
        if paged
        else "Optimizer"
    )
    states = OPTIMIZER(
        title, master=parts.trainable * wide.master, moments=parts.unpaged, share=share.optimizer if on_gpu else 0
    )
    line = timeline(case, stage, parts, share)
    fixed = int(weights[-1].value) + int(states.value) + buckets
    peak = fixed + line.peak.total
    beyond = BEYOND(
        f"Activations, at the highest moment ({line.peak.name})",
        peak=max(peak, fixed + int(gradients[0].value)),
        weights=int(weights[-1].value),
        gradients=int(gradients[-1].value),
        optimizer=int(states.value),
    )
    more_weights, more_states = doubled_adapters(case, parts)
    made = TrainDevice(
        "GPU",
        0,
        0,
        0,
        wider(Quantity.exact(*weights), more_weights + upcast(case, parts)),
        Quantity.exact(*gradients),
        wider(Quantity.exact(states), more_states if on_gpu and not paged else 0),
        activation_range(beyond),
        timeline=line,
    )
    return replace(made, overhead=overhead(case, made.allocated))


def wider(exact: Quantity, more: int) -> Quantity:
    """The same amount with a high end that is `more` above it."""
    return replace(exact, high=exact.high + more)


def timed_parts(case: TrainCase) -> Held:
    """Everything on one rank as if nothing were cut: what a whole replica moves and updates."""
    whole = replace(
        case, request=case.request.model_copy(update={"tensor_parallel": None, "pipeline_parallel": None}), gpus=()
    )
    return held(whole, Stage(0, case.model.main.layers, True, True, case.encoder))
