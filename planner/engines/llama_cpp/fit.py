"""What llama.cpp would choose by itself: its `--fit` on a model, a context and some GPUs, before anything is loaded.

    1. Everything is tried on the GPUs at the model's own context; each is to keep 1 GiB free.
    2. What is too much comes off the context first, along the line between 4,096 tokens and all of them, down to a
       multiple of 256. A context that the user sets is left alone.
    3. Then layers: from the last GPU back, each takes as many as fit, without their routed experts where there are any.
    4. Experts come back where room is left, from the first GPU on, layer by layer, at last a third or two of one.

Source: https://github.com/ggml-org/llama.cpp/blob/master/common/fit.cpp, as of October 2026.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.case import Case
from planner.engines.llama_cpp.layout import MARGIN_BYTES, Layout
from planner.parallelism.layer_split import Span, Split, largest_fit

LEAST_CONTEXT = 4_096
"""Tokens below which `--fit` does not shorten a sequence's context (`--fit-ctx`)."""

STEP = 256


@dataclass(frozen=True, slots=True)
class Share:
    """What one GPU gets: layers, the output counted as one; of these the last `partial` leave their experts in system
    memory.

    `thirds` of the experts of the first of them are on the GPU after all.
    """

    layers: int = 0
    partial: int = 0
    thirds: int = 0


Shares = tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """llama.cpp's choice.

    Attributes:
        context: tokens of each sequence.
        shares: of each GPU.
        gpu_layers: what `-ngl` would say, the output counted as one.
        cpu_moe_layers: layers whose experts lie in system memory while the rest of the layer is on a GPU.
        moved: whether anything but the context differs from all on the GPUs.
    """

    context: int
    shares: Shares
    gpu_layers: int
    cpu_moe_layers: int
    moved: bool


def left_alone(case: Case, file_type: str, context: int | None = None) -> Fitted | None:
    """What `--fit` chooses for this case; with a context it keeps that.

    None where it changes nothing by design: no GPU, or cut matrices.
    """
    plain = {"gpu_layers": None, "cpu_moe_layers": None}
    tokens = context or case.architecture.max_context
    layout = Layout.of(case.with_request(**plain, context=tokens), file_type)
    if not layout.shares or layout.mode != "layer":
        return None
    units = len(layout.layers) + 1
    if layout.fits(layout.at(units, 0), MARGIN_BYTES):
        return _chosen(layout, tokens, tuple(Share(span.layers + span.output) for span in layout.at(units, 0).devices))
    if context is None:
        tokens = _shorter(layout)
        layout = Layout.of(case.with_request(**plain, context=tokens), file_type)
        if len(layout.case.gpus) == 1 and layout.fits(layout.at(units, 0), MARGIN_BYTES):
            return _chosen(layout, tokens, (Share(units),))
    return _chosen(layout, tokens, _Filling(layout).shares())


def _chosen(layout: Layout, tokens: int, shares: Shares) -> Fitted:
    layers, units = len(layout.layers), sum(share.layers for share in shares)
    partial = sum(
        len(_partial(span, share, layers)) for span, share in zip(_spans(layers, shares), shares, strict=True)
    )
    return Fitted(tokens, shares, units, partial, units <= layers or partial > 0)


def _shorter(layout: Layout) -> int:
    """The context that step 2 finds, in tokens of a sequence."""
    case, most, units = layout.case, layout.case.request.context, len(layout.layers) + 1
    if most <= LEAST_CONTEXT:
        return most
    least = Layout.of(case.with_request(context=LEAST_CONTEXT), layout.file.file_type)
    used_most, used_least = (
        sum(one.used_of(index, one.at(units, 0)) for index in range(len(case.gpus))) for one in (layout, least)
    )
    target = sum(gpu.usable_bytes - MARGIN_BYTES for gpu in case.gpus)
    if used_most <= target:
        return most
    if len(case.gpus) > 1:  # whole layers or tensors leave some room unused on each
        weights = sum(layout.weights_of(index, layout.at(units, 0)) for index in range(len(case.gpus)))
        target -= (
            (len(case.gpus) + 1) * (weights // max(len(layout.layers), 1)) // (6 if layout.sums.experts[-1] else 2)
        )
    if target <= used_least or used_most <= used_least:
        return LEAST_CONTEXT
    found = LEAST_CONTEXT + (most - LEAST_CONTEXT) * (target - used_least) // (used_most - used_least)
    return max(found - found % STEP, LEAST_CONTEXT)


def _spans(layers: int, shares: Shares) -> tuple[Span, ...]:
    """The layers of each GPU: the last ones of the model, in order."""
    at, spans = layers + 1 - sum(share.layers for share in shares), []
    for share in shares:
        stop = at + share.layers
        spans.append(Span(min(at, layers), min(stop, layers), output=share.layers > 0 and stop == layers + 1))
        at = stop
    return tuple(spans)


def _partial(span: Span, share: Share, layers: int) -> range:
    """Layers without their experts: llama.cpp names them after the full ones, among which it counts the output."""
    first = span.start + share.layers - share.partial
    return range(min(first, layers), min(first + share.partial, layers))


class _Filling:
    """Steps 3 and 4: layers to GPUs, the bytes of each trial as the plan would have them."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.layers, self.count = layout, len(layout.layers), len(layout.case.gpus)
        self.sparse = bool(layout.sums.experts[-1])

    def shares(self) -> Shares:
        found = tuple(Share() for _ in range(self.count))
        for index in reversed(range(self.count)):
            left = self.layers + 1 - sum(share.layers for share in found)
            count = largest_fit(left, functools.partial(self._holds, self.dense, found, index))
            found = self.dense(found, index, count)
        if not self.sparse or sum(share.layers for share in found) <= self.layers:
            return found
        for index in range(self.count):
            count = largest_fit(self.layers, functools.partial(self._holds, self.converted, found, index))
            found = self.converted(found, index, count)
            if any(share.partial for share in found[index + 1 :]):
                continue
            return self.with_part(found, index)
        return found

    def dense(self, shares: Shares, index: int, layers: int) -> Shares:
        """So many layers for one GPU, without experts where the model has any; the output is always whole."""
        partial = max(layers - (index == self.count - 1), 0) if self.sparse else 0
        return (*shares[:index], Share(layers, partial), *shares[index + 1 :])

    def converted(self, shares: Shares, index: int, layers: int) -> Shares:
        """So many of the layers without experts become whole layers of this GPU."""
        changed = list(shares)
        for donor in range(index, self.count):
            moved = min(layers, changed[donor].partial)
            changed[donor] = replace(
                changed[donor], layers=changed[donor].layers - moved, partial=changed[donor].partial - moved
            )
            changed[index] = replace(changed[index], layers=changed[index].layers + moved)
            layers -= moved
        return tuple(changed)

    def with_part(self, shares: Shares, index: int) -> Shares:
        """A third or two of the experts of one more layer, where they fit."""
        if not shares[index].partial:
            return shares
        thirds = largest_fit(2, lambda n: self.fits(self.thirds(shares, index, n), index))
        return self.thirds(shares, index, thirds)

    @staticmethod
    def thirds(shares: Shares, index: int, thirds: int) -> Shares:
        return (*shares[:index], replace(shares[index], thirds=thirds), *shares[index + 1 :])

    def _holds(self, give: Callable[..., Shares], shares: Shares, index: int, layers: int) -> bool:
        """Whether one GPU holds so many layers when they are given to it in one of the two ways."""
        return self.fits(give(shares, index, layers), index)

    def fits(self, shares: Shares, index: int) -> bool:
        spans, layout = _spans(self.layers, shares), self.layout
        lacking = any(share.partial for share in shares)
        host = Span(
            0,
            min(self.layers + 1 - sum(share.layers for share in shares), self.layers),
            output=not any(span.output for span in spans),
        )
        where = Split(host, spans, self.layers if lacking else 0)
        partial = _partial(spans[index], shares[index], self.layers)
        experts = layout.sums.gpu_experts
        here = (
            experts[spans[index].stop]
            - experts[spans[index].start]
            - sum(experts[layer + 1] - experts[layer] for layer in partial)
            if lacking
            else 0
        )
        if partial and shares[index].thirds:
            here += (experts[partial[0] + 1] - experts[partial[0]]) * shares[index].thirds // 3
        return layout.used_of(index, where) + here <= layout.case.gpus[index].usable_bytes - MARGIN_BYTES


def sentence(fitted: Fitted, layers: int, given: bool) -> str:
    """The choice in words; `given` says that the context was."""
    start = f"With the context given as {fitted.context:,} tokens it" if given else "Left alone, llama.cpp"
    gpus = "the GPU" if len(fitted.shares) == 1 else "the GPUs"
    context = "" if given else f"a context of {fitted.context:,} tokens, "
    where = (
        f"all {layers + 1} layers on {gpus}"
        if fitted.gpu_layers > layers
        else f"{fitted.gpu_layers} of {layers + 1} layers on {gpus}"
    )
    moe = f", the experts of {fitted.cpu_moe_layers} of them in system memory" if fitted.cpu_moe_layers else ""
    return f"{start} would choose {context}{where}{moe}."
