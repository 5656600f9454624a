"""The whole run: steps from samples, duration, energy and what it costs.

Memory has no part in it, and samples have none in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step
from planner.economics.electricity import CARBON, ELECTRICITY, ENERGY, carbon_per_kwh, price_per_kwh
from planner.economics.figure import figure
from planner.economics.machine import host_watts, pue
from planner.economics.prices import Quote
from planner.economics.rent import rent_per_hour
from planner.training.case import TrainCase
from planner.training.speed import TrainSpeed

SEQUENCES = Formula("samples", "sequences", "each sample is a sequence, padded to its batch")
PACKED = Formula(
    "ceil(samples * tokens_per_sample / seq_len)", "sequences", "samples are joined until a sequence is full"
)
STEPS = Formula("ceil(ceil(sequences / (micro_batch * accumulation * replicas)) * epochs)", "steps")
DURATION = Formula("steps * step_s", "s")
GPU_WATTS = Formula(
    "gpus * rated * (idle + (busy - idle) * working)",
    "W",
    "idle and busy shares of the rated power, weighed by the part of a step in which the GPU computes",
)
WATTS = Formula("gpu_watts + host_watts", "W")
HOURS = Formula("seconds / 3600", "h")
RENT = Formula("usd_per_hour * hours", "USD")

IDLE, BUSY = 0.25, 0.88
"""Shares of its rated power that a GPU draws while it waits for kernels and while it trains."""

DEFAULT_TOKENS = 0.5
"""Share of a sequence that a sample is taken to fill where nobody says how long samples are, when they are to be
packed.
"""


@dataclass(frozen=True)
class TrainJob:
    """A run over all samples and epochs."""

    steps: int
    duration_s: Estimate
    watts: Estimate
    energy_kwh: Estimate
    electricity_usd: Estimate
    carbon_kg: Estimate
    rent_usd: Estimate | None
    quotes: dict[str, Quote]

    @property
    def derivation(self) -> tuple[Step, ...]:
        figures = (
            self.duration_s,
            self.energy_kwh,
            self.electricity_usd,
            self.carbon_kg,
            *((self.rent_usd,) if self.rent_usd else ()),
        )
        return tuple({id(step): step for one in figures for step in one.steps}.values())


def steps_of(case: TrainCase) -> tuple[Step, ...] | None:
    """Optimizer steps of the run; None where the number of samples is not given."""
    request = case.request
    if request.samples is None:
        return None
    if request.packing:
        mean = request.tokens_per_sample or request.seq_len * DEFAULT_TOKENS
        sequences = PACKED(
            "Sequences", samples=request.samples, tokens_per_sample=min(mean, request.seq_len), seq_len=request.seq_len
        )
    else:
        sequences = SEQUENCES("Sequences", samples=request.samples)
    return sequences, STEPS(
        "Optimizer steps",
        sequences=sequences.value,
        micro_batch=request.micro_batch,
        accumulation=request.gradient_accumulation,
        replicas=case.replicas,
        epochs=request.epochs,
    )


def job(case: TrainCase, speed: TrainSpeed) -> TrainJob | None:
    """Duration, energy and cost of all steps; None where the number of samples is not given.

    Raises:
        PlanError: when the region is not known.
    """
    counted = steps_of(case)
    if counted is None:
        return None
    request, gpus = case.request, case.gpus
    steps = int(counted[-1].value)
    duration = figure(DURATION, "Duration", steps=Estimate.exact(*counted), step_s=speed.step_s)
    rated = sum(gpu.tdp_w or 300.0 for gpu in gpus) / len(gpus)
    power = Estimate.between(
        0.8,
        1.12,
        GPU_WATTS(
            "GPUs while training", gpus=len(gpus), rated=rated, idle=IDLE, busy=BUSY, working=round(speed.busy, 3)
        ),
    )
    watts = figure(
        WATTS,
        "Machine while training",
        gpu_watts=power,
        host_watts=host_watts(request, gpus, request.offload != "none"),
    )
    hours = figure(HOURS, "Hours", seconds=duration)
    energy = figure(ENERGY, "Energy", watts=watts, hours=hours, pue=pue(request, gpus))
    price, price_quote = price_per_kwh(request)
    carbon, carbon_quote = carbon_per_kwh(request)
    rate, rent_quote = rent_per_hour(request, gpus)
    return TrainJob(
        steps,
        duration,
        watts,
        energy,
        figure(ELECTRICITY, "Electricity", energy_kwh=energy, usd_per_kwh=price),
        figure(CARBON, "Carbon", energy_kwh=energy, gco2_per_kwh=carbon),
        figure(RENT, "Rent", usd_per_hour=rate, hours=hours) if rate else None,
        {"electricity": price_quote, "carbon": carbon_quote, "rent": rent_quote},
    )
