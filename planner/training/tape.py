"""What PyTorch's autograd holds while a layer runs forwards and backwards, without running it.

A tape is the list of operations of a layer: which tensors go in, which comes out, which are kept for the backward pass.
`run`
plays it with sizes alone and the rules of autograd: a tensor lives while something still needs it, an addition hands
one gradient to both of its inputs, a second gradient for the same tensor is added to the first in place if nobody else
holds that, and an operation drops what it kept once its own backward is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Ref = int
"""A tensor on the tape, by number."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. `gradient` is the size of the weight gradient that its backward leaves behind."""

    inputs: tuple[Ref, ...]
    output: Ref
    kept: tuple[Ref, ...]
    gradient: int = 0
    scratch: int = 0
    backward_scratch: int = 0
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A layer's memory beside what was there before it, in bytes.

    Attributes:
        kept: held for the backward pass after the forward pass; the layer's input is not in it unless an operation
            keeps it.
        forward_peak: highest during the forward pass, with what is kept so far.
        backward_peak: highest during the backward pass, from `kept` on, incoming gradient included.
        gradients: of the layer's own weights, there at the end.
    """

    kept: int
    forward_peak: int
    backward_peak: int
    gradients: int


class Tape:
    """A list of operations under construction; `input` is the residual stream that enters."""

    def __init__(self, input_size: int) -> None:
        self.sizes: list[int] = [input_size]
        self.ops: list[Op] = []
        self.input: Ref = 0
        self.outside: set[Ref] = set()

    def borrow(self, size: float) -> Ref:
        """A tensor that another layer made and keeps: it takes no room here, its gradient does."""
        ref = self._new(size)
        self.outside.add(ref)
        return ref

    def add(
        self,
        size: float,
        *inputs: Ref,
        kept: Sequence[Ref] = (),
        keeps_output: bool = False,
        gradient: float = 0,
        scratch: float = 0,
        backward_scratch: float = 0,
        shares: bool = False,
        extra: float = 0,
    ) -> Ref:
        """An operation with a new output of `size` bytes;

        `extra` bytes more are kept besides, `shares` hands its gradient on uncopied.
        """
        output = self._new(size)
        held = (*kept, output) if keeps_output else tuple(kept)
        if extra:
            held += (self._new(extra),)
        self.ops.append(Op(inputs, output, held, int(gradient), int(scratch), int(backward_scratch), shares))
        return output

    def _new(self, size: float) -> Ref:
        self.sizes.append(int(size))
        return len(self.sizes) - 1

    def run(self, passing: bool = False) -> Run:
        """Play the tape forwards, then backwards;

        `passing` weight gradients are added to standing ones, or sent on, as soon as they are made.
        """
        kept, forward_peak = self._forward()
        backward_peak, gradients = self._backward(kept, passing)
        return Run(sum(self.sizes[ref] for ref in kept - self.outside), forward_peak, backward_peak, gradients)

    def _forward(self) -> tuple[set[Ref], int]:
        sizes, waiting = self.sizes, [0] * len(self.sizes)
        for op in self.ops:
            for ref in op.inputs:
                waiting[ref] += 1
        now, peak, kept, live = 0, 0, set[Ref](), set[Ref]()
        for op in self.ops:
            for ref in (op.output, *op.kept):
                if ref not in live and ref != self.input and ref not in self.outside:
                    live.add(ref)
                    now += sizes[ref]
            kept.update(op.kept)
            peak = max(peak, now + op.scratch)
            for ref in op.inputs:
                waiting[ref] -= 1
                if not waiting[ref] and ref not in kept and ref in live:
                    live.remove(ref)
                    now -= sizes[ref]
        return kept, peak

    def _backward(self, kept: set[Ref], passing: bool) -> tuple[int, int]:
        sizes, holders = self.sizes, [0] * len(self.sizes)
        for op in self.ops:
            for ref in op.kept:
                holders[ref] += 1
        output = self.ops[-1].output if self.ops else self.input
        buffers: dict[int, list[int]] = {0: [sizes[output], 1]}
        grads: dict[Ref, int] = {output: 0}
        now = sum(sizes[ref] for ref in kept - self.outside) + sizes[output]
        peak, gradients, number = now, 0, 1
        for op in reversed(self.ops):
            incoming = grads.pop(op.output, None)
            if incoming is None:
                continue
            gradients += op.gradient
            now += op.gradient
            for ref in op.inputs:
                if op.shares:
                    arriving = incoming
                    buffers[incoming][1] += 1
                else:
                    arriving, number = number, number + 1
                    buffers[arriving] = [sizes[ref], 1]
                    now += sizes[ref]
                standing = grads.get(ref)
                if standing is None:
                    grads[ref] = arriving
                    continue
                if buffers[standing][1] > 1:
                    buffers[number] = [sizes[ref], 1]
                    now += sizes[ref]
                    peak = max(peak, now)
                    grads[ref], number = number, number + 1
                    now -= self._let_go(buffers, standing)
                peak = max(peak, now)
                now -= self._let_go(buffers, arriving)
            peak = max(peak, now + op.backward_scratch)
            now -= self._let_go(buffers, incoming) + (op.gradient if passing else 0)
            for ref in op.kept:
                holders[ref] -= 1
                if not holders[ref] and ref not in self.outside:
                    now -= sizes[ref]
        return peak, gradients

    @staticmethod
    def _let_go(buffers: dict[int, list[int]], number: int) -> int:
        """Drop one reference to a gradient; the bytes that this frees."""
        buffer = buffers[number]
        buffer[1] -= 1
        return buffer[0] if not buffer[1] else 0
