"""One step of training on one GPU, moment by moment: the highest point of the forward pass, of the backward pass and of
the optimizer's step.

    forward:   states + what every layer keeps + the loss
    backward:  states + what the layers below keep + gradients of the layers above + the layer at work
    step:      states + all gradients + the optimizer's scratch

With checkpointing a layer keeps only its input and is run again before its backward pass; the output of that second run
is held until the pass ends, which is one stream more than without. What selective checkpointing kept becomes part of
the second run, not a copy beside it (torch/utils/checkpoint.py: cached outputs are taken, not read).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
class Piece:
    """A layer, or what stands before or between layers.

    Attributes:
        run: of its tape.
        stream: bytes of the residual stream that enters it, what a checkpointed layer keeps.
        selected: what it keeps beside that under selective checkpointing.
        checkpointed: whether checkpointing applies to it at all.
        beside: bytes that wait while it works backwards, such as the gradient of the encoder's output.
    """

    run: Run
    stream: int
    selected: int = 0
    checkpointed: bool = True
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What a GPU's part of the model puts into a step.

    Attributes:
        pieces: its layers in order, and what stands around them.
        ending: of the loss; None on a pipeline stage without it.
        checkpointing: whether layers keep all (`none`), their input (`full`), or that and their matrices' outputs
            (`selective`).
        flights: micro-batches whose activations are held at once (pipeline parallel).
        standing: whether gradients are there from the start (accumulation).
        gradient_share: part of the weight gradients that stays on this GPU.
        outside: gradients of embedding and head.
        tied_sum: bytes that summing the two gradients of a tied embedding takes at the end.
        scratch: of the optimizer's step.
        off: whether checkpoints leave for the host.
    """

    pieces: Sequence[Piece]
    ending: Ending | None
    checkpointing: str
    flights: int
    standing: bool
    gradient_share: float
    outside: int
    tied_sum: int
    scratch: int
    off: bool = False


def play(load: Load) -> Timeline:
    """Walk the layers up and down once."""
    kept = [_kept(load, piece) for piece in load.pieces]
    total_kept = sum(kept) * load.flights
    ending = load.ending
    loss = ending.run if ending else Run(0, 0, 0, 0)
    held = ending.held if ending else 0
    every = sum(piece.run.gradients for piece in load.pieces) + load.outside
    persistent = int(every * load.gradient_share)
    start = persistent if load.standing else 0
    whole = [piece.run.forward_peak for piece in load.pieces if not _again(load, piece)]
    busiest = max(whole, default=0) if load.checkpointing == "none" else 0
    stream = load.pieces[-1].stream if load.pieces else 0
    forward = Moment(
        "forward", total_kept, max(loss.forward_peak + held, busiest - (kept[-1] if kept else 0), stream), start
    )
    backward = Moment("backward", total_kept + loss.kept, loss.backward_peak - loss.kept + held, start)
    below, above = total_kept, 0 if load.standing else loss.gradients
    for piece, own in zip(reversed(load.pieces), reversed(kept), strict=True):
        run, checkpoint = piece.run, 0 if load.off else piece.stream
        working = (
            max(run.backward_peak, run.forward_peak + piece.stream) + min(checkpoint, run.kept)
            if _again(load, piece)
            else run.backward_peak
        )
        below -= own
        gradients = start if load.standing else int(above * load.gradient_share)
        moment = Moment("backward", below, working + held + piece.beside, gradients)
        backward = max(backward, moment, key=lambda one: one.total)
        above += run.gradients
    if load.tied_sum:
        backward = max(backward, Moment("backward", 0, load.tied_sum + held, persistent), key=lambda one: one.total)
    return Timeline(forward, backward, Moment("step", 0, load.scratch, persistent))


def _again(load: Load, piece: Piece) -> bool:
    """Whether it is run again before its backward pass."""
    return piece.checkpointed and load.checkpointing != "none"


def _kept(load: Load, piece: Piece) -> int:
    """What it keeps from forward to backward."""
    if not _again(load, piece):
        return piece.run.kept
    checkpoint = 0 if load.off else piece.stream
    return min(checkpoint + (piece.selected if load.checkpointing == "selective" else 0), piece.run.kept)
