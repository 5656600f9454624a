"""The plan page in a real browser: its address is the question, in both directions, and back undoes."""

from __future__ import annotations

from typing import Any

import pytest
from dashboard_page import drawn, query, shows, type_in, verdict, visit

from ui.question.form import PLAN

pytestmark = pytest.mark.browser

LINK = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "quantization": "Q8_0",
    "gpus": "rtx-3090",
    "context": "16384",
    "batch": "2",
    "ubatch": "256",
}


def test_first_visit_writes_the_question_into_the_address_and_asks_nobody_else(chromium: Any, address: str) -> None:
    page = visit(chromium, address)
    page.wait_for_url(lambda url: "gpus=" in url)
    assert query(page) == PLAN.example
    assert "layers fit on the GPU" in verdict(page)
    assert page.outside == []
    # The blank page of a new tab and this one: the bare address is no step to go back to.
    assert page.evaluate("history.length") == 2


def test_a_link_opens_the_same_plan_in_another_browser(chromium: Any, address: str) -> None:
    first = visit(chromium, address, **LINK)
    type_in(first, "Batch (sequences)", "3")
    assert query(first) == LINK | {"batch": "3"}
    second = visit(chromium, address, "/?" + first.url.split("?")[1])
    assert verdict(second) == verdict(first)
    shows(second, "Context (tokens)", "16384")
    assert query(second) == query(first)


def test_a_number_redraws_the_page_with_and_without_a_body_of_its_own(chromium: Any, address: str) -> None:
    """The sidebar stays as it is; a button of the page, or a question without an answer, draws it anew."""
    page = visit(chromium, address, **PLAN.example)
    model = page.get_by_role("combobox", name="Model").element_handle()
    for context, batch in (("4096", "2"), ("12288", "1")):
        said = verdict(page)
        type_in(page, "Context (tokens)", context)
        type_in(page, "Batch (sequences)", batch)
        page.wait_for_function(
            "words => document.querySelector('[data-testid=stHeading] h2').innerText !== words", arg=said
        )
    again = visit(chromium, address, **query(page))
    assert verdict(again) == verdict(page)
    again.close()
    assert page.evaluate("field => field.isConnected", model)
    other = visit(chromium, address, "/matrix", **LINK)
    type_in(other, "Context (tokens)", "12345")
    other.get_by_text("12,345 tokens each").wait_for()
    assert query(other)["context"] == "12345"
    other.close()


def test_a_number_after_a_way_out_and_a_way_out_after_a_number(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **PLAN.example)
    type_in(page, "Context (tokens)", "4096")
    page.locator("[data-testid=stMain] [data-testid=stColumn] [data-testid=stButton] button").first.click()
    page.wait_for_url(lambda url: "quantization=Q4_K_M" not in url or "gpus=rtx-4090" not in url)
    drawn(page)
    shows(page, "Context (tokens)", "4096")
    type_in(page, "Context (tokens)", "6144")
    again = visit(chromium, address, **query(page))
    assert query(again) == query(page)
    assert query(page)["context"] == "6144"
    assert verdict(again) == verdict(page)


def test_the_default_leaves_the_address(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    type_in(page, "Context (tokens)", "8192")
    assert "context" not in query(page)
    assert query(page)["ubatch"] == "256"


def test_a_way_out_changes_the_address_and_back_undoes_it(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **PLAN.example)
    before, said = query(page), verdict(page)
    page.locator("[data-testid=stMain] [data-testid=stColumn] [data-testid=stButton] button").first.click()
    page.wait_for_url(lambda url: "quantization=Q4_K_M" not in url or "gpus=rtx-4090" not in url)
    drawn(page)
    assert verdict(page) != said
    assert query(page) != before
    page.go_back()
    page.wait_for_url(lambda url: "quantization=Q4_K_M" in url and "gpus=rtx-4090" in url)
    page.wait_for_function(
        "words => document.querySelector('[data-testid=stHeading] h2').innerText.includes(words)", arg="layers fit"
    )
    drawn(page)
    assert verdict(page) == said
    assert query(page) == before


def test_what_a_link_says_is_never_markup(chromium: Any, address: str) -> None:
    page = visit(
        chromium,
        address,
        model="<img src=x onerror=alert(1)>",
        gpus="**rtx** [a](http://example.org)",
        region="<b>x</b>",
    )
    assert page.locator("[data-testid=stMain] img, [data-testid=stSidebar] img, [data-testid=stMain] b").count() == 0
    assert page.locator("a[href*='example.org']").count() == 0
    assert page.outside == []


def test_sliders_move_the_answer_and_the_exact_fields_follow(chromium: Any, address: str) -> None:
    page = visit(chromium, address, model="Qwen/Qwen3-8B", quantization="Q4_K_M", gpus="rtx-3060-12gb")
    said = verdict(page)
    page.get_by_role("slider", name="Context").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: "context=16384" in url)
    shows(page, "Context (tokens)", "16384")
    page.wait_for_function(
        "words => document.querySelector('[data-testid=stHeading] h2').innerText !== words", arg=said
    )
    page.get_by_role("slider", name="Format").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: "quantization=Q4_K_M" not in url and "quantization=" in url)
    drawn(page)
    chosen = query(page)["quantization"]
    assert page.get_by_role("combobox", name="in the quantization").input_value() == chosen
    page.go_back()
    page.wait_for_url(lambda url: "quantization=Q4_K_M" in url and "context=16384" in url)
    shows(page, "Context (tokens)", "16384")


def test_on_a_phone_the_form_is_one_line_until_it_is_opened(chromium: Any, address: str) -> None:
    phone = chromium.new_context(
        viewport={"width": 390, "height": 844},
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    )
    page = phone.new_page()
    page.goto(f"{address}/?model=Qwen/Qwen3-8B&quantization=Q4_K_M&gpus=rtx-3060-12gb")
    drawn(page)
    field = page.get_by_role("spinbutton", name="Context (tokens)")
    assert not field.is_visible()
    page.get_by_text("Qwen3 8B, Q4_K_M, on rtx-3060-12gb").click()
    field.wait_for(state="visible")
    assert verdict(page).startswith("check_circle")
    phone.close()
