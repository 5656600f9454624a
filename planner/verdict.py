"""The verdict: does it fit, how sure is that, and why, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, prod, sqrt
from typing import Literal

from planner.engines.base import Case
from planner.memory.quantity import DeviceMemory, Memory, Quantity
from planner.units import mem

Verdict = Literal["fits", "tight", "offload", "does_not_fit"]

SPREAD = 1.2816
"""Standard deviations between the median and the 90th percentile of a normal distribution."""

SURE = 0.9
"""From this probability on, a plan fits; below it, it is tight."""


@dataclass(frozen=True)
class Fit:
    """The verdict with its reason.

    Attributes:
        verdict: `fits`, `tight` (likely, but within the uncertainty of the estimate), `offload` (the GPUs hold a part and the
            host the rest), or `does_not_fit`.
        probability: that no device needs more than it can give.
        headroom_bytes: usable less expected memory on the fullest device; negative when it doesn't fit.
        reason: one plain sentence.
    """

    verdict: Verdict
    probability: float
    headroom_bytes: int
    reason: str


def judge(case: Case, memory: Memory) -> Fit:
    """Compare what each device needs with what it can give.

    P(device fits) = Phi((usable - expected) / sigma), sigma = (high - expected) / 1.2816 above the expected value and
    (expected - low) / 1.2816 below it; devices are taken as independent.
    """
    host_free = case.ram_bytes - memory.host.total.expected
    if not memory.devices:
        return _on_cpu(memory, case.ram_bytes, host_free)
    probability = prod(below(device.total, device.usable_bytes) for device in memory.devices)
    fullest = min(memory.devices, key=lambda device: device.free_bytes)
    headroom = fullest.free_bytes
    if memory.refusal:
        return Fit("does_not_fit", 0.0, min(headroom, 0), memory.refusal)
    if headroom < 0:
        return Fit("does_not_fit", probability, headroom, _too_much(memory.devices))
    if host_free < 0:
        return Fit("does_not_fit", 0.0, host_free, f"The host needs {mem(memory.host.total.expected)} of memory and has {mem(case.ram_bytes)}.")
    if memory.gpu_layers is not None and memory.note:
        return Fit("offload", probability, headroom, memory.note)
    where = f"{mem(fullest.total.expected)} of {mem(fullest.usable_bytes)} usable on {'the fullest GPU' if len(memory.devices) > 1 else fullest.name}"
    if probability < SURE:
        return Fit("tight", probability, headroom, f"Tight: {where}, within the uncertainty of the estimate.")
    return Fit("fits", probability, headroom, f"Fits: {where}.")


def below(need: Quantity, limit: int) -> float:
    """Probability that a quantity stays under a limit: its range read as the 10th and 90th percentile of two normal halves about the expected value."""
    sigma = (need.high - need.expected if limit >= need.expected else need.expected - need.low) / SPREAD
    if sigma == 0:
        return float(need.expected <= limit)
    return 0.5 * (1 + erf((limit - need.expected) / (sigma * sqrt(2))))


def _too_much(devices: tuple[DeviceMemory, ...]) -> str:
    need = sum(device.total.expected for device in devices)
    have = sum(device.usable_bytes for device in devices)
    if len(devices) == 1:
        return f"Does not fit: {mem(need)} needed, {mem(have)} usable on {devices[0].name}."
    full = [device for device in devices if device.free_bytes < 0]
    if need > have:
        return f"Does not fit: {mem(need)} needed, {mem(have)} usable on the {len(devices)} GPUs together."
    return (
        f"Does not fit as split: {len(full)} of {len(devices)} GPUs would need up to {mem(max(d.total.expected for d in full))} of {mem(full[0].usable_bytes)}."
    )


def _on_cpu(memory: Memory, ram_bytes: int, free: int) -> Fit:
    probability = below(memory.host.total, ram_bytes)
    need = mem(memory.host.total.expected)
    if memory.refusal:
        return Fit("does_not_fit", 0.0, min(free, 0), memory.refusal)
    if free < 0:
        return Fit("does_not_fit", probability, free, f"Does not fit: {need} needed, {mem(ram_bytes)} of system memory.")
    verdict: Verdict = "fits" if probability >= SURE else "tight"
    return Fit(verdict, probability, free, f"{'Fits' if verdict == 'fits' else 'Tight'} in system memory: {need} of {mem(ram_bytes)}, without a GPU.")
