"""What a card can run: engines, formats and types by vendor and compute capability, as rows of `data/capabilities.csv`.

A row with outcome `refuses` ends the plan with its reason and what runs instead; `note` says what the engine does in
its place.
Rows read: below / from a CUDA compute capability, `only` these architectures, since a version of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.engines.info import info
from planner.engines.versions import parse_version
from planner.quantization.formats import Scheme


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: for these vendors and formats, on the cards that its limits name."""

    vendors: tuple[str, ...]
    formats: tuple[str, ...]
    below: float | None
    at_least: float | None
    only: tuple[str, ...]
    since: str
    refuses: bool
    reason: str
    instead: tuple[str, ...]

    def concerns(self, gpu: Gpu, format: str, version: str | None) -> bool:
        """Whether it speaks of this card, this format and this version of the engine; without a version, of the
        newest.
        """
        if gpu.vendor not in self.vendors or not {"*", format} & set(self.formats):
            return False
        if self.since and version is not None and parse_version(version) < parse_version(self.since):
            return False
        capability = gpu.cuda if gpu.compute_capability else None
        if self.below is not None and (capability is None or capability >= self.below):
            return False
        if self.at_least is not None and (capability is None or capability < self.at_least):
            return False
        return not (self.only and (not gpu.compute_capability or gpu.compute_capability in self.only))


@cache
def rules(engine: str) -> tuple[Rule, ...]:
    """The rows of an engine, in their order."""
    return tuple(
        Rule(
            tuple(row["vendor"].split()),
            tuple(row["formats"].split()),
            float(row["below"]) if row["below"] else None,
            float(row["from"]) if row["from"] else None,
            tuple(row["only"].split()),
            row["since"],
            row["outcome"] == "refuses",
            row["reason"],
            tuple(row["instead"].split()),
        )
        for row in table("capabilities")
        if row["engine"] == engine
    )


@lru_cache(maxsize=4_096)
def concerning(engine: str, gpu: Gpu, version: str | None) -> tuple[int, ...]:
    """Which rows speak of this card, whatever the format: cards with the same ones are told the same."""
    return tuple(
        index
        for index, rule in enumerate(rules(engine))
        if any(rule.concerns(gpu, format, version) for format in rule.formats)
    )


def verdict(case: Case, scheme: Scheme) -> tuple[str, str]:
    """Why no card of this kind runs the plan however much memory it has, and what happens instead where it does; both
    "" if nothing is to be said.

    A 16-bit type counts as asked for only where the request names it: left to itself an engine takes float16 where
    bfloat16 is missing.
    """
    asked, request = _asked(case, scheme), case.request
    for gpu in dict.fromkeys(case.gpus):
        found = [rule for rule in rules(request.engine) if rule.concerns(gpu, asked, request.engine_version)]
        told = {"gpu": gpu.name, "capability": gpu.compute_capability}
        for rule in found:
            if rule.refuses:
                return f"{rule.reason.format(**told)}. {_instead(case, rule)}", ""
        if found:
            return "", found[0].reason.format(**told) + "."
        if (
            request.quantization.lower() == "auto"
            and asked == ""
            and scheme.rest == "bf16"
            and gpu.cuda is not None
            and gpu.cuda < 8.0
        ):
            return "", f"{gpu.name} has no bfloat16: {info(request.engine).title} falls back to float16."
    return "", ""


def _asked(case: Case, scheme: Scheme) -> str:
    format = scheme.format.asked
    return "" if format == "bf16" and case.request.quantization.lower() == "auto" else format


def _instead(case: Case, rule: Rule) -> str:
    if not rule.instead:
        return "Choose llama.cpp, or another GPU." if case.gpus[0].vendor != "Apple" else "Choose MLX or llama.cpp."
    return f"Use {' or '.join(rule.instead)}."
