"""Every step of a plan as one list, in the order in which the page shows the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.formula import Step, total
from planner.memory import kv_cache
from planner.memory.quantity import COMPONENTS

if TYPE_CHECKING:
    from planner.plan import Plan


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """Parameters, weights, cache per token, then each device's components and total, then the host's."""
    steps = [*parameter_steps(plan), *plan.memory.weights.tensor_bytes.steps, *plan.memory.weights.file_bytes.steps]
    per_token = kv_cache.per_token_steps(plan.architecture)
    if per_token:
        steps += [*per_token, kv_cache.bytes_per_token(plan.architecture)]
    for device in plan.memory.devices:
        for name in COMPONENTS:
            steps += getattr(device, name).steps
        steps += device.total.steps
    for quantity in (plan.memory.host.weights, plan.memory.host.kv_cache, plan.memory.host.activation, plan.memory.host.total):
        steps += quantity.steps
    if plan.memory.pool:
        steps += plan.memory.pool.bytes.steps
    return tuple(steps)


def parameter_steps(plan: Plan) -> list[Step]:
    """Parameters stack by stack, and what one token passes through."""
    model = plan.architecture
    names = [stack.name for stack in model.loaded]
    return [
        total(f"Parameters: {' + '.join(names)}", [stack.parameters for stack in model.loaded], "parameters"),
        total(f"Active parameters: {' + '.join(names)}", [stack.active for stack in model.loaded], "parameters"),
    ]
