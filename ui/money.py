"""What the cost and job pages ask beside the form's question: the work, and every price with its date and source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import pandas as pd
import streamlit as st

from planner import catalog
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.core.units import duration, significant, usd
from planner.economics import api
from planner.economics.break_even import Payback
from planner.economics.cost import Cost
from planner.economics.electricity import tariff, tariffs
from planner.economics.prices import OLD_DAYS, Quote, age_days, assumptions
from planner.economics.rent import offers
from planner.plan import Plan
from ui.cost_charts import between
from ui.question import page
from ui.question.fields import choice, complain, number
from ui.show.text import plain

FAMILIAR = ("openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "moonshotai", "zai", "cohere")
"""Providers whose own models stand in the list of APIs; any other is typed."""


WIDTH = 168
"""Pixels of a field that stands in a row with others."""

Answered = TypeVar("Answered")


def answered(ask: Callable[[], Answered]) -> tuple[Answered | None, PlanError | None]:
    """The money's answer, or why there is none: a price, region or API that nobody knows."""
    try:
        return ask(), None
    except PlanError as error:
        return None, error


def refuse(error: PlanError, model: str) -> NoReturn:
    """Say what has no answer at its field, and draw that field where the page has not."""
    drawn = st.session_state["places"]
    if error.field == "api" and "api" not in drawn:
        api_choice(model, None)
    if error.field == "region" and "region" not in drawn:
        region(None)
    complain(error.field, str(error))
    page.stop()


def prompt(cost: Cost | None) -> None:
    """Tokens that a request or call brings."""
    shown = f"{cost.work.prompt_tokens:,} assumed" if cost else None
    number("prompt_tokens", "Prompt (tokens)", step=256, placeholder=shown, help="Of one request or call, on average.")


def answer(cost: Cost | None) -> None:
    """Tokens that it gets back."""
    shown = f"{cost.work.output_tokens:,} assumed" if cost else None
    number(
        "output_tokens",
        "Answer (tokens)",
        step=64,
        placeholder=shown,
        help="Written for one request or call, on average.",
    )


def region(_: Cost | None) -> None:
    """Where the electricity comes from."""
    choice(
        "region",
        [one.title for one in tariffs().values()],
        "Electricity of",
        other=True,
        placeholder=f"{tariff(None).name} assumed",
        help="A country or a US state. Households pay taxes with it; industry prices are those of large consumers.",
    )


def hours(_: Cost | None) -> None:
    """Of the machine at work; the rest of the day it idles."""
    assumed = assumptions()["hours_per_day"].number
    number(
        "hours_per_day",
        "Hours at work a day",
        step=1,
        placeholder=f"{assumed:g} assumed",
        help="The rest of the day the machine is left on, idle.",
    )


def asked(plan: Plan) -> None:
    """What runs where, above the conclusion."""
    gpus = " + ".join(
        f"{count}x {name}" if count > 1 else name for name, count in Counter(gpu.name for gpu in plan.case.gpus).items()
    )
    known = catalog.models().get(plan.case.name)
    st.text(
        f"{known.title if known else plan.case.name}, {plan.memory.weights.format}, {plan.request.engine},"
        f" {gpus or 'no GPU'}"
    )


def cautions(plan: Plan) -> None:
    """Why these figures may not hold: a plan that doesn't fit, a speed that nothing measured stands behind."""
    if plan.fit.verdict == "does_not_fit":
        st.warning(
            plain(f"{plan.fit.reason} The figures are those of a machine on which it would fit."),
            icon=":material/cancel:",
        )
    if plan.speed.extrapolated:
        st.caption(plain(plan.speed.extrapolated))


def conclusion(cost: Cost) -> str:
    """A million output tokens, each way."""
    million = cost.million
    ways = [
        f"{usd(million.electricity_usd.expected)} of electricity, {usd(million.own_usd.expected)} with wear and idling"
    ]
    ways += [
        f"{usd(bill.expected)} {where}"
        for bill, where in ((million.rent_usd, "rented"), (million.api_usd, "from an API"))
        if bill
    ]
    return f"A million output tokens cost {'; '.join(ways)}."


def price_fields(cost: Cost, model: str, with_region: bool = False) -> None:
    """Each price: a field that replaces it, and below it what stands in, its date and its source."""
    prices, quotes = cost.prices, cost.prices.quotes
    one, two, three = st.columns(3)
    with one:
        if with_region:
            region(cost)
        number(
            "electricity_usd_per_kwh",
            "Electricity (USD/kWh)",
            step=0.01,
            placeholder=_shown(prices.usd_per_kwh.expected),
        )
        dated(quotes["electricity"])
        number("gco2_per_kwh", "Carbon (g CO2e/kWh)", step=10, placeholder=_shown(prices.gco2_per_kwh.expected))
        dated(quotes["carbon"], price=False)
        number("host_watts", "Machine besides the GPUs (W)", step=10, placeholder=_shown(cost.work.host_watts.expected))
        st.caption(plain(cost.work.host_watts.steps[-1].source))
        number("pue", "Power usage effectiveness", step=0.05, placeholder=_shown(cost.work.pue.expected))
        st.caption("What the building draws over what the machine draws: 1 at home.")
    with two:
        number(
            "rent_usd_per_hour",
            "Rent of all GPUs (USD/h)",
            step=0.1,
            placeholder=_shown(prices.rent_per_hour.expected) if prices.rent_per_hour else "unknown",
        )
        dated(quotes["rent"])
        api_field(cost, model)
    with three:
        number(
            "purchase_usd",
            "Purchase of all of it (USD)",
            step=100,
            placeholder=_shown(prices.purchase.expected) if prices.purchase else "unknown",
        )
        dated(quotes["purchase"])
        number("lifetime_years", "Lifetime (years)", step=0.5, placeholder=_assumed("lifetime_years"))
        number("resale_fraction", "Resale (share of the price)", step=0.05, placeholder=_assumed("resale_fraction"))
        st.caption("Spread evenly over the lifetime, used or not.")


def api_field(cost: Cost, model: str) -> None:
    """The API to compare with, and where its price comes from."""
    api_choice(model, cost.prices.api.id if cost.prices.api else "none serves this model")
    dated(cost.prices.quotes["api"])


def api_choice(model: str, compared: str | None) -> None:
    """Who serves this model first, then the vendors' own models; or two prices."""
    served = [one.id for one in api.same_model(model)]
    others = [id for id in api.ids() if id.split("/", 1)[0] in FAMILIAR and id not in served]
    choice(
        "api",
        [*served, *others],
        other=True,
        placeholder=compared,
        help="Who serves this model stands first. Or type prices in USD for a million tokens in and out, such as 3/15.",
    )


def payback(cost: Cost, back: Payback) -> str:
    """When the purchase is paid, in hours of work and on the calendar."""
    other = {"rent": "renting", "api": "the API"}[back.against]
    if back.hours is None:
        return (
            f"Against {other} the purchase never pays for itself: an hour of the same work costs less there than the"
            " electricity here."
        )
    days, life = back.hours.expected / cost.hours_per_day, cost.lifetime_years * 365.25
    calendar = f", at {cost.hours_per_day:g} h a day after {duration(days * 86_400)}" if cost.hours_per_day < 24 else ""
    late = f": later than its lifetime of {cost.lifetime_years:g} years" if days > life else ""
    return (
        f"Against {other} the purchase, its resale counted, is paid after {duration(back.hours.expected * 3_600)} of"
        f" work ({between(back.hours, lambda hours: duration(hours * 3_600))}){calendar}{late}."
    )


def dated(quote: Quote, price: bool = True) -> None:
    """Where a price comes from; one that is old says so."""
    old = price and quote.old()
    date = f" ({quote.as_of}{f', {age_days(quote.as_of) // 30} months old' if old else ''})" if quote.as_of else ""
    text = plain(f"{quote.sentence}{date}.")
    if old:
        st.caption(
            f":orange[:material/history:] {text}",
            help=f"Older than {OLD_DAYS} days; type today's price above. Source: {plain(quote.source)}",
        )
    else:
        st.caption(text, help=f"Source: {plain(quote.source)}" if quote.source else None)


def _shown(value: float) -> str:
    return significant(value)


def _assumed(name: str) -> str:
    return f"{assumptions()[name].number:g} assumed"


def offers_table(gpus: Sequence[Gpu]) -> None:
    """Who rents these GPUs, at what price, from when."""
    rows = [
        {
            "GPU": gpu.name,
            "Provider": one.provider,
            "Kind": one.kind,
            "USD/h per GPU": one.usd_per_gpu_hour,
            "GPUs together": one.gpus_per_instance,
            "Offer": one.tier,
            "As of": one.as_of,
            "Old": age_days(one.as_of) > OLD_DAYS,
            "Note": one.note,
            "Source": one.source,
        }
        for gpu in {gpu.id: gpu for gpu in gpus}.values()
        for one in offers(gpu.id)
    ]
    _table(
        rows,
        "headroom-rent.csv",
        "Offers to rent these GPUs, cheapest first.",
        "No provider in the table rents these GPUs.",
    )


def api_table(cost: Cost, model: str) -> None:
    """Who serves the same model by the token, with the bill of a million output tokens and their prompts."""
    times = 1e6 / cost.work.output_tokens
    rows = [
        {
            "API": one.title,
            "USD/M in": one.input_usd_per_million,
            "USD/M out": one.output_usd_per_million,
            "USD per million output, prompts included": (
                times * one.usd(cost.work.prompt_tokens, cost.work.output_tokens)
            ),
            "Id": one.id,
            "As of": one.as_of,
            "Source": one.source,
        }
        for one in api.same_model(model)
    ]
    _table(
        rows,
        "headroom-api.csv",
        "APIs that serve this model, cheapest first.",
        "No API in the table serves this model.",
    )


def _table(rows: list[dict[str, Any]], file: str, alt: str, none: str) -> None:
    if not rows:
        st.caption(none)
        return
    frame = pd.DataFrame(rows)
    prices = {name: st.column_config.NumberColumn(format="%.6g") for name in frame.columns if "USD" in name}
    st.dataframe(frame, hide_index=True, alt=alt, column_config=prices, placeholder="")
    st.download_button(
        "Table as CSV", frame.to_csv(index=False), file, "text/csv", icon=":material/download:", on_click="ignore"
    )
