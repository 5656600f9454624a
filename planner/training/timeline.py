"""One step of training on one GPU, moment by moment: the highest point of the forward pass, of the backward pass and of the optimizer's step.

    forward:   states + what every layer keeps + the loss
    backward:  states + what the layers below keep + gradients of the layers above + the layer at work
    step:      states + all gradients + the optimizer's scratch

With checkpointing a layer keeps only its input and is run again before its backward pass; the output of that second run is held until
the pass ends, which is one stream more than without. What selective checkpointing kept becomes part of the second run, not a copy beside it
(torch/utils/checkpoint.py: cached outputs are taken, not read).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Layer
from planner.training.loss import Ending
from planner.training.tape import Run


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment's bytes beside the states that are always there.

    Attributes:
        name: `forward`, `backward` or `step`.
        kept: activations held for the backward pass.
        working: inputs, outputs and gradients of what is at work.
        gradients: weight gradients there by then.
    """

    name: str
    kept: int
    working: int
    gradients: int

    @property
    def total(self) -> int:
        return self.kept + self.working + self.gradients


@dataclass(frozen=True, slots=True)
class Timeline:
    """The three highest moments; `after_backward` is all gradients."""

    forward: Moment
    backward: Moment
    step: Moment

    @property
    def peak(self) -> Moment:
        return max((self.forward, self.backward, self.step), key=lambda moment: moment.total)


@dataclass(frozen=True, slots=True)
class Load:
    """What a GPU's part of the model puts into a step.

    Attributes:
        layers: its layers in order, each with the run of its tape.
        ending: of the loss; None on a pipeline stage without it.
        stream: bytes of the residual stream, what a checkpointed layer keeps.
        recomputed: whether layers keep only their input (`full`), or that and their matrices' outputs (`selective`).
        selected: what a layer keeps beside its input under selective checkpointing, by identity.
        flights: micro-batches whose activations are held at once (pipeline parallel).
        standing: whether gradients are there from the start (accumulation).
        gradient_share: part of the weight gradients that stays on this GPU.
        outside: gradients of embedding and head.
        tied_sum: bytes that summing the two gradients of a tied embedding takes at the end.
        scratch: of the optimizer's step.
        off: whether checkpoints leave for the host.
    """

    layers: Sequence[tuple[Layer, Run]]
    ending: Ending | None
    stream: int
    checkpointing: str
    selected: dict[int, int]
    flights: int
    standing: bool
    gradient_share: float
    outside: int
    tied_sum: int
    scratch: int
    off: bool = False


def play(load: Load) -> Timeline:
    """Walk the layers up and down once."""
    kept = [_kept(load, layer, run) for layer, run in load.layers]
    total_kept = sum(kept) * load.flights
    ending = load.ending
    loss = ending.run if ending else Run(0, 0, 0, 0)
    held = ending.held if ending else 0
    every = sum(run.gradients for _, run in load.layers) + load.outside
    persistent = int(every * load.gradient_share)
    start = persistent if load.standing else 0
    busiest = max((run.forward_peak for _, run in load.layers), default=0) if load.checkpointing == "none" else 0
    forward = Moment("forward", total_kept, max(loss.forward_peak + held, busiest - (kept[-1] if kept else 0), load.stream), start)
    backward = Moment("backward", total_kept + loss.kept, loss.backward_peak - loss.kept + held, start)
    checkpoint = 0 if load.off else load.stream
    below, above = total_kept, 0 if load.standing else loss.gradients
    for (_, run), own in zip(reversed(load.layers), reversed(kept), strict=True):
        working = run.backward_peak if load.checkpointing == "none" else max(run.backward_peak, run.forward_peak + load.stream) + min(checkpoint, run.kept)
        below -= own
        gradients = start if load.standing else int(above * load.gradient_share)
        moment = Moment("backward", below, working + held, gradients)
        backward = max(backward, moment, key=lambda one: one.total)
        above += run.gradients
    if load.tied_sum:
        backward = max(backward, Moment("backward", 0, load.tied_sum + held, persistent), key=lambda one: one.total)
    return Timeline(forward, backward, Moment("step", 0, load.scratch, persistent))


def _kept(load: Load, layer: Layer, run: Run) -> int:
    """What one layer keeps from forward to backward."""
    if load.checkpointing == "none":
        return run.kept
    checkpoint = 0 if load.off else load.stream
    if load.checkpointing == "selective":
        return min(checkpoint + load.selected[id(layer)], run.kept)
    return min(checkpoint, run.kept)
