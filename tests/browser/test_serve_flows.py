"""The serve and accuracy pages in a real browser: the cache and the table, a refusal and its way out, the command, a
pasted log, a clicked point.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from dashboard_page import drawn, query, type_in, verdict, visit

pytestmark = pytest.mark.browser

LINK = {"model": "Qwen/Qwen2.5-7B-Instruct", "engine": "vllm", "gpus": "h100", "context": "16384"}
LOG = """INFO [core.py:76] Initializing a V1 LLM engine (v0.11.0) with config: model='Qwen/Qwen2.5-7B-Instruct', dtype=torch.bfloat16, max_seq_len=16384
INFO [gpu_model_runner.py:2653] Model loading took 14.2488 GiB and 5.1 seconds
INFO [gpu_worker.py:298] Available KV cache memory: 51.00 GiB
INFO [kv_cache_utils.py:1087] GPU KV cache size: 954,992 tokens
INFO [kv_cache_utils.py:1091] Maximum concurrency for 16,384 tokens per request: 58.29x
"""


def opened(page: Any, tab: str) -> Any:
    """The panel of a tab, drawn."""
    page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(150)
    drawn(page)
    return page.get_by_role("tabpanel").filter(visible=True)


def requests(words: str) -> float:
    """How many requests the headline counts."""
    found = re.search(r"([\d,.]+) requests of", words)
    assert found, words
    return float(found[1].replace(",", ""))


def test_a_link_shows_the_cache_that_is_left_and_more_context_means_fewer_requests(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/serve", **LINK)
    assert "requests of 16,384 tokens at once" in verdict(page)
    assert "is left for the cache" in verdict(page)
    before = requests(verdict(page))
    panel = opened(page, "Users")
    panel.locator(".js-plotly-plot .scatterlayer").wait_for()
    panel.locator("[data-testid=stDataFrame]").wait_for()
    said = panel.locator("strong").first.inner_text()
    assert said.startswith("From ")
    type_in(page, "Context (tokens)", "32768")
    page.wait_for_function("document.querySelector('[data-testid=stHeading] h2').innerText.includes('32,768')")
    assert query(page)["context"] == "32768"
    assert 0.45 * before < requests(verdict(page)) < 0.55 * before
    assert page.outside == []


def test_what_cannot_start_says_it_in_the_engines_words_with_a_way_out(chromium: Any, address: str) -> None:
    page = visit(
        chromium, address, "/serve", **LINK | {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpus": "rtx-4060-ti-16gb"}
    )
    assert "No available memory for the cache blocks" in verdict(page)
    assert "gpu_memory_utilization" in verdict(page)
    page.get_by_role("button", name="Use gptq-int8").click()
    page.wait_for_url("**quantization=gptq-int8**")
    drawn(page)
    page.wait_for_function("document.querySelector('[data-testid=stHeading] h2').innerText.includes('at once')")


def test_the_launch_command_is_copied_as_the_plan_stands(chromium: Any, address: str) -> None:
    page = visit(
        chromium,
        address,
        "/serve",
        **LINK | {"gpus": "2x h100", "gpu_memory_utilization": "0.85", "max_num_seqs": "128"},
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    code = opened(page, "Start it").locator("[data-testid=stCode]").first
    code.hover()
    code.get_by_role("button").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("vllm serve Qwen/Qwen2.5-7B-Instruct")
    for flag in (
        "--max-model-len 16384",
        "--tensor-parallel-size 2",
        "--gpu-memory-utilization 0.85",
        "--max-num-seqs 128",
    ):
        assert flag in copied


def test_a_pasted_log_stands_beside_the_plan_and_stays_out_of_the_address(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/serve", **LINK)
    panel = opened(page, "Read a log")
    panel.get_by_role("textbox").fill(LOG)
    panel.get_by_role("textbox").press("Control+Enter")
    panel.get_by_text("Planned so on the GPUs of the form").wait_for()
    panel.locator("[data-testid=stDataFrame]").wait_for()
    panel.get_by_role("button", name="Take the log's question").click()
    page.wait_for_url("**engine_version=0.11.0**")
    drawn(page)
    assert "KV" not in page.url
    assert query(page)["context"] == "16384"


def test_three_engines_each_say_why_they_differ(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/serve", **LINK)
    words = opened(page, "Side by side").inner_text()
    for engine, why in (
        ("llama.cpp.", "allocates what is asked for"),
        ("vLLM.", "fixed share of every card"),
        ("Transformers.", "grows as it goes"),
    ):
        sentence = next(line for line in words.splitlines() if line.startswith(engine) and why in line)
        assert sentence.endswith(".")


def test_a_click_on_a_measured_point_explains_it(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/accuracy", figure="vllm: KV cache pool")
    chart = page.locator(".js-plotly-plot")
    chart.locator(".scatterlayer .point").first.wait_for()
    before = page.get_by_role("tabpanel").filter(visible=True).inner_text()
    assert "measurements: half are predicted within" in before
    assert "predicted worst" in before
    box = chart.locator(".scatterlayer .point").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("text => !document.body.innerText.includes(text)", arg="the run that is predicted worst")
    drawn(page)
    after = page.get_by_role("tabpanel").filter(visible=True).inner_text()
    assert "Measured" in after
    page.get_by_text("How it was predicted").first.wait_for()
    page.get_by_role("link", name="Source").wait_for()
