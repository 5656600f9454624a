"""Walks that lost something: a number set on one page must be in the address, in the form and in the answer of every
other, after F5 and back.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from dashboard_page import drawn, go, query, shows, type_in, verdict, visit

pytestmark = pytest.mark.browser

LINK = {"model": "meta-llama/Llama-3.1-8B-Instruct", "engine": "vllm", "gpus": "h100-sxm5-80gb"}
WALK = (
    ("How fast", "Speed"),
    ("", "Plan"),
    ("What it costs", "Cost"),
    ("What fits", "Scaling"),
    ("What fits", "Compare"),
    ("How fast", "Splits"),
    ("How fast", "Serve"),
    ("What it costs", "Job"),
    ("What fits", "Matrix"),
    ("", "My GPUs"),
    ("", "Plan"),
)


def open_page(page: Any, section: str, title: str) -> None:
    if section:
        go(page, section, title)
    else:
        page.get_by_role("link", name=title, exact=True).first.click()
    page.wait_for_timeout(200)
    drawn(page)


def test_numbers_go_along_to_every_page(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    type_in(page, "Context (tokens)", "4096")
    type_in(page, "Batch (sequences)", "50")
    for section, title in WALK:
        open_page(page, section, title)
        lost = {
            key: text
            for key, text in {**LINK, "context": "4096", "batch": "50"}.items()
            if query(page).get(key) != text
        }
        shows(page, "Context (tokens)", "4096")
        shows(page, "Batch (sequences)", "50")
        assert not lost, (title, page.url)
        if title in ("Speed", "Compare", "Job"):
            page.reload()
            drawn(page)
            shows(page, "Context (tokens)", "4096")
            shows(page, "Batch (sequences)", "50")
    for _ in range(len(WALK)):
        page.go_back()
        page.wait_for_timeout(300)
        drawn(page)
        assert "What would you like" not in verdict(page), page.url
        shows(page, "Context (tokens)", "4096")
        assert query(page).get("batch") == "50", page.url


def test_back_over_another_engine_is_a_plan(chromium: Any, address: str) -> None:
    """The format of one engine is not left beside the name of another."""
    page = visit(chromium, address, model=LINK["model"], quantization="Q4_K_M", gpus="rtx-4090")
    choose(page, "Engine", "vllm")
    open_page(page, "How fast", "Speed")
    choose(page, "Engine", "ollama")
    open_page(page, "What it costs", "Cost")
    for _ in range(2):
        page.go_back()
        page.wait_for_timeout(400)
        drawn(page)
        assert "What would you like" not in verdict(page), page.url
        assert not (query(page).get("engine") == "vllm" and query(page).get("quantization") == "Q4_K_M"), page.url


def test_a_link_that_contradicts_itself_opens_as_a_plan(chromium: Any, address: str) -> None:
    page = visit(
        chromium,
        address,
        model=LINK["model"],
        engine="vllm",
        quantization="Q4_K_M",
        gpus="h100-sxm5-80gb",
        kv_cache_dtype="q8_0",
    )
    assert "What would you like" not in verdict(page)
    page.get_by_text("vLLM does not run 'Q4_K_M'").first.wait_for()
    assert query(page) == {"model": LINK["model"], "engine": "vllm", "gpus": "h100-sxm5-80gb"}


def choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_timeout(300)
    drawn(page)


def test_what_is_taken_away_carries_the_whole_question(chromium: Any, address: str) -> None:
    """The report and the printed page are written after the click, when no address is at hand; their link is the
    plan's, and their unit the visitor's.
    """
    page = visit(chromium, address, **LINK, tab="share", units="GB")
    type_in(page, "Context (tokens)", "4096")
    wanted = {**LINK, "context": "4096"}
    for button in ("Report with the arithmetic", "Page to print"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8").replace("&amp;", "&")
        link = next(word for word in re.findall(r"https?://[^\s\"'<>)`]+", text) if "127.0.0.1" in word)
        found = dict(parse_qsl(urlsplit(link).query))
        assert wanted.items() <= found.items(), link
        assert " GB" in text
        assert " GiB" not in text.replace("1 GiB is", "")
