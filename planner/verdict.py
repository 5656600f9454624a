"""The verdict: does what was asked for fit, how sure is that, and why, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, erf, floor, sqrt
from typing import Any, Literal

from planner.case import Case
from planner.core.units import mem
from planner.memory.quantity import DeviceMemory, Memory, Quantity

Verdict = Literal["fits", "tight", "offload", "does_not_fit"]

STANDINGS: tuple[Verdict, Verdict, Verdict] = ("does_not_fit", "tight", "fits")

SPREAD = 1.2816
"""Standard deviations between the median and the 90th percentile of a normal distribution."""

SURE = 0.9
"""From this probability on a plan fits, and below 1 - SURE it does not: the ends of a range are its 10th and 90th
percentile.
"""


@dataclass(frozen=True)
class Fit:
    """The verdict with its reason.

    Attributes:
        verdict: `fits`; `tight` (what there is lies within the range of what is needed, or the engine starts and some
            sequences wait); `offload` (the GPUs hold a part and the host the rest); or `does_not_fit`.
        probability: that no device needs more than it can give.
        headroom_bytes: usable less expected memory on the fullest device; negative when more is expected than there is.
        reason: one plain sentence.
        held: sequences of the full context that the pools of all replicas hold together; None where there is no pool.
        waiting: sequences of the batch that wait because the pools are full.
    """

    verdict: Verdict
    probability: float
    headroom_bytes: int
    reason: str
    held: int | None = None
    waiting: int = 0

    @property
    def runs(self) -> bool:
        """Whether it can be expected to start."""
        return self.verdict != "does_not_fit" and self.headroom_bytes >= 0

    @property
    def enough(self) -> bool:
        """Whether all that was asked for can be expected to run, every sequence at full length."""
        return self.runs and not self.waiting

    @property
    def on_gpus(self) -> bool:
        """The same, and nothing of it on the host; a plan without GPUs stands where it was asked to."""
        return self.enough and self.verdict != "offload"

    @property
    def words(self) -> str:
        """The verdict in a few words, as a table's cell shows it."""
        if self.verdict == "tight" and self.waiting:
            return f"holds {self.held:,} of {(self.held or 0) + self.waiting:,}"
        return (
            f"may fit ({self.probability:.0%})"
            if self.verdict == "tight" and self.headroom_bytes < 0
            else WORDS[self.verdict]
        )


WORDS: dict[str, str] = {
    "fits": "fits",
    "tight": "tight",
    "offload": "partly in system RAM",
    "does_not_fit": "does not fit",
}


def standing(low: Any, high: Any, limit: Any) -> Any:
    """How a range stands to a limit, as an index of `STANDINGS`: 2 where all of it is within, 0 where none is, 1
    between; of numbers or arrays.
    """
    return (limit >= low) * 1 + (limit >= high) * 1


def judge(case: Case, memory: Memory) -> Fit:
    """Compare what each place needs with what it can give, and what a pool holds with the batch.

    P(place fits) = Phi((usable - expected) / sigma), sigma = (high - expected) / 1.2816 above the expected value and
    (expected - low) / 1.2816 below it. The least of them counts: places err together, since one formula predicts them
    all. Where the range straddles the limit a plan is `tight`. A server that is expected to run out is not: it takes
    its share of the card whatever the load, so that a smaller share is safe, and it is started again and again.
    """
    places, headroom = _places(case, memory)
    held = held_of(case, memory)
    if memory.refusal:
        return Fit("does_not_fit", 0.0, min(headroom, 0), memory.refusal, None if held is None else 0)
    probability, worst = (
        min(below(*place) for place in places),
        min(int(standing(need.low, need.high, limit)) for need, limit in places),
    )
    if not worst or (headroom < 0 and memory.pool is not None):
        chance = f"; the chance that it starts all the same is {probability:.0%}" if worst else ""
        return Fit(
            "does_not_fit",
            probability,
            headroom,
            f"Does not fit: {_too_much(case, memory)}{chance}.",
            None if held is None else held.expected,
        )
    if headroom < 0:
        start = f"May fit ({probability:.0%}): {_too_much(case, memory)}"
    elif memory.gpu_layers is not None and memory.note:
        return Fit("offload", probability, headroom, f"{memory.note}{_assumed(case)}")
    elif worst == 1:
        start = f"Tight: {_enough(case, memory)}, within the uncertainty of the estimate"
    else:
        start = f"Fits: {_enough(case, memory)}"
    if held is None:
        return Fit(STANDINGS[worst], probability, headroom, f"{start}.")
    batch = case.request.batch
    verdict = STANDINGS[worst if held.low >= batch else 1]
    return Fit(
        verdict, probability, headroom, _with_users(start, held, batch), held.expected, max(batch - held.expected, 0)
    )


def _places(case: Case, memory: Memory) -> tuple[list[tuple[Quantity, int]], int]:
    """What each GPU and the host need and can give, and the expected room of the fullest GPU, or of the host where that
    is what lacks.
    """
    places = [(device.total, device.usable_bytes) for device in memory.devices]
    on_host = (memory.host.total, case.ram_bytes)
    free = case.ram_bytes - memory.host.total.expected
    headroom = min((device.free_bytes for device in memory.devices), default=free)
    return [*places, on_host] if memory.host.total.expected or not places else places, (
        headroom if free >= 0 else min(headroom, free)
    )


def held_of(case: Case, memory: Memory) -> Quantity | None:
    """Sequences of the full context that the pools hold together;

    None without a pool, or for a model that caches nothing.

    = replicas * floor(pool / bytes of one sequence): no sequence is shared by two replicas
    """
    pool, replicas = memory.pool, case.request.data_parallel or 1
    if pool is None or not (pool.sequences or memory.refusal):
        return None
    low, expected, high = (replicas * floor(number) for number in pool.sequence_range)
    return Quantity(low, expected, high)


def spare(case: Case, memory: Memory, fit: Fit) -> int:
    """The headroom; of a pool that starts, its bytes on one GPU less what each replica's part of the batch takes of
    them.

    = pool * (1 - ceil(batch / replicas) / sequences)
    """
    pool, replicas = memory.pool, case.request.data_parallel or 1
    if pool is None or not pool.sequences or not fit.runs:
        return fit.headroom_bytes
    return floor(pool.bytes.expected * (1 - ceil(case.request.batch / replicas) / pool.sequences))


def below(need: Quantity, limit: int) -> float:
    """Probability that a quantity stays under a limit: its range read as the 10th and 90th percentile of two normal
    halves about the expected value.
    """
    sigma = (need.high - need.expected if limit >= need.expected else need.expected - need.low) / SPREAD
    if sigma == 0:
        return float(need.expected <= limit)
    return 0.5 * (1 + erf((limit - need.expected) / (sigma * sqrt(2))))


def _with_users(start: str, held: Quantity, batch: int) -> str:
    """The sentence with what the pool holds of the batch."""
    starts = start.startswith("Fits")
    if held.low >= batch:
        return f"{start}, with room for all {batch:,} at full length." if starts and batch > 1 else f"{start}."
    if held.high < batch:
        what = (
            f"holds {held.expected:,} of your {batch:,} at full length; the"
            f" other{'s wait' if batch - held.expected > 1 else ' waits'}."
        )
    else:
        what = f"holds {held.low:,} to {min(held.high, batch):,} of your {batch:,} at full length; any others wait."
    if not held.low:
        doubt = "the cache may be too small for one request of full length, and then the engine does not start."
        return (f"Tight: {doubt}" if starts else f"{start}, and {doubt}") + (
            f" If it starts, it {what}" if batch > 1 and held.high < batch else ""
        )
    return f"Starts, and {what}" if starts else f"{start}. If it starts, it {what}"


def _enough(case: Case, memory: Memory) -> str:
    if not memory.devices:
        assumed = " assumed" if case.request.system.ram_gib is None else ""
        return (
            f"{mem(memory.host.total.expected)} of the {mem(case.ram_bytes)} of system memory{assumed}, without a GPU"
        )
    fullest = _fullest(memory)
    return (
        f"{mem(fullest.total.expected)} of {mem(fullest.usable_bytes)} usable on"
        f" {'the fullest GPU' if len(memory.devices) > 1 else fullest.name}"
    )


def _assumed(case: Case) -> str:
    """A word about system memory that nobody stated."""
    return f" {mem(case.ram_bytes)} of system memory is assumed." if case.request.system.ram_gib is None else ""


def _fullest(memory: Memory) -> DeviceMemory:
    return min(memory.devices, key=lambda device: device.free_bytes)


def _too_much(case: Case, memory: Memory) -> str:
    """What needs more than there is."""
    devices, host = memory.devices, mem(memory.host.total.expected)
    full = [device for device in devices if device.free_bytes < 0]
    if not full:
        return (
            f"{host} of system memory needed, {mem(case.ram_bytes)}"
            f" {'assumed' if case.request.system.ram_gib is None else 'available'}"
        )
    need, have = sum(device.total.expected for device in devices), sum(device.usable_bytes for device in devices)
    if len(devices) == 1:
        return f"{mem(need)} needed, {mem(have)} usable on {devices[0].name}"
    if need > have:
        return f"{mem(need)} needed, {mem(have)} usable on the {len(devices)} GPUs together"
    return (
        f"{len(full)} of the {len(devices)} GPUs would need up to {mem(max(d.total.expected for d in full))} of"
        f" {mem(full[0].usable_bytes)}"
    )
