"""Buying the GPUs: a market price where `data/gpu_prices.csv` has one, else the launch price; and what an hour of
owning them takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import groupby

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula, total
from planner.economics.figure import figure, given
from planner.economics.prices import Quote, assumptions
from planner.request import Question

PURCHASE = Formula("gpus * usd", "USD")
LOST = Formula("purchase_usd * (1 - resale_fraction)", "USD")
WEAR = Formula(
    "lost_usd / (lifetime_years * 365.25)",
    "USD/day",
    "straight-line depreciation: what the resale does not return, spread evenly over the lifetime",
)


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """What one GPU sells for: `market` (listings) or `launch` (the vendor's price on the first day)."""

    usd: float
    kind: str
    as_of: str
    source: str


@cache
def market() -> dict[str, GpuPrice]:
    """The newest market price of each GPU."""
    rows = sorted(table("gpu_prices"), key=lambda row: row["as_of"])
    return {row["gpu"]: GpuPrice(float(row["usd"]), row["kind"], row["as_of"], row["source"]) for row in rows}


def gpu_price(gpu: Gpu) -> GpuPrice | None:
    """What this GPU sells for, or None where nobody says."""
    if gpu.id in market():
        return market()[gpu.id]
    if gpu.launch_price_usd is None:
        return None
    what = "of the machine with the smallest memory" if gpu.unified else "recalled"
    return GpuPrice(gpu.launch_price_usd, "launch", str(gpu.year), f"launch price, {what}: {gpu.source}")


def purchase_usd(request: Question, gpus: tuple[Gpu, ...]) -> tuple[Estimate | None, Quote]:
    """What the hardware costs: typed in for all of it, or the GPUs alone by their prices; None where one has none."""
    typed = request.purchase_usd
    if typed is not None:
        return given("Purchase", typed, "USD", "as given"), Quote(f"{typed:,.0f} USD for all of it, as you gave it")
    parts, quotes, dates = [], [], []
    for _, group in groupby(sorted(gpus, key=lambda one: one.id), key=lambda one: one.id):
        same = list(group)
        price = gpu_price(same[0])
        if price is None:
            return None, Quote(f"No price is known for the {same[0].name}; type what it costs")
        label = f"Purchase of {len(same)}x {same[0].name}, {price.kind} price of {price.as_of}"
        parts.append(Formula(PURCHASE.expression, PURCHASE.unit, price.source)(label, gpus=len(same), usd=price.usd))
        quotes.append(f"{same[0].name}: {price.usd:,.0f} USD each, {price.kind} price of {price.as_of}")
        dates.append(price)
    if not parts:
        return None, Quote("There is no GPU to buy; type what the machine costs")
    everything = (
        parts if len(parts) == 1 else [*parts, total("Purchase of all GPUs", [step.value for step in parts], "USD")]
    )
    oldest = min(dates, key=lambda one: one.as_of)
    alone = "" if gpus[0].unified else "; the GPUs alone"
    return Estimate.exact(*everything), Quote("; ".join(quotes) + alone, oldest.as_of, oldest.source)


def lost_usd(request: Question, purchase: Estimate) -> Estimate:
    """What the hardware costs after its resale."""
    resale = request.resale_fraction
    known = (
        given("Share returned by resale", resale, "", "as given")
        if resale is not None
        else _assumed("resale_fraction", "Share returned by resale")
    )
    return figure(LOST, "Purchase less resale", purchase_usd=purchase, resale_fraction=known)


def lifetime(request: Question) -> float:
    """Years that the hardware lasts, as given or assumed."""
    return request.lifetime_years or assumptions()["lifetime_years"].number


def wear_per_day(request: Question, lost: Estimate) -> Estimate:
    """What a day of owning costs, used or not."""
    years = request.lifetime_years
    known = (
        given("Lifetime", years, "years", "as given") if years is not None else _assumed("lifetime_years", "Lifetime")
    )
    return figure(WEAR, "Wear of a day", lost_usd=lost, lifetime_years=known)


def _assumed(name: str, label: str) -> Estimate:
    one = assumptions()[name]
    return given(label, one.number, one.unit, one.source)
