"""Renting the same GPUs: offers by provider with their dates, from `data/cloud_prices.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step, total
from planner.economics.figure import given
from planner.economics.prices import Quote
from planner.request import Question

RENT = Formula("gpus * usd_per_gpu_hour", "USD/h")
KINDS = ("on-demand", "marketplace", "spot")
"""How an offer is sold, the surest first: others are taken only where these are missing."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider's price for one GPU for an hour.

    Attributes:
        gpu: id in the GPU catalogue.
        kind: `on-demand`, `marketplace` (private hosts), `spot` (may be taken away).
        gpus_per_instance: how many come together.
        tier: the provider's own name for the offer.
    """

    gpu: str
    provider: str
    kind: str
    usd_per_gpu_hour: float
    gpus_per_instance: int
    region: str
    tier: str
    as_of: str
    source: str
    note: str


@cache
def offers(gpu: str) -> tuple[Offer, ...]:
    """Every offer for a GPU, the newest of each provider, kind, tier and size; cheapest first."""
    rows = [row for row in table("cloud_prices") if row["gpu"] == gpu]
    found = [
        Offer(
            gpu,
            row["provider"],
            row["kind"],
            float(row["usd_per_gpu_hour"]),
            int(row["gpus_per_instance"]),
            row["region"],
            row["tier"],
            row["as_of"],
            row["source"],
            row["note"],
        )
        for row in rows
    ]
    newest = {
        (one.provider, one.kind, one.tier, one.gpus_per_instance): one
        for one in sorted(found, key=lambda one: (one.as_of, -one.usd_per_gpu_hour))
    }
    return tuple(sorted(newest.values(), key=lambda one: one.usd_per_gpu_hour))


def usual(gpu: str) -> tuple[str, tuple[Offer, ...]]:
    """The kind of offer that a plan counts with, and each provider's newest and cheapest of that kind."""
    for kind in KINDS:
        by_provider: dict[str, list[Offer]] = {}
        for one in offers(gpu):
            if one.kind == kind:
                by_provider.setdefault(one.provider, []).append(one)
        if by_provider:
            return kind, tuple(
                sorted((_newest_cheapest(each) for each in by_provider.values()), key=lambda one: one.usd_per_gpu_hour)
            )
    return "", ()


def _newest_cheapest(each: Sequence[Offer]) -> Offer:
    newest = max(one.as_of for one in each)
    return min((one for one in each if one.as_of == newest), key=lambda one: one.usd_per_gpu_hour)


def rent_per_hour(request: Question, gpus: tuple[Gpu, ...]) -> tuple[Estimate | None, Quote]:
    """USD an hour for all GPUs of the plan: typed in, or the median of the providers, with a tenth of them below low
    and above high.

    Returns None where nobody in the table rents one of the GPUs.
    """
    typed = request.rent_usd_per_hour
    if typed is not None:
        return given("Rent", typed, "USD/h", "as given"), Quote(f"{typed:g} USD an hour for all GPUs, as you gave it")
    if not gpus:
        return None, Quote("There is no GPU to rent; type a price per hour for another machine")
    parts, quotes = [], []
    for gpu, group in groupby(sorted(gpus, key=lambda one: one.id), key=lambda one: one.id):
        same = list(group)
        kind, listed = usual(gpu)
        if not listed:
            return None, Quote(f"No provider in the table rents the {same[0].name}; type a price per hour")
        parts.append(_median(same, kind, listed))
        quotes.append((same[0].name, kind, listed))
    return _added(parts), _quote(quotes)


def _median(gpus: Sequence[Gpu], kind: str, listed: Sequence[Offer]) -> Estimate:
    prices = [one.usd_per_gpu_hour for one in listed]
    source = f"median of {len(listed)} providers, {kind}, {_dates(listed)}"
    step = Formula(RENT.expression, RENT.unit, source)(
        f"Rent of {len(gpus)}x {gpus[0].name}", gpus=len(gpus), usd_per_gpu_hour=quantile(prices, 0.5)
    )
    return Estimate(len(gpus) * quantile(prices, 0.1), float(step.value), len(gpus) * quantile(prices, 0.9), (step,))


def _added(parts: Sequence[Estimate]) -> Estimate:
    if len(parts) == 1:
        return parts[0]
    steps: tuple[Step, ...] = tuple(step for part in parts for step in part.steps)
    step = total("Rent of all GPUs", [part.expected for part in parts], "USD/h")
    return Estimate(
        sum(part.low for part in parts), float(step.value), sum(part.high for part in parts), (*steps, step)
    )


def _quote(quotes: Sequence[tuple[str, str, Sequence[Offer]]]) -> Quote:
    texts = [
        f"{name}: median of {len(listed)} {'provider' if len(listed) == 1 else 'providers'}, {kind}"
        for name, kind, listed in quotes
    ]
    oldest = min(one.as_of for _, _, listed in quotes for one in listed)
    return Quote("; ".join(texts), oldest, "data/cloud_prices.csv, each offer with its own source")


def _dates(listed: Sequence[Offer]) -> str:
    first, last = min(one.as_of for one in listed), max(one.as_of for one in listed)
    return first if first == last else f"{first} to {last}"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of sorted values lies, between neighbours in proportion."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)
