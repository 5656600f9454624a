"""Tables of plans: rows and columns are parts of a request, a cell is a text with figures of the plan that they make
together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.core.errors import PlanError
from planner.request import PlanRequest
from planner.scenarios import figures, train_figures
from planner.training.request import TrainRequest

PLACE = re.compile(r"\{(\w+)\}")
NO_CARD = "none of these"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell, and the request behind it;

    None where no plan is. `whole` says that the GPUs hold all that is asked.
    """

    text: str
    verdict: str = ""
    request: PlanRequest | TrainRequest | None = None
    whole: bool = False


@dataclass(frozen=True)
class Table:
    """A filled table; the first column names the rows."""

    title: str
    note: str
    head: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def filled(raw: Mapping[str, Any]) -> Table:
    """A table of a scenario with every cell planned.

    `base` holds what all cells share; each row and each column has a `name` and fields of the request, a column also
    what it shows; a table of `kind` train asks about training runs. A column with `smallest` shows the first of these
    GPUs on which the row's plan fits.
    """
    base, columns, train = dict(raw.get("base", {})), raw["columns"], raw.get("kind") == "train"
    rows = []
    for row in raw["rows"]:
        cells = []
        for column in columns:
            fields = {
                key: value
                for part in (base, row, column)
                for key, value in part.items()
                if key not in ("name", "show", "smallest")
            }
            show = row.get("show") or column.get("show") or raw["show"]
            cells.append(
                _smallest(fields, column["smallest"], show, train)
                if "smallest" in column
                else _cell(fields, show, train)
            )
        rows.append((row["name"], tuple(cells)))
    return Table(
        raw["title"], raw.get("note", ""), raw.get("head", ""), tuple(column["name"] for column in columns), tuple(rows)
    )


def _cell(fields: Mapping[str, Any], show: str, train: bool) -> Cell:
    try:
        if train:
            run = TrainRequest.read(fields)
            trained = train_figures.trained(tuple(run.to_query().items()))
            return Cell(
                PLACE.sub(lambda place: train_figures.shown(trained, place[1]), show),
                trained.fit.verdict,
                run,
                trained.fit.on_gpus,
            )
        request = PlanRequest.read(fields)
        planned = figures.planned(tuple(request.to_query().items()))
        return Cell(
            PLACE.sub(lambda place: figures.shown(planned, place[1]), show),
            planned.fit.verdict,
            request,
            planned.fit.on_gpus,
        )
    except PlanError as error:
        return Cell(str(error).split(";")[0].split(". ")[0].rstrip("."), "refused")


def _smallest(fields: Mapping[str, Any], cards: Sequence[str], show: str, train: bool) -> Cell:
    """The first card that holds it whole; they are given from small to large."""
    cells = (_cell({**fields, "gpus": card}, show, train) for card in cards)
    return next((cell for cell in cells if cell.whole), Cell(NO_CARD))
