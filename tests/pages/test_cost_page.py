"""The cost page and the job page: the bill in words, prices in the address, and a plain sentence for what
nobody sells.
"""

from __future__ import annotations

import pytest
from dashboard import LLAMA, complaints, opened, said
from streamlit.testing.v1 import AppTest

EXACT = {
    **LLAMA,
    "electricity_usd_per_kwh": "0.12",
    "host_watts": "0",
    "pue": "1",
    "rent_usd_per_hour": "0.5",
    "api": "3/15",
}
EVALUATION = {"requests": "1200", "calls_per_request": "7", "prompt_tokens": "1000", "output_tokens": "500"}


def figure(at: AppTest, label: str) -> str:
    return next(metric.value for metric in at.metric if metric.label == label)


def test_the_bill_in_words() -> None:
    at = opened("cost", **EXACT, prompt_tokens="1000", output_tokens="500")
    assert said(at).startswith("A million output tokens cost ")
    assert figure(at, "API") == "21.0 USD", "2,000 requests of 1,000 tokens at 3 and 500 at 15 USD a million"
    watts = float(figure(at, "At the wall").removesuffix(" W"))
    assert f"GPUs {watts:.0f} W of it" in [metric.delta for metric in at.metric]
    assert at.number_input(key="rent_usd_per_hour").value == 0.5
    assert not at.warning


def test_a_typed_price_changes_the_bill_and_the_question() -> None:
    at = opened("cost", **EXACT)
    before = figure(at, "Electricity")
    at.number_input(key="electricity_usd_per_kwh").set_value(1.2).run()
    assert float(figure(at, "Electricity").removesuffix(" USD")) == pytest.approx(
        10 * float(before.removesuffix(" USD")), rel=0.01
    )


@pytest.mark.parametrize("region", ["Germany", "DE"])
def test_a_region_by_name_or_code(region: str) -> None:
    at = opened("cost", **LLAMA, region=region)
    assert any("Germany" in caption.value and "0\\.4192 USD" in caption.value for caption in at.caption)


def test_old_prices_say_so() -> None:
    at = opened("cost", **LLAMA, region="Germany")
    old = [caption.value for caption in at.caption if ":material/history:" in caption.value]
    assert any("Germany" in one and "months old" in one for one in old)


@pytest.mark.parametrize("page", ["cost", "job"])
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"region": "Atlantis"}, "no electricity price"),
        ({"api": "openai/none"}, "no API price"),
        ({"hours_per_day": "0"}, "above 0"),
    ],
)
def test_what_nobody_knows_is_one_sentence(page: str, query: dict[str, str], words: str) -> None:
    at = opened(page, **LLAMA, **query)
    assert any(words in complaint for complaint in complaints(at))
    assert not at.metric


def test_every_tab_opens() -> None:
    for page, tabs in (
        ("cost", ["Prices", "Bills", "Offers to rent", "APIs", "Arithmetic"]),
        ("job", ["Calendar", "Progress", "Bill", "Prices", "Arithmetic"]),
    ):
        at = opened(page, **LLAMA, **EVALUATION)
        for tab in tabs:
            at.session_state[f"{page}-tab"] = tab
            at.run()
            assert not at.exception, (page, tab)


def test_a_job_of_seven_calls_a_question() -> None:
    at = opened("job", **EXACT, **EVALUATION)
    assert said(at).startswith("1,200 questions of 7 calls take ")
    assert figure(at, "API") == "88.2 USD", "8,400 calls of 0.0105 USD"
    assert at.number_input(key="calls_per_request").value == 7
    schedule = at.dataframe[0].value
    assert list(schedule["Way"])[:2] == ["Around the clock", "Every night"]
    assert (schedule["Days, low"] <= schedule["Days"]).all()
    assert (schedule["Days"] <= schedule["Days, high"]).all()


def test_hours_of_a_day_are_a_way_of_their_own() -> None:
    at = opened("job", **EXACT, **EVALUATION, hours_per_day="3")
    assert "3 hours a day" in list(at.dataframe[0].value["Way"])


def test_a_plan_that_does_not_fit_says_so_first() -> None:
    at = opened(
        "cost", model="meta-llama/Meta-Llama-3-70B-Instruct", quantization="fp16", engine="vllm", gpus="rtx-4090"
    )
    assert any("would fit" in complaint for complaint in complaints(at))
