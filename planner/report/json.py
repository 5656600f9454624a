"""The answer as JSON: the contract that people script against."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from planner.architecture.tensors import Architecture
from planner.catalog.gpu_names import all_said
from planner.catalog.taken import LITERALLY, Taken
from planner.core.formula import Step
from planner.economics.answer import cost_json, job_json, money_steps
from planner.load import Load
from planner.memory import kv_cache
from planner.memory.quantity import COMPONENTS, DeviceMemory
from planner.performance.speed import Speed
from planner.plan import Plan
from planner.request import Question

if TYPE_CHECKING:
    from planner.searches.ways_out import WayOut

SPEEDS = (
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
    "decode_tokens_per_s_per_sequence",
    "throughput_tokens_per_s",
    "time_to_first_token_s",
    "idle_time_to_first_token_s",
    "time_per_output_token_s",
)


def plan_json(plan: Plan, derivation: bool = False, advice: bool = True) -> dict[str, Any]:
    """A `Plan` in the contract's shape; a range is `{low, expected, high}`, an exact figure a plain number."""
    memory, fit, capacity = plan.memory, plan.fit, plan.capacity
    answer: dict[str, Any] = {
        "model": model_json(plan.case.name, plan.architecture, plan.case.taken),
        "weights": {
            "format": memory.weights.format,
            "tensor_bytes": memory.weights.tensor_bytes.expected,
            "file_bytes": memory.weights.file_bytes.json(),
            "bits_per_weight": round(memory.weights.bits_per_weight, 4),
        },
        "memory": {
            "devices": [device_json(device) for device in memory.devices],
            "host": {
                "weights_bytes": memory.host.weights.expected,
                "kv_cache_bytes": memory.host.kv_cache.expected,
                "activation_bytes": memory.host.activation.json(),
                "total_bytes": memory.host.total.json(),
            },
        },
        "load": load_json(plan.load),
        "fit": {
            "verdict": fit.verdict,
            "probability": round(fit.probability, 4),
            "headroom_bytes": fit.headroom_bytes,
            "held": fit.held,
            "reason": fit.reason,
            "advice": [way_json(way) for way in plan.advice] if advice else [],
        },
        "capacity": {
            "kv_cache_bytes": memory.pool.bytes.json() if memory.pool else capacity.kv_cache_bytes,
            "kv_cache_tokens": memory.pool.token_range.json() if memory.pool else capacity.kv_cache_tokens,
            "max_context": capacity.max_context,
            "max_batch": capacity.max_batch,
        },
    }
    speed = plan.speed
    answer["speed"] = speed_json(speed)
    answer["power"] = {"watts": speed.watts.json(), "joules_per_output_token": speed.joules_per_output_token.json()}
    answer["cost"] = cost_json(plan.cost)
    answer["job"] = job_json(plan.job)
    if memory.gpu_layers is not None:
        answer["memory"].update(memory.split_held)
    notes = gpu_notes(plan.request)
    if notes:
        answer["notes"] = list(notes)
    if derivation:
        answer["derivation"] = [step_json(step) for step in (*plan.derivation, *money_steps(plan.cost, plan.job))]
    return answer


def way_json(way: WayOut) -> dict[str, Any]:
    """A way out: what to change, what the verdict then is, and what it does to quality, speed and money."""
    return {
        "title": way.title, "change": way.change, "verdict": way.verdict, "reason": way.reason, "quality": way.quality,
        "decode_tokens_per_s_per_sequence": way.tokens_per_s, "price_usd": way.price_usd,
    }  # fmt: skip


def gpu_notes(request: Question) -> tuple[str, ...]:
    """What the names of the request's GPUs leave open, and which card was taken."""
    return all_said((spec.name, spec.memory_mib) for spec in request.gpus)


def model_json(name: str, architecture: Architecture, taken: Taken = LITERALLY) -> dict[str, Any]:
    """The architecture alone: names, counts, and the cache of one token in 16 bit; with what its name was taken for."""
    answer: dict[str, Any] = {
        "name": name,
        "architecture": architecture.architecture,
        "model_type": architecture.model_type,
        "exact": architecture.exact,
        "parameters": {
            "total": architecture.parameters,
            "active": architecture.active,
            "embedding": architecture.embedding_parameters,
            "mtp": architecture.mtp_parameters,
        },
        "kv_bytes_per_token": kv_cache.bytes_per_token(architecture).value,
    }
    told = taken.json()
    if architecture.note:
        told["note"] = f"{told.get('note', '')} {architecture.note}".strip()
    return answer | told


def load_json(load: Load) -> dict[str, Any]:
    """Disk, download, memory and time to load."""
    return {
        "ram_bytes": load.ram.json(),
        "disk_bytes": load.disk.json(),
        "download_s": load.download.json(),
        "load_s": load.load.json(),
    }


def speed_json(speed: Speed) -> dict[str, Any]:
    """The figures of `Speed`, what bounds decoding, and why they are extrapolated where they are."""
    figures = {name: getattr(speed, name).json() for name in SPEEDS}
    return {
        **figures,
        "assumes": asdict(speed.assumes),
        "limit": speed.limit,
        **({"extrapolated": speed.extrapolated} if speed.extrapolated else {}),
    }


def device_json(device: DeviceMemory) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for name in COMPONENTS:
        quantity = getattr(device, name)
        sizes[f"{name}_bytes"] = quantity.json() if name in ("activation", "overhead") else quantity.expected
    return {
        "name": device.name,
        "index": device.index,
        "capacity_bytes": device.capacity_bytes,
        "usable_bytes": device.usable_bytes,
        **sizes,
        "total_bytes": device.total.json(),
    }


def step_json(step: Step) -> dict[str, Any]:
    return {
        "label": step.label,
        "expression": step.expression,
        "value": step.value,
        "unit": step.unit,
        "source": step.source,
    }
