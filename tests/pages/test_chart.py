"""The charts that are written as plain dicts:

Plotly itself accepts every property of each, and a label stands where its line does.
"""

from __future__ import annotations

from math import log10

import plotly.graph_objects as go
import pytest

import planner
from planner.plan import Plan
from ui import scaling
from ui.show import memory_bar
from ui.show.chart import drawn
from ui.show.colours import DARK, LIGHT

PLANS = {
    "fits": {"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": "RTX 4090"},
    "partly in system memory": {
        "model": "llama3:70b",
        "quantization": "Q4_K_M",
        "gpus": "2x RTX 3090",
        "context": 65_536,
    },
    "does not fit": {"model": "llama3:70b", "engine": "vllm", "gpus": "RTX 4090"},
    "without a GPU": {"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": ""},
}


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return planner.plan(planner.PlanRequest.read(PLANS[request.param]))


def test_plotly_accepts_the_memory_bar(plan: Plan) -> None:
    spec = drawn(memory_bar.figure(memory_bar.rows(plan), LIGHT)).to_dict()
    assert len(go.Figure(spec).data) == len(spec["data"]) >= 2
    assert spec["layout"]["template"]["data"].keys() == {"bar"}


@pytest.mark.parametrize("field", scaling.FIELDS)
def test_plotly_accepts_the_curves(plan: Plan, field: str) -> None:
    points = scaling.points(plan, field)
    for spec in (
        scaling.stacked(points, plan, field, DARK),
        scaling.overlaid({"one": points, "two": points}, field, DARK),
    ):
        assert go.Figure(drawn(spec).to_dict()).layout.xaxis.type == "log"


def test_plotly_would_refuse_a_property_that_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="widht"):
        go.Figure(drawn({"data": [{"type": "bar", "widht": 1}], "layout": {}}).to_dict())


def test_the_limit_is_labelled_at_its_line() -> None:
    plan = planner.plan(planner.PlanRequest.read({"model": "llama3.1:8b", "quantization": "Q8_0", "gpus": "RTX 3060"}))
    layout = scaling.stacked(scaling.points(plan, "context"), plan, "context", LIGHT)["layout"]
    label = next(note for note in layout["annotations"] if "limit" in note["text"])
    limit = plan.capacity.max_context
    assert label["x"] == pytest.approx(log10(limit))
    assert limit in {shape["x0"] for shape in layout["shapes"]}
