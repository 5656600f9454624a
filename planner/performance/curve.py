"""Throughput against latency: the same plan with more and more requests in flight, and what would make it faster.

The knee is where throughput over time per token is largest (Kleinrock, Power and deterministic rules of thumb, ICC
1979): to its left requests are few for the machine, to its right each waits longer than the machine gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.parallelism.layer_split import largest_fit
from planner.performance.rates import Rates
from planner.performance.roofline import spent
from planner.performance.timing import Timing

MOST = 1_024


@dataclass(frozen=True, slots=True)
class Point:
    """So many requests in flight: what each waits between two tokens, and what all get in a second, prompts
    included.
    """

    batch: int
    time_per_token_s: float
    tokens_per_s: float


def at(timing: Timing, batch: int) -> Point:
    """One point of the curve."""
    moved = timing.at(batch)
    return Point(batch, float(moved.step.value), moved.replicas * float(moved.served[-1].value))


def curve(timing: Timing, most: int) -> tuple[Point, ...]:
    """Batches 1, 2, 3, 4, 6, 8, 12, ... up to `most`, or to 1,024."""
    most = max(min(most, MOST, int(timing.most * timing.replicas)), 1)
    batches = sorted({n for power in range(11) for n in (2**power, 3 * 2**power) if n < most} | {most})
    return tuple(at(timing, batch) for batch in batches)


def knee(points: Sequence[Point]) -> Point:
    """Where tokens a second over time per token is largest."""
    return max(points, key=lambda point: point.tokens_per_s / point.time_per_token_s)


def largest_within(timing: Timing, most: int, time_per_token_s: float) -> int:
    """The most requests in flight of which each gets a token in this time; 0 when not even one does."""
    return largest_fit(
        max(min(most, MOST), 1), lambda batch: batch == 0 or at(timing, batch).time_per_token_s <= time_per_token_s
    )


@dataclass(frozen=True, slots=True)
class Help:
    """Something twice as good: its name, and by what factor decoding would be faster."""

    name: str
    factor: float


def helps(timing: Timing) -> tuple[Help, ...]:
    """What would help most: each of the machine's rates doubled alone, best first; only what changes anything."""
    now, parts = float(timing.step.value), spent(timing)
    hosts = [place.gpu is None for place in timing.route.places]

    def doubled(**rates: bool) -> float:
        def better(rate: Rates, host: bool) -> Rates:
            if rates.get("bandwidth") and not host:
                return replace(rate, bandwidth_bytes_s=2 * rate.bandwidth_bytes_s)
            if rates.get("compute") and not host:
                return replace(rate, peak_flops=2 * rate.peak_flops)
            return replace(rate, bandwidth_bytes_s=2 * rate.bandwidth_bytes_s) if rates.get("host") and host else rate

        return float(
            replace(
                timing, found=tuple(better(rate, host) for rate, host in zip(timing.found, hosts, strict=True))
            ).step.value
        )

    times = {
        "GPU memory twice as fast": doubled(bandwidth=True),
        "twice the arithmetic": doubled(compute=True),
        "system memory twice as fast": doubled(host=True),
        "a link twice as fast": now - parts["link"] / 2,
        "half the overhead": now - parts["overhead"] / 2,
    }
    found = [Help(name, now / time) for name, time in times.items() if now / time > 1.005]
    return tuple(sorted(found, key=lambda one: -one.factor))
