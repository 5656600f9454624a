"""How far predictions of one kind lie from measurements: the ranges, from errors with each device left out of
the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.engines.info import info
from planner.performance.rates import family


@dataclass(frozen=True, slots=True)
class Spread:
    """Factors from the expected value to the 10th and 90th percentile, by figure, and why there are no better ones."""

    by_figure: dict[str, tuple[float, float]]
    extrapolated: str = ""

    def factors(self, figure: str) -> tuple[float, float]:
        return self.by_figure[figure]


def spread_of(engine: str, gpus: Sequence[Gpu | None]) -> Spread:
    """The spread of an engine on these devices: the widest family's, wider where nothing was measured."""
    return _spread(info(engine).kernels, tuple(sorted({family(gpu) for gpu in gpus})))


@lru_cache(maxsize=1_024)
def _spread(engine: str, families: tuple[str, ...]) -> Spread:
    rows = table("calibration/speed_spread")
    found: dict[str, tuple[float, float]] = {}
    missing = ""
    for figure in ("prefill", "decode", "throughput", "watts"):
        low, high = 1.0, 1.0
        for name in families:
            row = next(
                (row for row in rows if (row["figure"], row["engine"], row["family"]) == (figure, engine, name)), None
            )
            if row is None:
                row = next(row for row in rows if (row["figure"], row["engine"], row["family"]) == (figure, "*", "*"))
                if figure == "decode":
                    missing = (
                        f"No measurement of {engine if engine != 'server' else 'a serving engine'} on {name} stands"
                        " behind these figures: extrapolated."
                    )
            low, high = min(low, float(row["low"])), max(high, float(row["high"]))
        found[figure] = (low, high)
    return Spread(found, missing)
