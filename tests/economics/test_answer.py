"""The `cost` and `job` sections of a whole plan's answer: they agree with its speed, and with each other."""

import json
from typing import Any

import pytest

from planner.core.errors import PlanError
from planner.core.formula import evaluate
from planner.plan import plan
from planner.report.json import plan_json
from planner.request import PlanRequest

CASE: dict[str, Any] = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "quantization": "Q4_K_M",
    "gpus": "rtx-4090",
    "prompt_tokens": 1_000,
    "output_tokens": 250,
    "electricity_usd_per_kwh": 0.12,
    "host_watts": 0,
    "pue": 1,
    "requests": 1_200,
    "calls_per_request": 7,
}


def answer(**fields: Any) -> dict[str, Any]:
    return plan_json(plan(PlanRequest.read({**CASE, **fields})), advice=False)


def test_money_follows_from_speed_and_power() -> None:
    it = answer()
    watts, rate = it["power"]["watts"]["expected"], it["speed"]["throughput_tokens_per_s"]["expected"]
    day = watts * 24 / 1_000
    assert it["cost"]["energy_kwh"]["expected"] == pytest.approx(day, rel=0.02)
    assert it["cost"]["electricity_usd"]["expected"] == pytest.approx(day * 0.12, rel=0.02)
    assert it["job"]["calls"] == 8_400
    assert it["job"]["duration_s"]["expected"] == pytest.approx(8_400 * 250 / rate)
    assert it["job"]["energy_kwh"]["expected"] == pytest.approx(
        it["job"]["duration_s"]["expected"] * watts / 3.6e6, rel=0.02
    )
    assert it["job"]["cost"]["electricity_usd"]["expected"] == pytest.approx(it["job"]["energy_kwh"]["expected"] * 0.12)
    million = it["cost"]["per_million_output_tokens"]["electricity_usd"]["expected"]
    assert million == pytest.approx(1e6 * it["power"]["joules_per_output_token"]["expected"] / 3.6e6 * 0.12, rel=0.02)


def test_more_at_once_is_a_shorter_job() -> None:
    alone, eight = answer(engine="vllm", quantization="auto"), answer(engine="vllm", quantization="auto", concurrency=8)
    assert eight["job"]["in_flight"] == 8
    assert eight["job"]["duration_s"]["expected"] < alone["job"]["duration_s"]["expected"] / 3
    assert eight["cost"] == alone["cost"], "the plan's own bill is at its own batch"


def test_two_replicas_halve_the_job() -> None:
    one = answer(engine="vllm", quantization="auto", batch=8, concurrency=8)
    two = answer(engine="vllm", quantization="auto", batch=16, concurrency=16, gpus="2x rtx-4090", data_parallel=2)
    assert two["job"]["duration_s"]["expected"] == pytest.approx(one["job"]["duration_s"]["expected"] / 2, rel=0.01)
    assert two["job"]["energy_kwh"]["expected"] == pytest.approx(one["job"]["energy_kwh"]["expected"], rel=0.02)


def test_what_nobody_sells_is_null_and_the_answer_is_json() -> None:
    it = answer(
        gpus="",
        model=None,
        config={
            "model_type": "llama",
            "hidden_size": 512,
            "num_hidden_layers": 2,
            "num_attention_heads": 8,
            "vocab_size": 1000,
            "intermediate_size": 1024,
        },
    )
    assert (
        it["cost"]["rent_usd"]
        is it["cost"]["api_usd"]
        is it["cost"]["purchase_usd"]
        is it["cost"]["break_even_hours"]
        is None
    )
    assert json.loads(json.dumps(it["cost"], allow_nan=False)) == it["cost"]


def test_the_derivation_holds_the_money() -> None:
    it = plan_json(plan(PlanRequest.read(CASE)), derivation=True, advice=False)
    steps = {step["label"]: step for step in it["derivation"]}
    assert steps["Electricity: the job"]["value"] == pytest.approx(it["job"]["cost"]["electricity_usd"]["expected"])
    assert evaluate(steps["Electricity: the job"]["expression"]) == pytest.approx(
        steps["Electricity: the job"]["value"]
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"electricity_usd_per_kwh": None, "region": "Atlantis"}, "region"),
        ({"api": "openai/nothing"}, "api"),
        ({"hours_per_day": 0}, "hours_per_day"),
    ],
)
def test_an_unknown_price_is_one_sentence_at_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(PlanError) as caught:
        answer(**fields)
    assert caught.value.field == field


def test_the_evaluation_of_seven_calls_a_question_on_one_card() -> None:
    """Llama 3 70B on an RTX 4090, 1,200 questions of 7 calls: days at a part of the token rates that guides promise,
    and a bill that an API undercuts.
    """
    fields = {
        "model": "meta-llama/Meta-Llama-3-70B-Instruct",
        "prompt_tokens": 1_500,
        "output_tokens": 350,
        "host_watts": None,
    }
    large, small = answer(**fields), answer(**{**fields, "model": "meta-llama/Meta-Llama-3-8B-Instruct"})
    assert 1.2 < large["speed"]["decode_tokens_per_s"]["expected"] < 4, (
        "the part in system RAM bounds it, not the 5 to 15 of the guides"
    )
    days = large["job"]["duration_s"]["expected"] / 86_400
    assert 8 < days < 30
    assert 24 * 0.15 < large["cost"]["energy_kwh"]["expected"] < 24 * 0.6
    assert 0.4 < large["cost"]["electricity_usd"]["expected"] < 1.5, "a day at 450 W would be 1.296 USD"
    assert large["job"]["cost"]["api_usd"]["expected"] < large["job"]["cost"]["electricity_usd"]["expected"]
    assert small["job"]["duration_s"]["expected"] < large["job"]["duration_s"]["expected"] / 15
