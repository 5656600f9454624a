"""Addresses and the back button across pages: the whole question on each page, one step back for each page, and no
field of one page in another.
"""

from __future__ import annotations

from typing import Any

import pytest
from dashboard_page import drawn, go, query, shows, verdict, visit

pytestmark = pytest.mark.browser

LINK = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "quantization": "Q4_K_M",
    "gpus": "rtx-3090",
    "requests": "1200",
    "ubatch": "256",
}
SHARED = {key: LINK[key] for key in ("model", "gpus")}


def test_every_page_carries_the_question_and_is_one_step_back(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    steps = page.evaluate("history.length")
    for section, title, path in (
        ("What fits", "Scaling", "scaling"),
        ("What it costs", "Cost", "cost"),
        ("Fine-tune", "Fine-tune", "fine_tune"),
    ):
        go(page, section, title)
        holds(page, path, SHARED if path == "fine_tune" else LINK)
    go(page, "What fits", "Compare")
    holds(page, "compare", LINK)
    assert page.evaluate("history.length") == steps + 4
    for path, wanted in (("fine_tune", SHARED), ("cost", LINK), ("scaling", LINK), ("", LINK)):
        page.go_back()
        holds(page, path, wanted)
        assert "What would you like" not in verdict(page)


def test_fine_tuning_asks_its_own_questions(chromium: Any, address: str) -> None:
    """A frozen base in NF4 without flash attention is no format of the Plan page, and the Plan's format is no frozen
    base.
    """
    page = visit(chromium, address, "/fine_tune", **SHARED, quantization="nf4", flash_attention="false", v="1")
    holds(page, "fine_tune", SHARED | {"quantization": "nf4", "flash_attention": "false"})
    page.get_by_role("link", name="Plan").click()
    holds(page, "", SHARED)
    assert verdict(page).startswith("check_circle")


def test_a_link_that_says_little_takes_defaults_for_the_rest(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/scaling", **SHARED)
    assert query(page) == SHARED
    shows(page, "Context (tokens)", "8192")
    shows(page, "Batch (sequences)", "1")


def test_a_link_whose_model_and_card_are_gone_says_so_and_what_to_do(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/cost", model="gone/Gone-7B", gpus="rtx-9999", context="4096")
    assert page.locator("[data-testid=stException]").count() == 0
    assert "What would you like to run?" in verdict(page)
    page.get_by_text("The rest of the link is kept.").first.wait_for()
    shows(page, "Context (tokens)", "4096")
    page.get_by_role("button", name="Llama 3 70B on an RTX 4090").click()
    page.get_by_text("A million output tokens cost").first.wait_for()


def holds(page: Any, path: str, wanted: dict[str, str]) -> None:
    """Wait until the address is this page's with this question."""
    page.wait_for_function(
        """([path, wanted]) => location.pathname === "/" + path
            && JSON.stringify([...new URLSearchParams(location.search)].sort()) === JSON.stringify(Object.entries(wanted).sort())""",
        arg=[path, wanted],
    )
    drawn(page)
