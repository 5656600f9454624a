"""Links as strangers make them, and what visitors take away: payloads stay text, a comparison is one link, files
download.
"""

from __future__ import annotations

from typing import Any

import pytest
from dashboard_page import drawn, go, query, verdict, visit

from ui.question.form import PLAN

pytestmark = pytest.mark.browser

PAYLOAD = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LINK = {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-3090"}


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", {}),
        ("/cost", {}),
        ("/matrix", {"matrix_model": PAYLOAD}),
        ("/fine_tune", {"lora_targets": PAYLOAD, "base": PAYLOAD}),
    ],
)
def test_markup_in_every_parameter_stays_text(chromium: Any, address: str, path: str, own: dict[str, str]) -> None:
    texts = {key: PAYLOAD for key in PLAN.fields if PLAN.number_type(key) is None and key not in LINK}
    page = visit(chromium, address, path, **LINK | texts | own, tab=PAYLOAD, scenario=PAYLOAD, pin=PAYLOAD)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.wait_for_timeout(300)
    assert dialogs == []
    assert (
        page.locator(
            "img[src='x'], [data-testid=stMain] script, [data-testid=stSidebar] script, [data-testid=stException]"
        ).count()
        == 0
    )
    assert page.outside == []


def test_a_comparison_is_one_link_and_files_are_taken_away(chromium: Any, address: str, tmp_path: Any) -> None:
    page = visit(chromium, address, "/compare", **LINK)
    page.get_by_role("button", name="Pin the plan of the form").click()
    page.wait_for_url("**pin=**")
    drawn(page)
    page.get_by_role("combobox", name="Engine").first.click()
    page.get_by_role("option", name="vllm", exact=True).click()
    page.wait_for_url("**engine=vllm**")
    drawn(page)
    page.get_by_role("button", name="Pin the plan of the form").click()
    page.wait_for_url(lambda url: url.count("pin=") == 2)
    page.get_by_text("of these 2 plans").wait_for()
    said = page.locator("[data-testid=stMain] strong").first.inner_text()
    other = visit(chromium, address, "/compare?" + page.url.split("?")[1])
    other.get_by_text("of these 2 plans").wait_for()
    assert other.locator("[data-testid=stMain] strong").first.inner_text() == said
    assert other.url.count("pin=") == 2
    with other.expect_download() as waiting:
        other.get_by_role("button", name="Comparison as CSV").click()
    assert "Memory needed (GiB)" in (waiting.value.path()).read_text()


def test_the_share_tab_has_the_link_the_files_and_a_page_to_print(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK, tab="share")
    assert "v=1" in page.locator("[data-testid=stCode]").first.inner_text()
    for name, holds in (("Report with the arithmetic", "Llama-3.1-8B-Instruct"), ("Page to print", "<table>")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        assert holds in (waiting.value.path()).read_text()
    assert query(page)["tab"] == "share"


def test_the_unit_of_memory_goes_along_to_other_pages_and_back(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    assert "GiB" in verdict(page)
    page.get_by_text("Advanced").click()
    page.get_by_role("radio", name="GB", exact=True).click()
    page.wait_for_function("() => !document.querySelector('[data-testid=stHeading] h2').innerText.includes('GiB')")
    page.wait_for_url(lambda url: "units=GB" in url)
    go(page, "What fits", "Scaling")
    page.get_by_text("GB usable").first.wait_for()
    assert query(page)["units"] == "GB"
    page.close()
