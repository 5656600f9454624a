"""Whether a training run fits its GPUs: the same words and the same probability as for inference."""

from __future__ import annotations

from math import prod

from planner.training.case import TrainCase
from planner.training.memory import TrainDevice
from planner.units import mem
from planner.verdict import SURE, Fit, below


def judge(case: TrainCase, devices: tuple[TrainDevice, ...]) -> Fit:
    """Compare the highest moment of each GPU with what a program can have of it.

    GPUs of one run are alike, so their errors are one error: the fullest decides.
    """
    if not devices:
        return Fit("does_not_fit", 0.0, 0, "Training is planned on GPUs; add one.")
    fullest = min(devices, key=lambda device: device.free_bytes)
    probability = prod({below(device.total, device.usable_bytes) for device in devices if device.free_bytes == fullest.free_bytes})
    where = (
        f"{mem(fullest.total.expected)} at the highest moment, {mem(fullest.usable_bytes)} usable on {'the fullest GPU' if len(devices) > 1 else fullest.name}"
    )
    if fullest.free_bytes < 0:
        return Fit("does_not_fit", probability, fullest.free_bytes, f"Does not fit: {where}.")
    if probability < SURE:
        return Fit("tight", probability, fullest.free_bytes, f"Tight: {where}, within the uncertainty of the estimate.")
    return Fit("fits", probability, fullest.free_bytes, f"Fits: {where}.")
