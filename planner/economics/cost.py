"""What the machine's work costs: one request's time and energy, and the bill for any number of them.

Every figure of the page is one `Bill`: for a request, for a million output tokens, for a day, for a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.api import ApiPrice, api_price, api_usd
from planner.economics.electricity import CARBON, ELECTRICITY, carbon_per_kwh, price_per_kwh
from planner.economics.figure import figure, given
from planner.economics.machine import host_watts, pue
from planner.economics.prices import Quote, assumptions
from planner.economics.purchase import lifetime, lost_usd, purchase_usd, wear_per_day
from planner.economics.rent import rent_per_hour
from planner.performance.speed import Speed
from planner.request import PlanRequest

SECONDS = Formula("output_tokens / tokens_per_s", "s", "the machine's time for one request while others are in flight")
PREFILL = Formula("prompt_tokens / (prefill_tokens_per_s * replicas)", "s")
DECODE = Formula("output_tokens / decode_tokens_per_s", "s")
MEAN = Formula(
    "(prefill_watts * prefill_s + decode_watts * decode_s) / (prefill_s + decode_s)", "W", "by the shares of the time"
)
WALL = Formula(
    "(gpu_watts + host_watts) * pue / 1000", "kW", "the building adds its share, the power usage effectiveness"
)
IDLE = Formula("idle_kilowatts * (24 - hours_per_day)", "kWh/day", "the rest of the day, when the machine is left on")
TIMES = Formula("requests * of_one", "")
A_DAY = Formula("3600 * hours_per_day / seconds", "requests")
HOURS = Formula("3600 * hours_per_day", "s")
ENERGY = Formula("kilowatts * seconds / 3600", "kWh")
RENT = Formula("usd_per_hour * seconds / 3600", "USD")
SHARE = Formula(
    "usd_per_day * seconds / (3600 * hours_per_day)", "USD", "what a day costs, by the working hours that this takes"
)
OWN = Formula("electricity_usd + standing_usd", "USD", "electricity, wear, and idling between")
STANDING = Formula("wear_usd + idle_kwh * usd_per_kwh", "USD/day", "what a day costs before the first request")
MILLION = Formula("1000000 / output_tokens", "requests")


@dataclass(frozen=True)
class Work:
    """What one request takes of the machine, and what the machine draws meanwhile.

    Attributes:
        seconds: of the machine, while others are in flight; not the time that its user waits.
        prefill_s, decode_s: reading the prompt and writing the answer, as the other two shares of that time.
        gpu_watts: mean of both phases; `kilowatts` is the whole machine's at the wall with the building's share.
        idle_kilowatts: the same with nothing to do.
    """

    prompt_tokens: int
    output_tokens: int
    seconds: Estimate
    prefill_s: Estimate
    decode_s: Estimate
    gpu_watts: Estimate
    host_watts: Estimate
    pue: Estimate
    kilowatts: Estimate
    idle_kilowatts: Estimate


def work(
    speed: Speed, tokens: tuple[int, int], host: Estimate, resting_host: Estimate, building: Estimate, replicas: int = 1
) -> Work:
    """One request's time, and the draw: (prefill W x its time + decode W x its time) / both, plus the host's, times
    PUE.

    Args:
        tokens: prompt and output of one request.
        host: what the machine draws besides its GPUs; `resting_host` the same with nothing to do.
        building: power usage effectiveness.
        replicas: copies of the model that share the requests; prefill speed is one replica's, the others are all
            replicas'.
    """
    prompt, output = tokens
    seconds = figure(
        SECONDS, "Machine time of a request", output_tokens=output, tokens_per_s=speed.throughput_tokens_per_s
    )
    reading = figure(
        PREFILL,
        "of it prefill",
        prompt_tokens=prompt,
        prefill_tokens_per_s=speed.prefill_tokens_per_s,
        replicas=replicas,
    )
    writing = figure(DECODE, "of it decode", output_tokens=output, decode_tokens_per_s=speed.decode_tokens_per_s)
    mean = figure(
        MEAN,
        "GPUs while working",
        prefill_watts=speed.prefill_watts,
        prefill_s=reading,
        decode_watts=speed.decode_watts,
        decode_s=writing,
    )
    wall = figure(WALL, "At the wall while working", gpu_watts=mean, host_watts=host, pue=building)
    idle = figure(
        WALL, "At the wall with nothing to do", gpu_watts=speed.idle_watts, host_watts=resting_host, pue=building
    )
    return Work(prompt, output, seconds, reading, writing, mean, host, building, wall, idle)


@dataclass(frozen=True)
class Prices:
    """What everything costs, each with where the price comes from. None: nobody in the tables sells it."""

    usd_per_kwh: Estimate
    gco2_per_kwh: Estimate
    rent_per_hour: Estimate | None
    purchase: Estimate | None
    lost: Estimate | None
    wear_per_day: Estimate | None
    api: ApiPrice | None
    quotes: dict[str, Quote]


def prices(request: PlanRequest, gpus: tuple[Gpu, ...], model: str) -> Prices:
    """The request's own prices, and the tables' where it gives none.

    Raises:
        PlanError: when the region or the API is not known.
    """
    electricity, electricity_quote = price_per_kwh(request)
    carbon, carbon_quote = carbon_per_kwh(request)
    rent, rent_quote = rent_per_hour(request, gpus)
    purchase, purchase_quote = purchase_usd(request, gpus)
    api, api_quote = api_price(request, model)
    lost = lost_usd(request, purchase) if purchase else None
    quotes = {
        "electricity": electricity_quote,
        "carbon": carbon_quote,
        "rent": rent_quote,
        "purchase": purchase_quote,
        "api": api_quote,
    }
    return Prices(electricity, carbon, rent, purchase, lost, wear_per_day(request, lost) if lost else None, api, quotes)


@dataclass(frozen=True)
class Bill:
    """What some requests cost, each way.

    Attributes:
        electricity_usd: of the work alone; `own_usd` adds wear and idling between, `rent_usd` is instead of both.
    """

    requests: Estimate
    seconds: Estimate
    energy_kwh: Estimate
    electricity_usd: Estimate
    carbon_kg: Estimate
    own_usd: Estimate
    rent_usd: Estimate | None
    api_usd: Estimate | None


@dataclass(frozen=True)
class Cost:
    """The work of a request, the prices, and bills for any number of requests.

    Attributes:
        hours_per_day: that the machine works; `lifetime_years`: that the hardware lasts.
        idle_kwh_per_day: what it draws in the rest of the day, when it is left on.
        standing_per_day: wear and idle electricity of a day.
    """

    work: Work
    prices: Prices
    hours_per_day: float
    lifetime_years: float
    idle_kwh_per_day: Estimate
    standing_per_day: Estimate

    def bill(self, label: str, requests: Estimate | float, seconds: Estimate | None = None) -> Bill:
        """The bill for so many requests, and the machine's time for them where it isn't simply theirs one after
        another.
        """
        count = requests if isinstance(requests, Estimate) else given(f"Requests: {label}", requests, "requests", "")
        busy = seconds or _times(f"Machine time: {label}", "s", count, self.work.seconds)
        energy = figure(ENERGY, f"Energy: {label}", kilowatts=self.work.kilowatts, seconds=busy)
        electricity = figure(
            ELECTRICITY, f"Electricity: {label}", energy_kwh=energy, usd_per_kwh=self.prices.usd_per_kwh
        )
        carbon = figure(CARBON, f"Carbon: {label}", energy_kwh=energy, gco2_per_kwh=self.prices.gco2_per_kwh)
        standing = figure(
            SHARE,
            f"Wear and idling: {label}",
            usd_per_day=self.standing_per_day,
            seconds=busy,
            hours_per_day=self.hours_per_day,
        )
        own = figure(OWN, f"Own machine: {label}", electricity_usd=electricity, standing_usd=standing)
        rent = (
            figure(RENT, f"Rent: {label}", usd_per_hour=self.prices.rent_per_hour, seconds=busy)
            if self.prices.rent_per_hour
            else None
        )
        api = _times(f"API: {label}", "USD", count, self.api_request) if self.api_request else None
        return Bill(count, busy, energy, electricity, carbon, own, rent, api)

    @cached_property
    def api_request(self) -> Estimate | None:
        """The API's bill for one request."""
        return api_usd(self.prices.api, self.work.prompt_tokens, self.work.output_tokens) if self.prices.api else None

    @cached_property
    def request(self) -> Bill:
        return self.bill("one request", 1)

    @cached_property
    def million(self) -> Bill:
        """For a million output tokens, with the prompts that they answer."""
        return self.bill(
            "a million output tokens",
            figure(MILLION, "Requests of a million output tokens", output_tokens=self.work.output_tokens),
        )

    @cached_property
    def day(self) -> Bill:
        """For a day of `hours_per_day` at work: exactly those hours, and as many requests as they hold."""
        fitting = figure(A_DAY, "Requests of a day", hours_per_day=self.hours_per_day, seconds=self.work.seconds)
        return self.bill("a day", fitting, figure(HOURS, "Machine time: a day", hours_per_day=self.hours_per_day))


def cost(
    request: PlanRequest, gpus: tuple[Gpu, ...], model: str, speed: Speed, tokens: tuple[int, int], cpu_busy: bool
) -> Cost:
    """What a plan's work costs.

    Args:
        tokens: of one request, prompt and output.
        cpu_busy: whether the processor computes a part of the model.

    Raises:
        PlanError: when a price, a region or an API is not known, or the machine never works.
    """
    hours = request.hours_per_day if request.hours_per_day is not None else assumptions()["hours_per_day"].number
    if not hours:
        raise PlanError(
            "A machine at work for 0 hours a day answers nothing; give hours_per_day above 0.", "hours_per_day"
        )
    known = prices(request, gpus, model)
    one = work(
        speed,
        tokens,
        host_watts(request, gpus, cpu_busy),
        host_watts(request, gpus, cpu_busy=False),
        pue(request, gpus),
        request.data_parallel or 1,
    )
    idle = figure(IDLE, "Idle energy of a day", idle_kilowatts=one.idle_kilowatts, hours_per_day=hours)
    standing = figure(
        STANDING,
        "Standing cost of a day",
        wear_usd=known.wear_per_day or 0.0,
        idle_kwh=idle,
        usd_per_kwh=known.usd_per_kwh,
    )
    return Cost(one, known, hours, lifetime(request), idle, standing)


def _times(label: str, unit: str, requests: Estimate, of_one: Estimate) -> Estimate:
    return figure(Formula(TIMES.expression, unit), label, requests=requests, of_one=of_one)
