"""The scenarios page: the gallery, each scenario with all its tables, and links to its plans."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from planner.request import PlanRequest
from planner.scenarios import scenario, scenarios
from planner.training.request import TrainRequest
from tests.pages.dashboard import landed
from ui.show.text import plain

ROOT = Path(__file__).parents[2]


def opened(**query: str) -> AppTest:
    return landed("scenarios", **query)


def test_the_gallery_opens_each() -> None:
    page = opened()
    assert not page.exception
    assert len(page.button) == len(scenarios())
    page.button(key="open:multi_agent").click().run()
    assert not page.exception
    assert "Llama 3 70B on one RTX 4090" in page.header[0].value
    page.button(key="all").click().run()
    assert not page.exception
    assert len(page.button) == len(scenarios())


@pytest.mark.parametrize("id", list(scenarios()))
def test_each_scenario_opens_with_every_table(id: str) -> None:
    one = scenario(id)
    for raw in one.tables:
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        page.switch_page("pages/scenarios.py")
        page.query_params["scenario"] = id
        page.session_state[f"tables:{id}"] = raw["title"]
        page.run()
        assert not page.exception
        assert len(page.dataframe) == 1
        assert all(
            shown.startswith(column["name"])
            for shown, column in zip(list(page.dataframe[0].value.columns)[1:], raw["columns"], strict=True)
        )
        assert len(page.dataframe[0].value) == len(raw["rows"])
    said = " ".join(text.value for text in page.markdown)
    assert all(mark not in said for mark in ("\x00", "\x01", "{", "Traceback"))


@pytest.mark.parametrize("link", ["", "nothing", "<script>alert(1)</script>", "../../etc/passwd", "x" * 5_000])
def test_any_link_opens_the_gallery(link: str) -> None:
    page = opened(scenario=link)
    assert not page.exception
    assert len(page.button) == len(scenarios())
    assert all("<script>" not in warning.value for warning in page.warning)


def test_the_plans_are_linked_in_the_app() -> None:
    """Through the router, where other pages can be linked: each plan of the scenario has its address."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.query_params["scenario"] = "personal_data"
    app.switch_page("pages/scenarios.py").run()
    assert not app.exception
    links = app.get("page_link")
    assert [link.proto.label for link in links] == [
        plain(title) for title, _ in scenario("personal_data").plans.values()
    ]
    assert all("model=" in link.proto.query_string for link in links)


OPENED = [
    (id, request)
    for id, one in scenarios().items()
    for _, request in list(one.plans.values())[:1] + list(one.plans.values())[-1:]
]


@pytest.mark.parametrize(("id", "request_"), OPENED)
def test_first_and_last_plan_of_each_open_on_their_page(id: str, request_: PlanRequest | TrainRequest) -> None:
    page = landed("fine_tune" if isinstance(request_, TrainRequest) else "plan", **request_.to_query())
    assert page.header or page.subheader
    assert page.metric


def test_a_column_of_numbers_sorts_as_numbers() -> None:
    from ui.scenarios import numbers

    assert numbers("Peak", ["9.5 GiB", "120 GiB", "–"]) == ("Peak (GiB)", [9.5, 120.0, None])
    assert numbers("Steps", ["1,602", "32"]) == ("Steps", [1602.0, 32.0])
    assert numbers("Time", ["2 min", "3 s"]) == ("Time", ["2 min", "3 s"])
    assert numbers("Card", ["fits, 3 GiB", "RTX 3060"]) == ("Card", ["fits, 3 GiB", "RTX 3060"])
