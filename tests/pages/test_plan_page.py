"""The plan page: the question in the sidebar and the link, the answer, and everything that an address may hold."""

from __future__ import annotations

import pytest
from dashboard import LLAMA, complaints, opened, said
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.question.form import PLAN

NUMBERS = {"context": "16384", "batch": "4", "ram_gib": "128", "tensor_parallel": "2", "gpu_layers": "0"}


def test_first_visit_opens_with_an_example_in_its_address() -> None:
    at = opened()
    assert "layers fit on the GPU" in said(at)
    at.run()  # the browser completes the bare address; the next run knows it
    assert at.query_params == PLAN.example


def test_llama3_70b_4_bit_on_one_and_two_4090() -> None:
    one = opened(**PLAN.example)
    assert "swap_horiz" in said(one)
    two = opened(**PLAN.example | {"gpus": "2x rtx-4090"})
    assert "Fits" in said(two)
    frame = two.dataframe[0].value
    assert set(frame["Device"]) == {"0: GeForce RTX 4090", "1: GeForce RTX 4090", "System RAM"}
    assert (frame[frame["Part"] == "Total"]["Expected (GiB)"][:2] > 20).all()


def test_fp16_70b_does_not_fit_an_h100_and_says_how_much_is_missing() -> None:
    at = opened(model="meta-llama/Meta-Llama-3-70B-Instruct", quantization="fp16", engine="vllm", gpus="h100-sxm5-80gb")
    assert "cancel" in said(at)
    assert [metric.value for metric in at.metric if metric.label == "Weights on disk"] == ["131 GiB"]


def test_every_number_of_the_link_arrives() -> None:
    at = opened(**LLAMA, **NUMBERS)
    for key, text in NUMBERS.items():
        assert at.number_input(key=key).value == float(text)
    assert at.query_params == LLAMA | NUMBERS
    assert not at.warning


def test_a_field_without_a_widget_stays_in_the_question_and_can_be_dropped() -> None:
    at = opened(**LLAMA, ubatch="256")
    at.number_input(key="context").set_value(4_096).run()
    assert at.query_params["ubatch"] == "256"
    at.run()  # the sidebar's other widgets are sent by a whole run
    assert at.number_input(key="ubatch").value == 256
    at.number_input(key="ubatch").set_value(None).run()
    assert "ubatch" not in [field.key for field in at.number_input]


def test_the_system_may_come_as_one_object() -> None:
    at = opened(**LLAMA, system='{"ram_gib": 96, "cpu": "Ryzen 9 7950X"}')
    assert at.number_input(key="ram_gib").value == 96
    assert at.query_params["ram_gib"] == "96"
    assert at.query_params["cpu"] == "Ryzen 9 7950X"
    assert "system" not in at.query_params


def test_a_way_out_changes_the_question() -> None:
    at = opened(**PLAN.example | {"gpus": "rtx-3090", "ram_gib": "8"})
    assert "cancel" in said(at)
    button = next(button for button in at.main.button if button.key.startswith("way:"))
    button.click().run()
    assert "cancel" not in said(at)
    assert not at.exception


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "llama9:900b"}, "llama9:900b"),
        ({"gpus": "RTX 4099"}, "Did you mean"),
        ({"quantization": "Q4_K_X"}, "Did you mean"),
        ({"context": "-5"}, "context"),
        ({"context": "1e99"}, "context"),
        ({"batch": "many"}, "batch"),
        ({"engine": "vlmm"}, "engine"),
        ({"gpus": "9999999x rtx-4090"}, "No GPU is called"),
        ({"tensor_split": "[[[["}, "tensor_split"),
        ({"system": "[1]"}, "ram_gib"),
        ({"ram_gib": "lots"}, "ram_gib"),
        ({"config": "{}"}, "config"),
        ({"gpu_memory_utilization": "7"}, "gpu_memory_utilization"),
        ({"model": "/etc/passwd"}, "passwd"),
    ],
)
def test_what_a_link_cannot_hold_gets_one_sentence(query: dict[str, str], words: str) -> None:
    at = opened(**LLAMA | query)
    sentences = complaints(at)
    assert any(words in sentence for sentence in sentences), sentences
    assert "Traceback" not in " ".join(sentences)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(PLAN.fields)), st.text(max_size=40), max_size=4))
def test_any_link_opens_a_page(query: dict[str, str]) -> None:
    at = opened(**LLAMA | query)
    assert at.header


def test_a_link_from_another_page_replaces_the_question() -> None:
    at = opened("scenarios", **LLAMA | {"context": "4096"})
    at.query_params = {"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q8_0"}
    at.switch_page("pages/plan.py").run()
    assert at.query_params == {"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q8_0"}
    assert at.number_input(key="context").value == 8_192


def test_a_link_that_only_leaves_fields_out_resets_them() -> None:
    at = opened("scenarios", **LLAMA | {"context": "4096", "ubatch": "256"})
    at.query_params = LLAMA | {"v": "1"}
    at.switch_page("pages/plan.py").run()
    assert at.query_params == LLAMA
    assert at.number_input(key="context").value == 8_192
    assert at.session_state["ubatch"] is None


def test_a_link_of_another_age_is_read_by_its_other_names() -> None:
    at = opened(v="1", model=LLAMA["model"], quant="Q8_0", gpu="rtx-3090", ctx="16384", engine="llamacpp")
    assert at.query_params == LLAMA | {"quantization": "Q8_0", "context": "16384"}
    assert not complaints(at)


@pytest.mark.parametrize(("version", "words"), [("99", "newer than this Headroom"), ("<b>", "read as version 1")])
def test_a_version_that_nobody_knows_is_said_and_the_rest_read(version: str, words: str) -> None:
    at = opened(**LLAMA, v=version)
    assert at.query_params == LLAMA
    assert any(words in sentence for sentence in complaints(at))


def test_a_model_that_is_gone_keeps_the_rest_of_the_link() -> None:
    at = opened(**LLAMA | {"model": "llama9:900b", "context": "4096", "v": "1"})
    assert any("The rest of the link is kept." in sentence for sentence in complaints(at))
    assert at.number_input(key="context").value == 4_096
    assert at.text_input(key="gpus").value == "rtx-3090"


def test_the_question_outlives_a_page_without_it() -> None:
    at = opened("scenarios", **LLAMA | {"context": "4096"})
    at.query_params = {}
    at.switch_page("pages/plan.py").run()
    assert at.query_params == LLAMA | {"context": "4096"}


def test_a_page_with_its_own_question_leaves_this_one_alone() -> None:
    link = LLAMA | {"model": "meta-llama/Meta-Llama-3.1-8B", "context": "4096"}
    at = opened("fine_tune", **link)
    at.query_params = {}
    at.switch_page("pages/plan.py").run()
    assert not at.exception
    assert at.query_params == link
    assert at.selectbox(key="quantization").value == "Q4_K_M"


def test_a_number_redraws_the_body_alone_and_everything_else_the_whole_page() -> None:
    at = opened(**LLAMA)
    at.number_input(key="context").set_value(4_096).run()
    assert [field.key for field in at.number_input][:2] == ["context", "batch"]
    assert [field.key for field in at.selectbox] == ["quantization"]
    assert said(at) == said(opened(**LLAMA, context="4096"))
    at.number_input(key="batch").set_value(512).run()
    assert said(at) == said(opened(**LLAMA, context="4096", batch="512"))
    at.run()
    assert at.selectbox(key="engine").value == "llama.cpp"
    assert at.number_input(key="batch").value == 512


def test_a_number_on_a_page_without_an_answer_draws_the_whole_page() -> None:
    at = opened(model="llama9:900b")
    at.number_input(key="context").set_value(4_096).run()
    assert at.selectbox(key="engine").value == "llama.cpp"
    assert any("llama9:900b" in sentence for sentence in complaints(at))


@pytest.mark.parametrize(
    ("field", "text"),
    [("context", "161e308384"), ("ram_gib", "1e999"), ("requests", "null"), ("ubatch", "inf"), ("requests", " ")],
)
def test_a_number_without_an_end_or_without_digits_is_no_traceback(field: str, text: str) -> None:
    at = opened(**LLAMA | {field: text})
    assert "Fits" in said(at)
    assert field not in at.query_params
