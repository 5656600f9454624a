"""What the GPUs draw: idle, and a part for each of memory and arithmetic by how busy a phase keeps it.

watts = rated power * min(1, idle + memory * bytes/s / bandwidth + compute * FLOPs/s / peak)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step, total
from planner.performance.passes import Seconds
from planner.performance.rates import memory_kind

if TYPE_CHECKING:
    from planner.performance.spread import Spread
    from planner.performance.timing import Timing

CALIBRATED = "data/calibration/speed.csv, fitted by python -m planner.calibrate.speed"
WATTS = Formula("gpus * rated_watts * min(1, idle + memory * memory_busy + compute * compute_busy)", "W", CALIBRATED)
IDLE = Formula("gpus * rated_watts * idle", "W")
SERVING = Formula(
    "(decode_s * decode_watts + prefill_s * prefill_watts) / (decode_s + prefill_s)", "W", "shares of the time"
)


@dataclass(frozen=True, slots=True)
class Watts:
    """All GPUs of the plan together, by phase."""

    serving: Estimate
    prefill: Estimate
    decode: Estimate
    idle: Estimate


def watts(timing: Timing, spread: Spread) -> Watts:
    """The draw of each phase, and of serving: decoding, with each sequence's prompt read in between."""
    low, high = spread.factors("watts")
    step_s, prefill_s = float(timing.step.value), float(timing.prompt_step.value)
    decoding = phase("Draw while decoding", timing, timing.passes, float(timing.pass_step.value))
    reading = phase(
        "Draw while reading prompts", timing, timing.prompt_passes, sum(part.total for part in timing.prompt_passes)
    )
    mixed = SERVING(
        "Draw while serving",
        decode_s=timing.output * step_s,
        decode_watts=decoding[-1].value,
        prefill_s=timing.sequences * prefill_s,
        prefill_watts=reading[-1].value,
    )
    return Watts(
        Estimate.between(low, high, *decoding, *reading, mixed),
        Estimate.between(low, high, *reading),
        Estimate.between(low, high, *decoding),
        idle(timing),
    )


def phase(label: str, timing: Timing, passes: list[Seconds], seconds: float) -> tuple[Step, ...]:
    """The GPUs of each place at their own load over the whole phase."""
    steps = [
        WATTS(
            f"{label}: {place.gpu.name}",
            gpus=place.ranks * timing.replicas,
            rated_watts=rate.watts,
            idle=rate.idle_power,
            memory=rate.memory_power,
            memory_busy=busy(part.memory_bytes, rate.bandwidth_bytes_s, seconds),
            compute=rate.compute_power,
            compute_busy=busy(part.flops, rate.peak_flops, seconds),
        )
        for place, rate, part in zip(timing.route.places, timing.found, passes, strict=True)
        if place.gpu
    ]
    return (*steps, total(label, [step.value for step in steps], "W"))


def idle(timing: Timing) -> Estimate:
    """Every GPU of the plan with the model loaded and nothing to do: a share of its rated power by its kind of memory
    (`data/gpu_rest.csv`).

    Not the calibrated formula at no load: its constant is that of clocks held up by work.
    """
    at_rest = {row["memory"]: row for row in table("gpu_rest")}
    steps, low, high = [], 0.0, 0.0
    for gpu in timing.case.gpus:
        row = at_rest[memory_kind(gpu)]
        step = Formula(IDLE.expression, IDLE.unit, row["source"])(
            f"At rest: {gpu.name}", gpus=1, rated_watts=gpu.tdp_w or 0.0, idle=float(row["share"])
        )
        steps.append(step)
        low, high = low + step.value * float(row["low"]), high + step.value * float(row["high"])
    whole = total("At rest", [step.value for step in steps], "W")
    return Estimate(low, float(whole.value), high, (*steps, whole))


def busy(amount: float, rate: float, seconds: float) -> float:
    """The part of a rate that is used."""
    return min(amount / (rate * seconds), 1.0) if rate and seconds else 0.0
