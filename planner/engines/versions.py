"""Calibrations by engine version: the newest row that is not newer than the version asked for."""

from __future__ import annotations

import re
from functools import cache

from planner.core.data import table
from planner.core.errors import PlanError

Version = tuple[int, ...]


def parse_version(text: str) -> Version:
    """`v0.19.0`, `0.19.0rc1` or `0.19` as numbers that compare.

    Raises:
        PlanError: when it does not begin with a number.
    """
    found = re.match(r"v?(\d{1,6}(?:\.\d{1,6}){0,3})", text.strip())
    if not found:
        raise PlanError(
            f"The engine version {text[:20]!r} is not a version such as 0.19.0; correct it or leave it out.",
            "engine_version",
        )
    return tuple(int(part) for part in found[1].split("."))


@cache
def calibration(engine: str, version: str | None) -> dict[str, str]:
    """The row of `data/calibration/<engine>.csv` for a version; without one the newest, before the first the first."""
    rows = table(f"calibration/{engine}")
    if version is None:
        return rows[-1]
    wanted = parse_version(version)
    return next((row for row in reversed(rows) if parse_version(row["since"]) <= wanted), rows[0])
