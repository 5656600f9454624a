"""The answer about training as JSON: the contract's `train` object."""

from __future__ import annotations

from typing import Any

from planner.answer import model_json, step_json
from planner.training.memory import TrainDevice
from planner.training.plan import TrainPlan
from planner.units import count, gib


def train_json(plan: TrainPlan, derivation: bool = False) -> dict[str, Any]:
    """A `TrainPlan` in the contract's shape."""
    fit = plan.fit
    answer: dict[str, Any] = {
        "model": model_json(plan.case.name, plan.case.architecture),
        "fit": {"verdict": fit.verdict, "probability": round(fit.probability, 4), "headroom_bytes": fit.headroom_bytes, "reason": fit.reason},
        "trainable_parameters": plan.trainable_parameters,
        "memory": {"devices": [device_json(device) for device in plan.devices]},
        "peak_allocated_bytes": plan.peak_allocated.json(),
        "peak_bytes": plan.peak.json(),
    }
    if plan.speed is not None:
        answer["tokens_per_s"] = plan.speed.tokens_per_s.json()
    if derivation:
        answer["derivation"] = [step_json(step) for step in plan.derivation]
    return answer


def train_text(plan: TrainPlan, derivation: bool) -> str:
    """The plan for a terminal: the verdict and a table of the GPUs."""
    model = plan.case.architecture
    lines = [
        f"{plan.case.name}, {count(model.parameters)} parameters, {count(plan.trainable_parameters)} trained ({plan.request.method}, {plan.request.precision})",
        plan.fit.reason,
        "",
        f"{'':24}" + "".join(f"{name:>12}" for name in ("weights", "gradients", "optimizer", "activation", "overhead", "total", "usable")),
    ]
    for device in plan.devices:
        cells = [*(part.expected for part in device.parts), device.total.expected, device.usable_bytes]
        lines.append(f"{device.name[:22]:24}" + "".join(f"{gib(cell):>12}" for cell in cells))
    if derivation:
        lines += ["", *(f"{step.label}: {step.expression} = {step.value:,} {step.unit}" for step in plan.derivation)]
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
