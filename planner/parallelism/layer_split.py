"""Which layers lie on which GPU when an engine gives each GPU whole layers and the host the rest.

The units are the layers and, after them, the output. The last `gpu_layers` units go to the GPUs, in order; unit j of n
goes to the first GPU whose cumulative share of the free memory is above j / n. The input embedding is no unit: it stays
on the host.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp (load_tensors), as of October 2026.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Span:
    """The layers from `start` to before `stop` on one device, and whether the output is there too."""

    start: int
    stop: int
    output: bool = False

    @property
    def layers(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Split:
    """Where every layer lies.

    Attributes:
        host: the first layers, which stay in system memory.
        devices: the span of each GPU; empty ones hold nothing.
        cpu_moe_layers: layers from the first on whose routed experts are in system memory wherever the rest of the
            layer is.
    """

    host: Span
    devices: tuple[Span, ...]
    cpu_moe_layers: int = 0

    @property
    def gpu_layers(self) -> int:
        return sum(span.layers + span.output for span in self.devices)

    @property
    def whole(self) -> bool:
        """Whether everything but the input embedding is on GPUs."""
        return not self.host.layers and not self.host.output and not self.cpu_moe_layers


@lru_cache(maxsize=1_024)
def split(layers: int, gpu_layers: int, shares: tuple[float, ...], cpu_moe_layers: int = 0) -> Split:
    """Spread the last `gpu_layers` of `layers` + 1 units over GPUs in proportion to `shares`."""
    units = min(gpu_layers, layers + 1) if shares else 0
    first = layers + 1 - units
    host = Span(0, min(first, layers), output=units == 0)
    cumulative = list(accumulate(shares))
    total = cumulative[-1] if cumulative else 1.0
    bounds = [share / total for share in cumulative]
    counts = [0] * len(shares)
    for unit in range(units):
        counts[min(bisect_right(bounds, unit / units), len(shares) - 1)] += 1
    spans, at = [], first
    for count in counts:
        stop = at + count
        spans.append(Span(min(at, layers), min(stop, layers), output=count > 0 and stop == layers + 1))
        at = stop
    return Split(host, tuple(spans), cpu_moe_layers)


def largest_fit(most: int, fits: Callable[[int], bool]) -> int:
    """The largest n in 0..most that fits, for a test that is true up to some n and false beyond; 0 when none does."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
