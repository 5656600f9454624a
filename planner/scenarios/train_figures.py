"""Figures of a training run by name, as a sentence takes them; the twin of `figures` for `TrainPlan`."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from planner import catalog
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.core.units import count, mem, worded
from planner.dataset.lengths import USED
from planner.economics.purchase import purchase_usd
from planner.scenarios import words
from planner.training.plan import TrainPlan, train
from planner.training.request import TrainRequest

NONE = "–"
METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA", "dora": "DoRA"}


@worded(maxsize=2_048)
def trained(query: tuple[tuple[str, str], ...]) -> TrainPlan:
    """The training run of a link's parameters."""
    return train(TrainRequest.from_query(dict(query)))


def shown(one: TrainPlan, name: str) -> str:
    """One figure of a training run as text.

    Raises:
        PlanError: when no figure has this name.
    """
    if name not in FIGURES:
        raise PlanError(
            f"A scenario asks for the figure {name!r} of a training run, which there is none; correct its file.",
            "scenario",
        )
    return FIGURES[name](one)


def epoch_seconds(one: TrainPlan) -> Estimate | None:
    """Time of an epoch: the run's duration / epochs; None without samples or a GPU."""
    if one.job is None:
        return None
    run, epochs = one.job.duration_s, one.request.epochs
    return Estimate(run.low / epochs, run.expected / epochs, run.high / epochs, run.steps)


def _steps(one: TrainPlan) -> str:
    return f"{ceil(one.steps / one.request.epochs):,}" if one.steps else NONE


def _part(name: str) -> Callable[[TrainPlan], str]:
    return lambda one: mem(getattr(one.fullest, name).expected) if one.fullest else NONE


def _time(times: Callable[[TrainPlan], float]) -> Callable[[TrainPlan], str]:
    def text(one: TrainPlan) -> str:
        seconds = epoch_seconds(one)
        if seconds is None or one.fit.verdict == "does_not_fit":
            return NONE
        factor = times(one)
        return words.duration(Estimate(seconds.low * factor, seconds.expected * factor, seconds.high * factor))

    return text


def _states(one: TrainPlan) -> str:
    """Weights, gradients and optimizer together, on the fullest GPU."""
    held = one.fullest
    return mem(held.weights.expected + held.gradients.expected + held.optimizer.expected) if held else NONE


def _used(one: TrainPlan) -> str:
    request = one.request
    step = USED(
        "Used",
        tokens=(request.samples or 1) * (request.tokens_per_sample or request.seq_len),
        samples=request.samples or 1,
        seq_len=request.seq_len,
    )
    return f"{step.value:.0%}"


def _model(one: TrainPlan) -> str:
    known = catalog.models().get(one.case.name)
    return known.title if known else one.case.name


def _cards(one: TrainPlan) -> str:
    return words.cards(one.case.gpus)


FIGURES: dict[str, Callable[[TrainPlan], str]] = {
    "model": _model,
    "parameters": lambda one: count(one.case.architecture.parameters),
    "method": lambda one: METHODS[one.request.method],
    "cards": _cards,
    "trainable": lambda one: count(one.trainable_parameters),
    "trainable_share": lambda one: f"{one.trainable_parameters / one.case.architecture.parameters:.2%}",
    "verdict": lambda one: one.fit.words,
    "reason": lambda one: one.fit.reason,
    "peak": lambda one: mem(one.peak.expected),
    "allocated": lambda one: mem(one.peak_allocated.expected),
    "usable": lambda one: mem(one.fullest.usable_bytes) if one.fullest else NONE,
    "weights": _part("weights"),
    "gradients": _part("gradients"),
    "optimizer": _part("optimizer"),
    "activations": _part("activation"),
    "overhead": _part("overhead"),
    "states": _states,
    "speed": lambda one: (
        words.between(one.speed.tokens_per_s, "tokens/s") if one.speed and one.fit.verdict != "does_not_fit" else NONE
    ),
    "epoch_time": _time(lambda one: 1.0),
    "run_time": _time(lambda one: one.request.epochs),
    "steps": _steps,
    "all_steps": lambda one: f"{one.steps:,}" if one.steps else NONE,
    "electricity": lambda one: (
        words.usd(one.job.electricity_usd) if one.job and one.fit.verdict != "does_not_fit" else NONE
    ),
    "rent": lambda one: words.usd(one.job.rent_usd) if one.job and one.fit.verdict != "does_not_fit" else NONE,
    "length": lambda one: f"{one.request.seq_len:,} tokens",
    "samples": lambda one: f"{one.request.samples or 0:,}",
    "used": _used,
    "epoch_tokens": lambda one: count((one.request.samples or 0) * (one.request.tokens_per_sample or 0)),
    "price": lambda one: words.usd(purchase_usd(one.request, one.case.gpus)[0]),
}
"""Every figure of a training run that a scenario may name."""
