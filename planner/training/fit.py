"""Whether a training run fits its GPUs: the same words, the same probability and the same thresholds as for
inference.
"""

from __future__ import annotations

from planner.core.units import mem
from planner.memory.quantity import Quantity
from planner.training.case import TrainCase
from planner.training.memory import TrainDevice
from planner.verdict import STANDINGS, Fit, below, standing


def judge(case: TrainCase, devices: tuple[TrainDevice, ...]) -> Fit:
    """Compare the highest moment of each GPU with what a program can have of it.

    GPUs of one run err together, so the one with the least room decides.
    """
    if not devices:
        return Fit("does_not_fit", 0.0, 0, "Training is planned on GPUs; add one.")
    fullest = min(devices, key=lambda device: (below(device.total, device.usable_bytes), device.free_bytes))
    return compared(fullest.total, fullest.usable_bytes, "the fullest GPU" if len(devices) > 1 else fullest.name)


def compared(need: Quantity, usable: int, where: str) -> Fit:
    """The verdict on one GPU:

    `tight` where what it can give lies within the range of the need, and *may fit* where it is less than expected.
    """
    verdict = STANDINGS[int(standing(need.low, need.high, usable))]
    probability, free = below(need, usable), usable - need.expected
    if free < 0:
        start = f"May fit ({probability:.0%})" if verdict == "tight" else "Does not fit"
        return Fit(
            verdict,
            probability,
            free,
            f"{start}: {mem(need.expected)} needed at the highest moment, {mem(usable)} usable on {where}.",
        )
    room = f"{mem(need.expected)} at the highest moment, {mem(usable)} usable on {where}"
    if verdict == "tight":
        return Fit(verdict, probability, free, f"Tight: {room}, within the uncertainty of the estimate.")
    return Fit(verdict, probability, free, f"Fits: {room}.")
