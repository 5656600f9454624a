"""Prices: every row of the tables, how old is old, and what stands in where nobody gave one."""

from datetime import date

import pytest
from by_hand import request

from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import by_id
from planner.core.data import table
from planner.core.errors import PlanError
from planner.economics import api
from planner.economics.electricity import carbon_per_kwh, price_per_kwh, tariff, tariffs
from planner.economics.machine import host_watts, machine, pue
from planner.economics.prices import OLD_DAYS, Quote, age_days
from planner.economics.purchase import gpu_price, market, purchase_usd
from planner.economics.rent import offers, quantile, rent_per_hour, usual


@pytest.mark.parametrize(
    "name", ["electricity", "cloud_prices", "gpu_prices", "machines", "economics", "schedules", "gpu_rest"]
)
def test_every_row_has_a_date_and_a_source(name: str) -> None:
    for row in table(name):
        assert row["source"], row
        assert 0 <= age_days(row["as_of"], date(2026, 12, 31)) < 3_000, row


def test_every_price_is_a_price() -> None:
    assert all(0.01 <= one.usd_per_kwh <= 1 and 5 <= one.gco2_per_kwh <= 1_000 for one in tariffs().values())
    assert all(0.01 <= float(row["usd_per_gpu_hour"]) <= 20 and row["gpu"] in by_id() for row in table("cloud_prices"))
    assert all(50 <= one.usd <= 100_000 and gpu in by_id() for gpu, one in market().items())


def test_old_is_older_than_half_a_year() -> None:
    assert age_days("2026-08-21", date(2026, 11, 24)) == 95
    assert age_days("2026-07", date(2026, 7, 31)) == 30
    assert age_days("2026", date(2026, 12, 31)) == 364
    assert Quote("x", "2026-01-01").old(date(2026, 7, 1)) is (age_days("2026-01-01", date(2026, 7, 1)) > OLD_DAYS)
    assert not Quote("x", "2026-01-01").old(date(2026, 6, 30))
    assert not Quote("as given").old()


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("DE", "DE"),
        ("germany", "DE"),
        ("US-CA", "US-CA"),
        ("California", "US-CA"),
        ("DE-industry", "DE-industry"),
        (None, "US"),
    ],
)
def test_a_region_by_any_of_its_names(name: str | None, id: str) -> None:
    assert tariff(name).id == id


def test_electricity_by_region_or_typed_in() -> None:
    table_price, quote = price_per_kwh(request(electricity_usd_per_kwh=None, region="DE"))
    assert table_price.expected == pytest.approx(0.4192)
    assert "EUR" in quote.sentence
    assert quote.as_of == "2025-06"
    assert price_per_kwh(request(region="DE"))[0].expected == 0.12
    assert carbon_per_kwh(request(gco2_per_kwh=None, region="FR"))[0].expected == pytest.approx(44.18)
    with pytest.raises(PlanError, match="Did you mean Germany"):
        tariff("Germny")


def test_rent_is_the_median_of_providers() -> None:
    assert quantile([1, 2, 4], 0.5) == 2
    assert quantile([1, 3], 0.1) == pytest.approx(1.2)
    kind, listed = usual("rtx-4090")
    assert kind == "on-demand"
    assert len({one.provider for one in listed}) == len(listed) >= 4
    rent, quote = rent_per_hour(request(rent_usd_per_hour=None), (resolve("rtx-4090"),) * 2)
    assert rent is not None
    assert 0.4 < rent.low <= rent.expected <= rent.high < 2
    assert f"{len(listed)} providers" in quote.sentence
    assert rent_per_hour(request(rent_usd_per_hour=None), ())[0] is None
    assert rent_per_hour(request(rent_usd_per_hour=None), (resolve("Apple M2 Ultra"),))[0] is None
    assert rent_per_hour(request(), ())[0] is not None


def test_different_gpus_are_rented_together() -> None:
    both, one, other = (
        rent_per_hour(request(rent_usd_per_hour=None), tuple(map(resolve, names)))[0]
        for names in (["L4", "H100"], ["L4"], ["H100"])
    )
    assert both
    assert one
    assert other
    assert both.expected == pytest.approx(one.expected + other.expected)
    assert [offer.usd_per_gpu_hour for offer in offers("l4")] == sorted(
        offer.usd_per_gpu_hour for offer in offers("l4")
    )


def test_a_card_at_its_market_price_or_its_first() -> None:
    market_price, launch = gpu_price(resolve("rtx-4090")), gpu_price(resolve("rtx-a6000"))
    assert market_price is not None
    assert (market_price.usd, market_price.kind) == (2470, "market")
    assert launch is not None
    assert (launch.usd, launch.kind) == (4649, "launch")
    two, quote = purchase_usd(request(purchase_usd=None), (resolve("rtx-4090"),) * 2)
    assert two is not None
    assert two.expected == 4940
    assert "alone" in quote.sentence
    assert purchase_usd(request(purchase_usd=None), (resolve("A10G"),))[0] is None


def test_the_machine_around_the_gpus() -> None:
    desktop, server, apple = ((resolve(name),) for name in ("rtx-4090", "H100 SXM", "Apple M2 Ultra"))
    assert [machine(gpus).kind for gpus in (desktop, server, apple, ())] == ["desktop", "server", "unified", "desktop"]
    unknown = request(host_watts=None, pue=None)
    assert host_watts(unknown, desktop, True).expected == host_watts(unknown, desktop, False).expected + 90
    assert (pue(unknown, desktop).expected, pue(unknown, server).expected) == (1, 1.5)


def test_an_api_by_its_id_or_by_the_model() -> None:
    assert (api.price("openai/gpt-4o").input_usd_per_million, api.price("gpt-4o").output_usd_per_million) == (2.5, 10)
    sonnet = api.price("anthropic/claude-sonnet-4-5")
    assert (sonnet.input_usd_per_million, sonnet.output_usd_per_million) == (3, 15), "not the tier of long prompts"
    typed = api.price("3/15")
    assert (typed.input_usd_per_million, typed.output_usd_per_million) == (3, 15)
    served = api.same_model("meta-llama/Meta-Llama-3-70B-Instruct")
    assert len(served) >= 4
    assert all(0 < one.input_usd_per_million < 10 for one in served)
    assert api.same_model("acme/nothing-7b") == ()
    with pytest.raises(PlanError, match="Did you mean"):
        api.price("openai/gpt-4oo")
    with pytest.raises(PlanError, match="both"):
        api.api_price(request(api={"input_usd_per_million": 1}), "m")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("meta-llama/Meta-Llama-3-70B-Instruct", "llama-3-70b"),
        ("llama3-70b-8192", "llama-3-70b"),
        ("meta.llama3-70b-instruct-v1:0", "llama-3-70b"),
        ("accounts/fireworks/models/llama-v3p3-70b-instruct", "llama-3-3-70b"),
        ("google/gemma-3-27b-it", "gemma-3-27b"),
        ("@cf/meta/llama-3.1-70b-instruct-fp8-fast", "llama-3-1-70b"),
        ("Qwen/Qwen3-30B-A3B", "qwen3-30b-a3b"),
    ],
)
def test_a_model_under_the_names_of_its_sellers(name: str, plain: str) -> None:
    assert api.plain_name(name) == plain
