"""Prices with their date and source, and what is assumed where nobody gave one (`data/economics.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from planner.core.data import table

OLD_DAYS = 180
"""Prices older than this are marked."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Where a price comes from: one sentence for the page, the day or month it was true, and its source.

    `as_of` is empty for what the reader typed in: it is as new as the reader says.
    """

    sentence: str
    as_of: str = ""
    source: str = ""

    def old(self, today: date | None = None) -> bool:
        return bool(self.as_of) and age_days(self.as_of, today) > OLD_DAYS


def age_days(as_of: str, today: date | None = None) -> int:
    """Days since a date such as `2026-08-21`, `2026-07` or `2026`; of a month or year, since its first day."""
    year, month, day, *_ = (*(int(part) for part in as_of.split("-")), 1, 1)
    return ((today or date.today()) - date(year, month, day)).days


@dataclass(frozen=True, slots=True)
class Assumption:
    """A value that stands in where the request gives none."""

    value: str
    unit: str
    source: str

    @property
    def number(self) -> float:
        return float(self.value)


@cache
def assumptions() -> dict[str, Assumption]:
    return {row["name"]: Assumption(row["value"], row["unit"], row["source"]) for row in table("economics")}
