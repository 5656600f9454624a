"""The cost and job pages in a real browser: their own fields stand in the address, and stay in the question on other
pages.
"""

from __future__ import annotations

from typing import Any

import pytest
from dashboard_page import drawn, go, query, shows, type_in, verdict, visit

pytestmark = pytest.mark.browser

LINK = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "quantization": "Q4_K_M",
    "gpus": "rtx-3090",
    "region": "Germany",
    "requests": "1200",
    "calls_per_request": "7",
    "api": "3/15",
}


def test_a_price_goes_into_the_address_and_along_to_other_pages(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/cost", **LINK)
    assert query(page) == LINK
    said = verdict(page)
    type_in(page, "Electricity (USD/kWh)", "0.12")
    assert query(page) == LINK | {"electricity_usd_per_kwh": "0.12"}
    assert verdict(page) != said
    go(page, "What it costs", "Job")
    page.wait_for_url(lambda url: "/job" in url)
    drawn(page)
    assert query(page) == LINK | {"electricity_usd_per_kwh": "0.12"}
    shows(page, "Questions", "1200")
    assert "1,200 questions of 7 calls" in verdict(page)
    again = visit(chromium, address, "/job?" + page.url.split("?")[1])
    assert verdict(again) == verdict(page)
