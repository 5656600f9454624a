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
    "text",
    [
        "hello",
        "<b>bold</b> [link](http://x.y)",
        "\x00\x01" * 50,
        "load_tensors: CUDA0 model buffer size = 9999999999999.99 MiB",
        "n_ctx = 1" * 500,
        "load_tensors: CUDA0 model buffer size = 1.2.3 MiB",
        'msg="kv cache" device=CUDA0 size="12 QQ"',
        "\n".join(["llama_" * 333] * 1_000),
        "llama_context: n_ctx = 999999999\nllama_context: n_ubatch = 0\nllama_context: n_seq_max = 0\n",
    ],
)
def test_text_that_is_no_log_is_a_sentence_and_no_traceback(text: str) -> None:
    page = opened(text)
    assert words(page)


def test_a_long_log_is_read_once_and_says_what_is_left_out() -> None:
    page = opened(log.EXAMPLE + "x\n" * 30_000)
    assert any("first 20,000 lines" in caption.value for caption in page.caption)
    reading = page.session_state["log_reading"][1]
    page.run()
    assert page.session_state["log_reading"][1] is reading
    page.text_area(key="log").set_value(log.EXAMPLE).run()
    assert page.session_state["log_reading"][1] is not reading
    assert not any("first 20,000 lines" in caption.value for caption in page.caption)


def test_a_log_of_an_unknown_model_asks_which_it_is() -> None:
    page = opened(log.EXAMPLE.replace("Meta-Llama-3-70B-Instruct", "Something-Nobody-Knows"))
    assert page.selectbox(key="log_model").value is None


def test_a_failed_load_says_what_would_help() -> None:
    page = opened(
        "load_tensors: offloaded 81/81 layers to GPU\nggml_backend_cuda_buffer_type_alloc_buffer: allocating 35533.34"
        " MiB on device 0: cudaMalloc failed: out of memory\n"
    )
    assert "Out of memory" in words(page)
