"""The picker of models in a real browser: found by words, and any other name becomes its model, its format and its
engine, in the fields and in the address.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.dashboard_page import drawn, query, visit

QUESTION = {"model": "Qwen/Qwen3-8B", "gpus": "rtx-4090"}


def named(page: Any, text: str) -> Any:
    """Type a name into the picker; returns it."""
    field = page.get_by_role("combobox", name="Model").first
    field.click()
    field.press("ControlOrMeta+a")
    field.type(text)
    return field


def entered(page: Any, text: str) -> None:
    named(page, text).press("Enter")
    page.wait_for_timeout(150)
    drawn(page)


def value(page: Any, label: str) -> str:
    text: str = page.get_by_role("combobox", name=label).first.input_value()
    return text


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("llama 3 70b", "Llama 3 70B Instruct"),
        ("gemma 3", "Gemma 3 4B it"),
        ("deepseek r1", "DeepSeek R1 671B"),
        ("gpt-oss", "gpt-oss 20B"),
        ("qwen3 32b", "Qwen3 32B"),
    ],
)
def test_words_find_a_model_by_its_title(chromium: Any, address: str, text: str, title: str) -> None:
    page = visit(chromium, address, **QUESTION)
    assert value(page, "Model") == "Qwen3 8B"
    named(page, text)
    shown = page.get_by_role("option").all_inner_texts()
    assert shown[0] == f"Add: {text}"
    assert title in shown[1:4]
    page.get_by_role("option", name=title, exact=True).click()
    page.wait_for_timeout(150)
    drawn(page)
    assert value(page, "Model") == title
    assert query(page)["model"].count("/") == 1, "the address has the id, not the title"


def test_any_name_becomes_its_model_its_format_and_its_engine(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **QUESTION, quantization="Q4_K_M", context="4096")
    entered(page, "TheBloke/Mistral-7B-Instruct-v0.2-AWQ")
    assert query(page) == {
        "model": "mistralai/Mistral-7B-Instruct-v0.2",
        "quantization": "awq-int4",
        "engine": "vllm",
        "gpus": "rtx-4090",
        "context": "4096",
    }
    assert [value(page, label) for label in ("Model", "Engine", "Quantization")] == [
        "Mistral 7B Instruct v0.2",
        "vllm",
        "awq-int4",
    ]
    assert page.get_by_text(
        "is taken for TheBloke's copy of Mistral 7B Instruct v0.2 as awq-int4, run by vLLM."
    ).is_visible()
    page.reload()
    drawn(page)
    assert query(page)["engine"] == "vllm"
    assert value(page, "Model") == "Mistral 7B Instruct v0.2"
    page.go_back()
    page.wait_for_timeout(300)
    drawn(page)
    assert query(page) == QUESTION | {"quantization": "Q4_K_M", "context": "4096"}
    assert value(page, "Model") == "Qwen3 8B"


def test_a_name_that_leaves_open_which_offers_the_others(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **QUESTION)
    entered(page, "gemma 3")
    assert query(page)["model"] == "google/gemma-3-4b-it"
    assert page.get_by_text("gemma 3 is taken for Gemma 3 4B it.").is_visible()
    page.get_by_role("button", name="Gemma 3 27B it").click()
    page.wait_for_timeout(150)
    drawn(page)
    assert query(page)["model"] == "google/gemma-3-27b-it"
    assert value(page, "Model") == "Gemma 3 27B it"
    entered(page, "qwen3 33b")
    assert page.get_by_text("Did you mean Qwen3 32B").first.is_visible()


def test_fine_tuning_takes_the_base_that_a_name_says(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/fine_tune", model="meta-llama/Llama-3.2-3B", gpus="rtx-4090")
    assert value(page, "Model") == "Llama 3.2 3B"
    entered(page, "unsloth/Qwen3-8B-bnb-4bit")
    page.wait_for_url(lambda url: "Qwen3-8B" in url)
    assert page.get_by_text("is taken for unsloth's copy of Qwen3 8B as nf4-dq.").first.is_visible()
    page.go_back()
    page.wait_for_timeout(300)
    drawn(page)
    assert value(page, "Model") == "Llama 3.2 3B"
