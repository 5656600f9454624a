"""The machine's own memory and processor, where some of the model runs on them."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case import Case
from planner.core.data import table

DEFAULT = "ddr5-5600-2"


@dataclass(frozen=True, slots=True)
class Host:
    """A platform: its memory's bandwidth by channels and clock, and the matrix rate that its processor sustains."""

    name: str
    gb_per_s: float
    tflops: float
    assumed: bool


def host_of(case: Case) -> Host:
    """The platform that the request describes: by its bandwidth, by its processor's name, or the commonest desktop."""
    system, rows = case.request.system, table("host_memory")
    cpu = (system.cpu or "").lower()
    named = (
        next((row for row in rows if any(alias in cpu for alias in row["aliases"].split(";"))), None) if cpu else None
    )
    row = named or next(row for row in rows if row["id"] == DEFAULT)
    if system.ram_gb_per_s:
        nearest = named or min(rows, key=lambda other: abs(float(other["gb_per_s"]) - (system.ram_gb_per_s or 0)))
        return Host(system.cpu or "Host memory as given", system.ram_gb_per_s, float(nearest["tflops"]), False)
    return Host(row["name"], float(row["gb_per_s"]), float(row["tflops"]), named is None)
