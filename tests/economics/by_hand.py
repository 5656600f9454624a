"""A machine whose speed and draw are round numbers, so that every bill can be worked out by hand."""

from typing import Any

from planner.catalog.gpu_names import resolve
from planner.core.estimate import Estimate
from planner.economics.cost import Cost, cost
from planner.performance.speed import Assumed, Speed
from planner.request import PlanRequest

TOKENS = (1_000, 500)


def exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


def about(value: float, low: float = 0.8, high: float = 1.25) -> Estimate:
    return Estimate(value * low, value, value * high)


def speed(number: Any = exactly, decode: float = 50) -> Speed:
    """Reads 1,000 tokens in 2 s and writes 500 in 10 s: 12 s a request, at 300 W, then 420 W."""
    prefill_s, decode_s = TOKENS[0] / 500, TOKENS[1] / decode
    return Speed(
        prefill_tokens_per_s=number(500),
        decode_tokens_per_s=number(decode),
        decode_tokens_per_s_per_sequence=number(decode),
        throughput_tokens_per_s=number(TOKENS[1] / (prefill_s + decode_s)),
        time_to_first_token_s=number(2),
        idle_time_to_first_token_s=number(2),
        time_per_output_token_s=number(1 / decode),
        watts=number(400),
        prefill_watts=number(300),
        decode_watts=number(420),
        idle_watts=number(20),
        limit="bandwidth",
        assumes=Assumed(*TOKENS, TOKENS[0] + TOKENS[1] / 2, 1),
    )


def request(**fields: Any) -> PlanRequest:
    prices = {
        "electricity_usd_per_kwh": 0.12,
        "gco2_per_kwh": 400,
        "pue": 1,
        "host_watts": 50,
        "rent_usd_per_hour": 0.6,
        "purchase_usd": 1_461 * 1.25,
    }
    api = {"input_usd_per_million": 3, "output_usd_per_million": 15}
    return PlanRequest.read(
        {"model": "m", "gpus": "rtx-4090", **prices, "lifetime_years": 4, "resale_fraction": 0.2, "api": api, **fields}
    )


def costs(number: Any = exactly, decode: float = 50, tokens: tuple[int, int] = TOKENS, **fields: Any) -> Cost:
    return cost(request(**fields), (resolve("rtx-4090"),), "m", speed(number, decode), tokens, cpu_busy=False)
