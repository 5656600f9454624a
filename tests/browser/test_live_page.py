"""The live page in a real browser: a while of looking at it, and the visitor's own GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.live_page import soak

pytestmark = pytest.mark.browser
SECONDS = 7.0
FEW_BYTES = 6 * 2**20


def test_looking_at_it_costs_the_server_nothing(tmp_path: Path, chromium: Any) -> None:
    found = soak(SECONDS, tmp_path, chromium)
    assert found.complaints == ()
    assert found.opened == 1
    assert found.changes >= 3  # it is read every second, and a busy machine draws some readings at once
    assert found.grown_bytes < FEW_BYTES


def test_a_browser_s_own_gpu_is_a_hint_that_the_visitor_confirms(address: str, chromium: Any) -> None:
    """Chromium without a GPU names its software renderer, which is no card; the visitor's choice is what the plan then
    uses.
    """
    page = chromium.new_page(viewport={"width": 1_400, "height": 1_400})
    try:
        page.goto(f"{address}/my_gpus?model=meta-llama/Meta-Llama-3-8B&quantization=Q4_K_M&gpus=rtx-4090")
        page.get_by_role("tab", name="The computer in front of you").click()
        page.get_by_role("button", name="Ask my browser").click()
        page.get_by_text("draws in software").wait_for()
        page.get_by_role("combobox", name="Your GPU").fill("RTX 3060 12GB")
        page.get_by_role("option", name="GeForce RTX 3060 12GB").first.click()
        page.get_by_role("button", name="Plan on this GPU").click()
        page.get_by_text("usable on GeForce RTX 3060 12GB").first.wait_for()
        page.wait_for_url("**gpus=rtx-3060-12gb**")
    finally:
        page.close()
