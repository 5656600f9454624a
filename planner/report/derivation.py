"""Every step of a plan as one list, in the order in which the page shows the figures."""

from __future__ import annotations

from planner.architecture.tensors import Architecture
from planner.core.formula import Step, total
from planner.memory import kv_cache
from planner.memory.quantity import COMPONENTS, Memory
from planner.performance.speed import Speed


def steps_of(model: Architecture, memory: Memory) -> tuple[Step, ...]:
    """Parameters, weights, cache per token, then each device's components and total, then the host's."""
    steps = [*parameter_steps(model), *memory.weights.tensor_bytes.steps, *memory.weights.file_bytes.steps]
    per_token = kv_cache.per_token_steps(model)
    if per_token:
        steps += [*per_token, kv_cache.bytes_per_token(model)]
    for device in memory.devices:
        for name in COMPONENTS:
            steps += getattr(device, name).steps
        steps += device.total.steps
    for quantity in (memory.host.weights, memory.host.kv_cache, memory.host.activation, memory.host.total):
        steps += quantity.steps
    if memory.pool:
        steps += memory.pool.bytes.steps
    return tuple(steps)


def speed_steps(speed: Speed) -> tuple[Step, ...]:
    """Speed and power, each step once."""
    figures = (
        speed.decode_tokens_per_s,
        speed.prefill_tokens_per_s,
        speed.time_to_first_token_s,
        speed.throughput_tokens_per_s,
        speed.watts,
    )
    return tuple({id(step): step for figure in figures for step in figure.steps}.values())


def parameter_steps(model: Architecture) -> list[Step]:
    """Parameters stack by stack, and what one token passes through."""
    names = [stack.name for stack in model.loaded]
    return [
        total(f"Parameters: {' + '.join(names)}", [stack.parameters for stack in model.loaded], "parameters"),
        total(f"Active parameters: {' + '.join(names)}", [stack.active for stack in model.loaded], "parameters"),
    ]
