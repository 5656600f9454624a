"""Scenarios from their files: what is asked, what is claimed, which plans answer, and which tables stand below."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from planner.core.data import FOLDER
from planner.core.errors import PlanError, did_you_mean
from planner.plan import Plan
from planner.request import PlanRequest
from planner.scenarios import figures, train_figures
from planner.training.plan import TrainPlan
from planner.training.request import TrainRequest

PLACE = re.compile(r"\{(\w+)\.(\w+)\}")


@dataclass(frozen=True)
class Claim:
    """What a guide says, what the planner finds (a sentence with figures), and why they differ."""

    says: str
    finds: str
    why: str


@dataclass(frozen=True)
class Accuracy:
    """How good an answer is said to be: a claim with its source, never computed."""

    says: str
    source: str


@dataclass(frozen=True)
class Scenario:
    """One question with its answer.

    Attributes:
        id: its file's name.
        title, question, rule: in words; `rule` is the usual rule of thumb.
        answer, why: paragraphs with figures in braces.
        plans: requests by name, in the order of the page, each with its title; training runs among them.
        tables: as the file has them, for `tables.filled`.
        links: other pages that help, each with its path, title and query.
    """

    id: str
    title: str
    icon: str
    question: str
    rule: str
    answer: str
    why: tuple[str, ...]
    claims: tuple[Claim, ...]
    accuracy: tuple[Accuracy, ...]
    plans: dict[str, tuple[str, PlanRequest | TrainRequest]]
    tables: tuple[dict[str, Any], ...]
    links: tuple[dict[str, Any], ...] = ()

    def plan(self, name: str) -> Plan:
        """The plan of this name."""
        return figures.planned(tuple(self.plans[name][1].to_query().items()))

    def train(self, name: str) -> TrainPlan:
        """The training run of this name."""
        return train_figures.trained(tuple(self.plans[name][1].to_query().items()))

    def figure(self, name: str, figure: str) -> str:
        """One figure of a plan or a training run as text."""
        if isinstance(self.plans[name][1], TrainRequest):
            return train_figures.shown(self.train(name), figure)
        return figures.shown(self.plan(name), figure)

    def text(self, words: str, before: str = "", after: str = "") -> str:
        """A paragraph with its figures computed and filled in, each between two marks if wanted."""
        return PLACE.sub(lambda place: f"{before}{self.figure(place[1], place[2])}{after}", words)

    def texts(self) -> Iterator[str]:
        """Every sentence of the file that may hold figures."""
        yield self.answer
        yield from self.why
        for claim in self.claims:
            yield from (claim.finds, claim.why)


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by id, in their own order."""
    files = sorted((FOLDER / "scenarios").glob("*.toml"))
    raw = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}
    return {name: _read(name, fields) for name, fields in sorted(raw.items(), key=lambda item: item[1]["order"])}


def scenario(id: str) -> Scenario:
    """One scenario.

    Raises:
        PlanError: when there is none with this id.
    """
    if id not in scenarios():
        raise PlanError(
            f"There is no scenario {id[:60]!r}.{did_you_mean(id, scenarios())} Choose one of the {len(scenarios())}"
            " below.",
            "scenario",
        )
    return scenarios()[id]


def _read(name: str, fields: dict[str, Any]) -> Scenario:
    base = fields.get("base", {})
    plans: dict[str, tuple[str, PlanRequest | TrainRequest]] = {}
    for kind, kept in ((PlanRequest, "plans"), (TrainRequest, "trains")):
        for key, own in fields.get(kept, {}).items():
            request = {
                field: value
                for field, value in {**base, **own}.items()
                if field != "title" and (field in own or field in kind.model_fields)
            }
            plans[key] = (own["title"], kind.read(request))
    return Scenario(
        id=name,
        title=fields["title"],
        icon=fields["icon"],
        question=fields["question"],
        rule=fields["rule"],
        answer=fields["answer"],
        why=tuple(fields["why"]),
        claims=tuple(Claim(**row) for row in fields["claims"]),
        accuracy=tuple(Accuracy(**row) for row in fields.get("accuracy", ())),
        plans=plans,
        tables=tuple(fields["tables"]),
        links=tuple(fields.get("links", ())),
    )
