"""The Serve page: how many requests, why not, and the way from another engine."""

from streamlit.testing.v1 import AppTest

from planner import PlanRequest, plan
from planner.searches.side_by_side import sides
from planner.searches.users import users
from ui.serve import budget_frame


def opened(**fields: str) -> AppTest:
    page = AppTest.from_file("../../app.py", default_timeout=30)
    for key, value in fields.items():
        page.query_params[key] = value
    page.run()
    page.switch_page("pages/serve.py").run()
    assert not page.exception
    return page


def test_a_serving_engine_says_how_many_requests_fit() -> None:
    page = opened(model="Qwen/Qwen2.5-7B-Instruct", engine="vllm", gpus="h100", context="8192")
    assert "requests of 8" in page.header[0].value
    assert any("logs this pool as" in caption.value for caption in page.caption)


def test_what_does_not_start_says_it_in_the_engines_words() -> None:
    page = opened(model="meta-llama/Meta-Llama-3-70B-Instruct", engine="vllm", gpus="rtx-4090")
    assert "CUDA out of memory" in page.header[0].value


def test_another_engine_is_one_click_from_an_answer() -> None:
    page = opened(model="Qwen/Qwen2.5-7B-Instruct", engine="llama.cpp", quantization="Q4_K_M", gpus="h100")
    page.button(key="serve:vllm").click().run()
    assert not page.exception
    assert "at once" in page.header[0].value


def test_longer_requests_are_never_more_and_an_8_bit_cache_never_fewer() -> None:
    for model, engine in (
        ("qwen2.5:7b", "vllm"),
        ("gpt-oss:20b", "vllm"),
        ("gemma3:12b", "sglang"),
        ("llama3:8b", "tensorrt-llm"),
    ):
        rows = users(plan(PlanRequest.read({"model": model, "engine": engine, "gpus": "H100"})).case)
        assert [row.at_once for row in rows] == sorted((row.at_once for row in rows), reverse=True)
        assert all(row.in_8_bit is None or row.in_8_bit >= row.at_once for row in rows)


def test_three_engines_each_say_why() -> None:
    found = sides(
        plan(
            PlanRequest.read(
                {"model": "llama3:8b", "engine": "llama.cpp", "quantization": "Q4_K_M", "gpus": "RTX 4090"}
            )
        )
    )
    assert [side.engine for side in found] == ["llama.cpp", "vllm", "transformers"]
    assert all(side.answer is not None and side.why.endswith(".") for side in found)
    used = [sum(d.total.expected for d in side.answer.memory.devices) for side in found if side.answer]
    assert used[1] > 2 * used[0]


def test_the_largest_batch_of_a_pool_is_what_it_holds() -> None:
    answer = plan(PlanRequest.read({"model": "llama3:8b", "engine": "vllm", "gpus": "H100", "context": 8192}))
    assert answer.memory.pool is not None
    assert answer.capacity.max_batch == int(answer.memory.pool.sequences)


def test_a_pasted_log_gives_its_cause_and_a_button_that_mends_it() -> None:
    page = opened(model="Qwen/Qwen2.5-7B-Instruct", engine="vllm", gpus="rtx-4090", context="32768")
    page.session_state["serve_tab:5"] = "Read a log"
    page.run()
    log = (
        "INFO [core.py:76] Initializing a V1 LLM engine (v0.11.0) with config: model='Qwen/Qwen2.5-7B-Instruct',"
        " dtype=torch.bfloat16, max_seq_len=32768\nINFO Model loading took 14.2488 GiB and 5 seconds\nValueError: To"
        " serve at least one request with the model's max seq len (32768), (1.75 GiB KV cache is needed, which is"
        " larger than the available KV cache memory (1.00 GiB)."
    )
    page.text_area(key="serve_log").input(log).run()
    assert not page.exception
    assert any("Not one request of full length fits" in element.value for element in page.markdown)
    page.button(key="mend:0").click().run()
    assert not page.exception
    assert page.query_params["context"] in ("18432", ["18432"])


def test_text_that_is_no_log_is_told_so() -> None:
    page = opened(model="Qwen/Qwen2.5-7B-Instruct", engine="vllm", gpus="rtx-4090")
    page.session_state["serve_tab:5"] = "Read a log"
    page.run()
    page.text_area(key="serve_log").input("hello").run()
    assert not page.exception
    assert any("no line of a start" in element.value for element in page.warning)


def test_the_budget_adds_up_for_every_engine_also_where_nothing_is_left() -> None:
    for engine, gpus in (("vllm", "H100"), ("sglang", "H100"), ("tensorrt-llm", "H100"), ("vllm", "RTX 4060 Ti 16GB")):
        answer = plan(PlanRequest.read({"model": "llama3.1:8b", "engine": engine, "gpus": gpus}))
        frame = budget_frame(answer)
        terms, sizes = list(frame["Term"]), list(frame["GiB"])
        share = next(index for index, term in enumerate(terms) if term.startswith("Share"))
        end = next(index for index, term in enumerate(terms) if term.startswith(("KV cache pool", "Missing")))
        assert abs(sum(sizes[share:end]) - sizes[end]) < 1e-6
        assert (sizes[end] > 0) == (answer.fit.verdict != "does_not_fit")
