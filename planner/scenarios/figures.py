"""Figures of a plan by name, as a sentence takes them:

`weights` is `42.5 GB`, `decode` is `3.9 (2.3 to 5.9) tokens/s`.
"""

from __future__ import annotations

from collections.abc import Callable

from planner import catalog
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.core.units import count, gb, mem, worded
from planner.economics.electricity import ELECTRICITY, ENERGY
from planner.economics.figure import figure
from planner.economics.purchase import purchase_usd
from planner.engines.registry import engine
from planner.memory.loading import Loading, loading
from planner.performance.timing import tokens_of
from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.scenarios import words

NONE = "–"
"""Stands where a figure has no meaning: the speed of what does not fit."""

DAY_HOURS = 24.0


@worded(maxsize=4_096)
def planned(query: tuple[tuple[str, str], ...]) -> Plan:
    """The plan of a link's parameters."""
    return plan(PlanRequest.from_query(dict(query)))


def shown(one: Plan, name: str) -> str:
    """One figure of a plan as text.

    Raises:
        PlanError: when no figure has this name.
    """
    if name not in FIGURES:
        raise PlanError(f"A scenario asks for the figure {name!r}, which there is none; correct its file.", "scenario")
    return FIGURES[name](one)


def needed_bytes(one: Plan) -> int:
    """All memory that the plan takes: of the GPUs and of the host."""
    return sum(device.total.expected for device in one.memory.devices) + one.memory.host.total.expected


def runs(one: Plan) -> bool:
    return one.fit.verdict != "does_not_fit"


def batch_seconds(one: Plan) -> Estimate:
    """Wall time of one batch, from its prompts to its last token: batch * output_tokens / throughput."""
    speed = one.speed.throughput_tokens_per_s
    tokens = one.request.batch * tokens_of(one.request)[1]
    return Estimate(tokens / speed.high, tokens / speed.expected, tokens / speed.low, speed.steps)


def day_of_the_cards(one: Plan) -> Estimate:
    """Electricity of the GPUs alone for a day at their full power: USD = W * 24 / 1000 * USD/kWh."""
    usd = one.cost.prices.usd_per_kwh
    energy = figure(
        ENERGY,
        "Energy of a day at full power",
        watts=float(sum(gpu.tdp_w or 0 for gpu in one.case.gpus)),
        hours=DAY_HOURS,
        pue=1.0,
    )
    return figure(ELECTRICITY, "Electricity of a day at full power", energy_kwh=energy, usd_per_kwh=usd)


def loading_of(one: Plan) -> Loading:
    return loading(one.memory, one.architecture)


def _parts(*names: str) -> Callable[[Plan], str]:
    return lambda one: mem(sum(getattr(device, name).expected for device in one.memory.devices for name in names))


def _speed(name: str) -> Callable[[Plan], str]:
    return lambda one: words.between(getattr(one.speed, name), "tokens/s") if runs(one) else NONE


def _time(of: Callable[[Plan], Estimate]) -> Callable[[Plan], str]:
    return lambda one: words.duration(of(one)) if runs(one) else NONE


def _usd(of: Callable[[Plan], Estimate | None]) -> Callable[[Plan], str]:
    return lambda one: words.usd(of(one)) if runs(one) else NONE


def _model(one: Plan) -> str:
    known = catalog.models().get(one.case.name)
    return known.title if known else one.case.name


def _cards(one: Plan) -> str:
    return words.cards(one.case.gpus)


def _price(one: Plan) -> str:
    usd, _ = purchase_usd(one.request, one.case.gpus)
    return words.usd(usd)


FIGURES: dict[str, Callable[[Plan], str]] = {
    "model": _model,
    "parameters": lambda one: count(one.architecture.parameters),
    "embedding": lambda one: count(one.architecture.embedding_parameters),
    "format": lambda one: one.memory.weights.format,
    "bits": lambda one: f"{one.memory.weights.bits_per_weight:.2f}",
    "engine": lambda one: engine(one.request.engine).title,
    "cards": _cards,
    "context": lambda one: f"{one.request.context:,} tokens",
    "batch": lambda one: f"{one.request.batch:,}",
    "weights": lambda one: gb(one.memory.weights.file_bytes.expected),
    "needed": lambda one: mem(needed_bytes(one)),
    "usable": lambda one: mem(sum(device.usable_bytes for device in one.memory.devices) or one.case.ram_bytes),
    "capacity": lambda one: mem(sum(device.capacity_bytes for device in one.memory.devices)),
    "weights_gib": _parts("weights"),
    "kv_cache": _parts("kv_cache", "state"),
    "activations": _parts("activation"),
    "overhead": _parts("overhead"),
    "on_gpu": lambda one: mem(sum(device.total.expected for device in one.memory.devices)),
    "in_ram": lambda one: mem(one.memory.host.total.expected),
    "layers": lambda one: (
        f"{one.memory.gpu_layers} of {len(one.architecture.main.layers) + 1} layers"
        if one.memory.gpu_layers is not None
        else "all layers"
    ),
    "verdict": lambda one: one.fit.words,
    "reason": lambda one: one.fit.reason,
    "largest_batch": lambda one: f"{one.capacity.max_batch:,}",
    "largest_context": lambda one: f"{one.capacity.max_context:,}",
    "prefill": _speed("prefill_tokens_per_s"),
    "decode": _speed("decode_tokens_per_s"),
    "decode_each": _speed("decode_tokens_per_s_per_sequence"),
    "batch_time": _time(batch_seconds),
    "first_token": _time(lambda one: one.speed.time_to_first_token_s),
    "price": _price,
    "card_watts": lambda one: f"{sum(gpu.tdp_w or 0 for gpu in one.case.gpus):,.0f} W",
    "usd_per_kwh": lambda one: f"{one.cost.prices.usd_per_kwh.expected:g} USD/kWh",
    "card_day": lambda one: words.usd(day_of_the_cards(one)),
    "work_watts": lambda one: words.between(one.cost.work.kilowatts, "W", 1_000),
    "calls": lambda one: f"{one.job.calls.expected:,.0f} calls",
    "call_time": _time(lambda one: one.cost.work.seconds),
    "job_time": _time(lambda one: one.job.duration_s),
    "job_energy": lambda one: words.between(one.job.bill.energy_kwh, "kWh") if runs(one) else NONE,
    "job_electricity": _usd(lambda one: one.job.bill.electricity_usd),
    "job_own": _usd(lambda one: one.job.bill.own_usd),
    "job_api": lambda one: words.usd(one.job.bill.api_usd),
    "disk": lambda one: gb(loading_of(one).disk_bytes),
    "load_mapped": lambda one: mem(loading_of(one).mapped_bytes),
    "load_shard": lambda one: mem(loading_of(one).shard_bytes),
    "load_whole": lambda one: mem(loading_of(one).whole_bytes),
}
"""Every figure that a scenario may name."""
