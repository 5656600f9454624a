"""The answer about training as JSON: the contract's `train` object."""

from __future__ import annotations

from typing import Any

from planner.core.units import count, mem
from planner.report.json import gpu_notes, model_json, step_json
from planner.training.job import TrainJob
from planner.training.memory import TrainDevice
from planner.training.plan import TrainPlan


def train_json(plan: TrainPlan, derivation: bool = False) -> dict[str, Any]:
    """A `TrainPlan` in the contract's shape."""
    fit, host, speed, job = plan.fit, plan.host, plan.speed, plan.job
    answer: dict[str, Any] = {
        "model": model_json(plan.case.name, plan.case.architecture, plan.case.taken),
        "task": plan.case.task,
        "trainable_parameters": plan.trainable_parameters,
        "steps": plan.steps,
        "memory": {
            "devices": [device_json(device) for device in plan.devices],
            "host": {
                "weights_bytes": host.weights.expected,
                "kv_cache_bytes": 0,
                "optimizer_bytes": host.optimizer.expected,
                "activation_bytes": {"low": 0, "expected": 0, "high": 0},
                "total_bytes": host.total.json(),
            },
        },
        "load": {
            "ram_bytes": host.total.json(),
            "disk_bytes": host.disk.json(),
            "checkpoint_bytes": host.checkpoint_bytes,
        },
        "fit": {
            "verdict": fit.verdict,
            "probability": round(fit.probability, 4),
            "headroom_bytes": fit.headroom_bytes,
            "reason": fit.reason,
        },
        "notes": list(plan.notes),
        "peak_allocated_bytes": plan.peak_allocated.json(),
        "peak_bytes": plan.peak.json(),
        "tokens_per_s": speed.tokens_per_s.json() if speed else None,
        "step_s": speed.step_s.json() if speed else None,
        "mfu": round(speed.mfu, 4) if speed else None,
        "duration_s": job.duration_s.json() if job else None,
        "energy_kwh": job.energy_kwh.json() if job else None,
        "cost": cost_json(job) if job else None,
    }
    notes = gpu_notes(plan.request)
    if notes:
        answer["notes"] = list(notes)
    if derivation:
        answer["derivation"] = [step_json(step) for step in plan.derivation]
    return answer


def cost_json(job: TrainJob) -> dict[str, Any]:
    """What the run costs, each way; a price that nobody knows is null."""
    return {
        "electricity_usd": job.electricity_usd.json(),
        "rent_usd": job.rent_usd.json() if job.rent_usd else None,
        "carbon_kg": job.carbon_kg.json(),
        "watts_at_the_wall": job.watts.json(),
        "prices": {
            name: {"price": quote.sentence, "as_of": quote.as_of, "source": quote.source}
            for name, quote in job.quotes.items()
        },
    }


def train_text(plan: TrainPlan, derivation: bool) -> str:
    """The plan for a terminal: the verdict and a table of the GPUs."""
    model = plan.case.architecture
    lines = [
        (
            f"{plan.case.name}, {count(model.parameters)} parameters, {count(plan.trainable_parameters)} trained"
            f" ({plan.case.task}, {plan.request.method}, {plan.request.precision})"
        ),
        plan.fit.reason,
        *plan.notes,
        "",
        f"{'':24}"
        + "".join(
            f"{name:>12}" for name in ("weights", "gradients", "optimizer", "activation", "overhead", "total", "usable")
        ),
    ]
    for device in plan.devices:
        cells = [*(part.expected for part in device.parts), device.total.expected, device.usable_bytes]
        lines.append(f"{device.name[:22]:24}" + "".join(f"{mem(cell):>12}" for cell in cells))
    if plan.speed:
        lines += [
            "",
            (
                f"{plan.speed.tokens_per_s.expected:,.0f} tokens/s over all GPUs ({plan.speed.tokens_per_s.low:,.0f} to"
                f" {plan.speed.tokens_per_s.high:,.0f})"
            ),
        ]
    if plan.job:
        hours = plan.job.duration_s.expected / 3600
        lines.append(
            f"{plan.job.steps:,} steps in {hours:,.1f} hours, {plan.job.energy_kwh.expected:,.1f} kWh,"
            f" {plan.job.electricity_usd.expected:,.2f} USD of electricity"
        )
    lines += gpu_notes(plan.request)
    if derivation:
        lines += ["", *(f"{step.label}: {step.expression} = {step.result}" for step in plan.derivation)]
    return "\n".join(lines)


def device_json(device: TrainDevice) -> dict[str, Any]:
    """One GPU: parts as they are at its highest moment, and the height of each phase."""
    line = device.timeline
    return {
        "name": device.name,
        "index": device.index,
        "capacity_bytes": device.capacity_bytes,
        "usable_bytes": device.usable_bytes,
        "weights_bytes": device.weights.expected,
        "gradients_bytes": device.gradients.expected,
        "optimizer_bytes": device.optimizer.expected,
        "kv_cache_bytes": 0,
        "state_bytes": 0,
        "activation_bytes": device.activation.json(),
        "overhead_bytes": device.overhead.json(),
        "total_bytes": device.total.json(),
        "phases": {moment.name: moment.total for moment in (line.forward, line.backward, line.step)} if line else {},
    }
