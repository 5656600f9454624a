"""The model by name on the page: a link's name becomes its model, format and engine in the fields and in the address,
with a word on what it was taken for.
"""

from __future__ import annotations

import pytest

from planner import catalog
from tests.pages.dashboard import complaints, opened, said
from ui.question.picker import titles


def captions(at: object) -> str:
    return " ".join(caption.value for caption in at.caption).replace("\\", "")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("link", "fields", "words"),
    [
        (
            {"model": "gemma 3"},
            {"model": "google/gemma-3-4b-it", "engine": "llama.cpp"},
            "the name may also mean Gemma 3",
        ),
        (
            {"model": "bartowski/Qwen_Qwen3-32B-GGUF:Q5_K_M"},
            {"model": "Qwen/Qwen3-32B", "quantization": "Q5_K_M"},
            "bartowski's copy of Qwen3 32B as Q5_K_M",
        ),
        (
            {"model": "TheBloke/Mistral-7B-Instruct-v0.2-AWQ"},
            {"model": "mistralai/Mistral-7B-Instruct-v0.2", "quantization": "awq-int4", "engine": "vllm"},
            "run by vLLM",
        ),
        (
            {"model": "TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "quantization": "Q8_0"},
            {"model": "mistralai/Mistral-7B-Instruct-v0.2", "quantization": "Q8_0", "engine": "llama.cpp"},
            "TheBloke's copy",
        ),
        (
            {"model": "Qwen/Qwen3-8B", "quantization": "Q4_K - Medium"},
            {"quantization": "Q4_K_M"},
            "Q4_K - Medium is planned as Q4_K_M.",
        ),
        (
            {"model": "Qwen/Qwen3-8B", "quantization": "i1-IQ3_M"},
            {"quantization": "IQ3_M", "imatrix": "true"},
            "i1-IQ3_M is planned as IQ3_M.",
        ),
    ],
)
def test_a_name_in_a_link_becomes_what_it_means(link: dict[str, str], fields: dict[str, str], words: str) -> None:
    at = opened(**link, gpus="rtx-4090")
    assert {field: at.session_state[field] for field in fields} == fields
    assert all(at.query_params[field] in (text, [text]) for field, text in fields.items() if field in at.query_params)
    assert words in captions(at)
    assert complaints(at) == []


@pytest.mark.parametrize("model", ["meta-llama/Llama-3.1-8B-Instruct", "llama3:70b", "Llama 3 8B", "Qwen/Qwen3-8B"])
def test_another_name_of_a_model_stays_in_the_link_as_it_is(model: str) -> None:
    at = opened(model=model, gpus="rtx-4090", quantization="Q4_K_M")
    assert at.query_params["model"] in (model, [model])
    assert "is taken for" not in captions(at)


def test_what_was_taken_is_said_as_long_as_it_is_what_is_planned() -> None:
    at = opened(model="gemma 3 q8", gpus="rtx-4090")
    assert "is taken for Gemma 3 4B it as Q8_0." in captions(at)
    at.selectbox(key="quantization").set_value("Q4_K_M").run()
    assert "is taken for" not in captions(at)


def test_the_others_are_one_click_away() -> None:
    at = opened(model="gemma 3", gpus="rtx-4090", context="4096")
    at.button("instead:google/gemma-3-27b-it").click().run()
    assert at.session_state["model"] == "google/gemma-3-27b-it"
    assert at.session_state["context"] == 4096
    assert "is taken for" not in captions(at)


def test_a_format_that_the_links_engine_cannot_run_is_a_sentence() -> None:
    at = opened(model="TheBloke/Mistral-7B-Instruct-v0.2-AWQ", engine="mlx", gpus="rtx-4090")
    assert said(at).endswith("What would you like to run?")
    assert any(
        "choose vLLM as the engine, or name mistralai/Mistral-7B-Instruct-v0.2 alone" in text for text in complaints(at)
    )


def test_fine_tuning_takes_the_base_that_a_name_says() -> None:
    at = opened()
    at.query_params = {"model": "unsloth/Qwen3-8B-bnb-4bit", "gpus": "rtx-4090"}
    at.switch_page("pages/fine_tune.py").run()
    assert not at.exception
    assert (at.session_state["model"], at.session_state["train_quantization"]) == ("Qwen/Qwen3-8B", "nf4-dq")
    assert "unsloth's copy of Qwen3 8B as nf4-dq" in captions(at)


def test_the_picker_has_every_model_under_a_title_of_its_own_the_most_used_first() -> None:
    assert list(titles()) == [model.id for model in catalog.most_used()]
    assert len(set(titles().values())) == len(titles()) == len(catalog.models())
    at = opened(model="Qwen/Qwen3-8B", gpus="rtx-4090")
    assert at.selectbox(key="model").options[: len(titles())] == list(titles().values())
    assert at.selectbox(key="model").value == "Qwen/Qwen3-8B"
