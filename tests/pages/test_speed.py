"""The Speed and Splits pages: they open for every kind of plan, say their conclusion, and follow their widgets."""

import pytest
from streamlit.testing.v1 import AppTest

PLANS = (
    {},
    {
        "model": "meta-llama/Meta-Llama-3-70B-Instruct",
        "engine": "vllm",
        "quantization": "fp8",
        "gpus": "4x h100-sxm5-80gb",
        "batch": "32",
    },
    {"model": "Qwen/Qwen3-30B-A3B", "gpus": ""},
    {"model": "meta-llama/Meta-Llama-3-8B", "engine": "transformers", "quantization": "bf16", "gpus": "2x rtx-3090"},
    {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "engine": "vllm", "quantization": "bf16", "gpus": "rtx-4090"},
)


def opened(name: str, query: dict[str, str]) -> AppTest:
    page = AppTest.from_file("../../app.py", default_timeout=30)
    page.switch_page(f"pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return " ".join(element.value for element in [*page.header, *page.markdown])


@pytest.mark.parametrize("query", PLANS, ids=str)
def test_speed_opens_and_says_what_sets_the_pace(query: dict[str, str]) -> None:
    page = opened("speed", query)
    assert "sets the pace" in words(page)
    assert "A step takes" in words(page)
    assert "nan" not in words(page)


def test_the_curve_answers_a_limit() -> None:
    page = opened("speed", PLANS[1])
    page.session_state["speed_tab"] = "Throughput and latency"
    page.run()
    generous = words(page)
    page.number_input(key="time_per_token_ms").set_value(1.0).run()
    assert not page.exception
    assert "the best bargain" in generous
    assert "Not even one request" in words(page)


def test_an_encoder_only_reads() -> None:
    page = opened(
        "speed",
        {
            "model": "google-bert/bert-base-uncased",
            "engine": "transformers",
            "quantization": "fp16",
            "gpus": "rtx-4090",
        },
    )
    assert "writes no tokens" in words(page)


@pytest.mark.parametrize("query", PLANS, ids=str)
def test_splits_opens_with_a_picture_and_a_proposal(query: dict[str, str]) -> None:
    page = opened("splits", query)
    assert "a token takes" in words(page) or "A token passes through" in words(page)
    if query.get("gpus") != "":
        assert "Which split to take" in " ".join(element.value for element in page.subheader)
        assert len(page.dataframe) == 1
