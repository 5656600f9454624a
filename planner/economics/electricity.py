"""Electricity: its price and carbon by country and US state, and energy from power."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from planner.core.data import table
from planner.core.errors import PlanError, did_you_mean
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.figure import figure, given
from planner.economics.prices import Quote, assumptions
from planner.request import Question

ENERGY = Formula(
    "watts * hours / 1000 * pue",
    "kWh",
    "energy is power times time; the facility adds its own share, the power usage effectiveness",
)
ELECTRICITY = Formula("energy_kwh * usd_per_kwh", "USD")
CARBON = Formula("energy_kwh * gco2_per_kwh / 1000", "kg CO2e")


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a kWh costs and emits in one region, for a household or for industry.

    Attributes:
        id: ISO code, of a US state `US-CA`; industrial prices end in `-industry`.
        price_per_kwh: in the local `currency`, taxes included for households.
        confidence: `checked` in its source, or `recalled` from it and then approximate.
    """

    id: str
    name: str
    use: str
    price_per_kwh: float
    currency: str
    usd_per_kwh: float
    confidence: str
    as_of: str
    source: str
    gco2_per_kwh: float
    gco2_as_of: str
    gco2_source: str

    @property
    def title(self) -> str:
        return self.name if self.use == "household" else f"{self.name}, industry"


@cache
def tariffs() -> dict[str, Tariff]:
    """Every region of `data/electricity.csv` by its id."""
    return {
        row["region"]: Tariff(
            row["region"],
            row["name"],
            row["use"],
            float(row["price_per_kwh"]),
            row["currency"],
            float(row["usd_per_kwh"]),
            row["confidence"],
            row["as_of"],
            row["source"],
            float(row["gco2_per_kwh"]),
            row["gco2_as_of"],
            row["gco2_source"],
        )
        for row in table("electricity")
    }


def tariff(region: str | None) -> Tariff:
    """The tariff of a region by its ISO code (`DE`, `US-CA`, `DE-industry`) or name; without one, the assumed region's.

    Raises:
        PlanError: when no region has this name; the nearest are offered.
    """
    if not region:
        return tariffs()[assumptions()["region"].value]
    names = _names()
    found = names.get(region.strip().casefold())
    if found is None:
        raise PlanError(
            "There is no electricity price for"
            f" {region[:60]!r}.{did_you_mean(region, [one.title for one in tariffs().values()])} Choose a country or a"
            " US state, or type a price per kWh.",
            "region",
        )
    return found


@cache
def _names() -> dict[str, Tariff]:
    by_name = {one.title.casefold(): one for one in reversed(tariffs().values())}
    return by_name | {one.id.casefold(): one for one in tariffs().values()}


def price_per_kwh(request: Question) -> tuple[Estimate, Quote]:
    """USD per kWh: typed in, or the region's."""
    typed = request.electricity_usd_per_kwh
    if typed is not None:
        return given("Electricity price", typed, "USD/kWh", "as given"), Quote(f"{typed:g} USD per kWh, as you gave it")
    region = tariff(request.region)
    local = f" ({region.price_per_kwh:g} {region.currency})" if region.currency != "USD" else ""
    about = "about " if region.confidence == "recalled" else ""
    chosen = "" if request.region else "; choose your region"
    quote = Quote(
        f"{region.title}: {about}{region.usd_per_kwh:g} USD{local} per kWh{chosen}", region.as_of, region.source
    )
    return (
        given(f"Electricity price, {region.title}, {region.as_of}", region.usd_per_kwh, "USD/kWh", region.source),
        quote,
    )


def carbon_per_kwh(request: Question) -> tuple[Estimate, Quote]:
    """Grams of CO2 equivalent per kWh: typed in, or the region's yearly mean."""
    typed = request.gco2_per_kwh
    if typed is not None:
        return given("Carbon intensity", typed, "g CO2e/kWh", "as given"), Quote(
            f"{typed:g} g CO2e per kWh, as you gave it"
        )
    region = tariff(request.region)
    quote = Quote(
        f"{region.name}: {region.gco2_per_kwh:g} g CO2e per kWh, mean of {region.gco2_as_of}",
        region.gco2_as_of,
        region.gco2_source,
    )
    return (
        given(
            f"Carbon intensity, {region.name}, {region.gco2_as_of}",
            region.gco2_per_kwh,
            "g CO2e/kWh",
            region.gco2_source,
        ),
        quote,
    )


def electricity_usd(
    watts: Estimate | float, hours: Estimate | float, usd_per_kwh: Estimate | float, pue: float = 1
) -> Estimate:
    """What a constant draw costs: watts x hours / 1000 x PUE x price; 450 W for 24 h at 0.12 USD/kWh is 1.296 USD."""
    energy = figure(ENERGY, "Energy", watts=watts, hours=hours, pue=pue)
    return figure(ELECTRICITY, "Electricity", energy_kwh=energy, usd_per_kwh=usd_per_kwh)
