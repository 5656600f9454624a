"""Your data and the scenarios in a real browser: a page's own address on a new server, an upload, and a plan opened
from a scenario.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WAIT = 30_000


def test_a_pages_own_address_reaches_the_router(address: str, chromium: Any) -> None:
    """The first visitor of a server may come by any link."""
    page = chromium.new_page()
    page.goto(f"{address}/scenarios?scenario=personal_data")
    page.get_by_role("heading", name="Small models that look for personal data").wait_for(timeout=WAIT)
    page.get_by_text("What fits", exact=True).first.wait_for(timeout=WAIT)
    assert page.get_by_text("Page not found").count() == 0
    page.close()


def test_an_upload_gives_lengths_and_stays_out_of_the_address(address: str, chromium: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(
        "\n".join([*(json.dumps({"text": "a short note " * (1 + index % 40)}) for index in range(2_000)), "{broken"])
    )
    page = chromium.new_page()
    page.goto(f"{address}/data?max_length=128")
    page.get_by_role("heading", name="How long are your samples?").wait_for(timeout=WAIT)
    page.locator("input[type=file]").first.set_input_files(str(path))
    page.get_by_role("heading", name="2,000 samples").wait_for(timeout=WAIT)
    page.locator(".js-plotly-plot .bars").first.wait_for(timeout=WAIT)
    page.get_by_text("1 row was left out").wait_for(timeout=WAIT)
    assert "notes" not in page.url
    assert "max_length=128" in page.url
    page.close()


def test_a_scenario_opens_its_plan_and_back_returns(address: str, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto(f"{address}/scenarios")
    page.get_by_role("button", name="Open").nth(1).click(timeout=WAIT)
    page.get_by_role("heading", name="Llama 3 70B on one RTX 4090").wait_for(timeout=WAIT)
    page.wait_for_url("**scenario=multi_agent**", timeout=WAIT)
    page.get_by_role("link", name="8B in Q4_K_M, whole on the card").click()
    page.get_by_text("Meta Llama 3 8B").or_(page.get_by_text("Llama 3 8B")).first.wait_for(timeout=WAIT)
    assert "model=meta-llama%2FMeta-Llama-3-8B" in page.url
    page.go_back()
    page.get_by_role("heading", name="Llama 3 70B on one RTX 4090").wait_for(timeout=WAIT)
    page.close()
