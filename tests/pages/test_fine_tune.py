"""The Fine-tune page: opens, answers, climbs its ladder, and takes any link without a traceback."""

import pytest
from streamlit.testing.v1 import AppTest


def opened(**query: str) -> AppTest:
    page = AppTest.from_file("../../app.py", default_timeout=60).run()
    for key, value in query.items():
        page.query_params[key] = value
    page.switch_page("pages/fine_tune.py").run()
    assert not page.exception
    return page


def test_it_opens_with_an_example_and_a_verdict() -> None:
    page = opened()
    assert "GiB" in page.header[0].value
    labels = [metric.label for metric in page.metric]
    assert "Peak memory" in labels
    assert "Speed" in labels


def test_a_rung_of_the_ladder_changes_the_question() -> None:
    page = opened(model="tatsu-lab/alpaca-7b", gpus="rtx-3090", method="full", micro_batch="4", seq_len="512")
    assert "Does not fit" in page.header[0].value
    page.button(key="rung:QLoRA: a 4-bit base").click().run()
    assert not page.exception
    assert page.session_state["method"] == "qlora"
    assert "Fits" in page.header[0].value


def test_a_need_that_straddles_the_card_is_amber_and_says_how_likely_it_fits() -> None:
    page = opened(
        model="huggyllama/llama-30b",
        gpus="rtx-4090",
        method="qlora",
        base="nf4-dq",
        optimizer="paged-adamw-8bit",
        micro_batch="1",
        seq_len="1024",
        lora_rank="160",
    )
    assert page.header[0].value.startswith(":orange[:material/error:] May fit")
    assert "35" in page.header[0].value
    assert [button for button in page.button if button.key and button.key.startswith("rung:")]


def test_an_embedding_model_is_planned_for_each_of_its_tasks() -> None:
    page = opened(model="BAAI/bge-m3", gpus="rtx-4090")
    assert "Fits" in page.header[0].value
    page.selectbox(key="task").set_value("embedding").run()
    assert not page.exception
    assert "Fits" in page.header[0].value
    page.selectbox(key="task").set_value("dpo").run()
    assert any("classification or embedding" in warning.value for warning in page.warning)


def test_samples_give_a_duration() -> None:
    page = opened(model="tatsu-lab/alpaca-7b", gpus="rtx-3090", samples="1602", tokens_per_sample="103", seq_len="512")
    assert "Duration" in [metric.label for metric in page.metric]


@pytest.mark.parametrize(
    "tab",
    [
        "GPUs",
        "Length and batch",
        "Amount of data",
        "LLaMA 7B to 65B",
        "A copied table",
        "Run it",
        "Parts",
        "Arithmetic",
        "Share",
    ],
)
def test_every_tab_opens(tab: str) -> None:
    page = opened(model="meta-llama/Llama-3.2-1B-Instruct", gpus="rtx-4090", train_tab=tab)
    page.session_state["train_tab"] = tab
    page.run()
    assert not page.exception


@pytest.mark.parametrize(
    "query",
    [
        {"method": "nonsense"},
        {"task": "grpo"},
        {"task": "nonsense"},
        {"micro_batch": "-4"},
        {"lora_targets": "no_such_module"},
        {"gpus": "no such card"},
        {"model": "<b>x</b>"},
        {"tensor_parallel": "7"},
        {"samples": "NaN"},
        {"quantization": "Q4_K_M", "method": "qlora"},
        {"gpus": ""},
    ],
)
def test_no_link_breaks_it(query: dict[str, str]) -> None:
    opened(**{"model": "meta-llama/Llama-3.2-1B-Instruct", "gpus": "rtx-4090", **query})
