"""Points and cells that a click takes into the plan, in a real browser; what a page shows stands in its address under
lasting names.
"""

from __future__ import annotations

from typing import Any

import pytest
from dashboard_page import drawn, query, verdict, visit

pytestmark = pytest.mark.browser

LINK = {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-3090"}


def test_a_click_takes_a_cell_and_a_point_into_the_plan(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/scaling", **LINK, tab="context-and-batch")
    cells = page.locator(".js-plotly-plot .hm").first
    cells.wait_for()
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    page.mouse.click(
        box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"]
    )  # the third column of ten, the third row from below
    page.wait_for_url(lambda url: "context=3010" in url and "batch=3" in url)
    page.get_by_role("tab", name="By part").click()
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .scatterlayer .points path').length > 30")
    drawn(page)
    point = page.locator(".js-plotly-plot .scatterlayer .points path").nth(10)
    point.click(force=True)
    page.wait_for_url(lambda url: "context=3010" not in url)
    drawn(page)
    assert query(page)["batch"] == "3"
    assert "tab" not in query(page)


def test_a_link_restores_the_open_tab_and_its_curves(chromium: Any, address: str) -> None:
    wanted = {**LINK, "against": "batch", "tab": "models", "overlay_model": "Qwen/Qwen3-8B"}
    page = visit(chromium, address, "/scaling", **wanted)
    page.get_by_text("Largest that is drawn and fits: Qwen3 8B").wait_for()
    assert query(page) == wanted
    assert page.get_by_role("tab", selected=True).inner_text() == "Models"


def test_a_click_on_a_cell_of_the_matrix_opens_its_plan_and_back_returns(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/matrix", **LINK, matrix_show="verdict")
    table = page.locator("[data-testid=stDataFrame] canvas").first
    table.wait_for()
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 60)  # a card's column in the first row
    page.wait_for_url(lambda url: "/matrix" not in url and "Qwen3-0.6B" in url)
    drawn(page)
    assert "Fits" in verdict(page)
    page.go_back()
    page.wait_for_url("**/matrix**")
    page.get_by_text("combinations fit").wait_for()
    assert query(page) == LINK | {"matrix_show": "verdict"}
