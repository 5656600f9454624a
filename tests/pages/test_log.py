"""The log page: a pasted log becomes facts, findings and a plan; anything else becomes a sentence."""

import pytest
from streamlit.testing.v1 import AppTest

from ui import log

APP = "../../app.py"


def opened(text: str = "") -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60).run()
    page.switch_page("pages/log.py").run()
    if text:
        page.text_area(key="log").set_value(text).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown).replace("\\", "")


def test_the_example_is_read_and_its_plan_stands_beside_it() -> None:
    page = opened()
    next(button for button in page.button if button.label == "Try an example").click().run()
    assert not page.exception
    text = words(page)
    assert "38 of 81 layers on GPUs" in text
    assert "43 of 81 layers run on the CPU" in text
    assert "less than logged" in text or "more than logged" in text
    assert page.selectbox(key="log_model").value == "meta-llama/Meta-Llama-3-70B-Instruct"


@pytest.mark.parametrize(
    "text", ["hello", "<b>bold</b> [link](http://x.y)", "\x00\x01" * 50, "load_tensors: CUDA0 model buffer size = 9999999999999.99 MiB", "n_ctx = 1" * 500]
)
def test_text_that_is_no_log_is_a_sentence_and_no_traceback(text: str) -> None:
    page = opened(text)
    assert words(page)


def test_a_log_of_an_unknown_model_asks_which_it_is() -> None:
    page = opened(log.EXAMPLE.replace("Meta-Llama-3-70B-Instruct", "Something-Nobody-Knows"))
    assert page.selectbox(key="log_model").value is None


def test_a_failed_load_says_what_would_help() -> None:
    page = opened(
        "load_tensors: offloaded 81/81 layers to GPU\nggml_backend_cuda_buffer_type_alloc_buffer: allocating 35533.34 MiB on device 0: cudaMalloc failed: out of memory\n"
    )
    assert "Out of memory" in words(page)
