"""What a loaded machine draws with nothing to do: far below its work, and no more than a share of its rated power."""

import pytest

from planner.plan import plan
from planner.request import PlanRequest


@pytest.mark.parametrize(
    ("gpus", "low", "high"), [("rtx-4090", 10, 60), ("2x rtx-4090", 20, 120), ("h100-sxm5-80gb", 50, 150), ("", 0, 0)]
)
def test_a_loaded_machine_at_rest(gpus: str, low: float, high: float) -> None:
    speed = plan(
        PlanRequest.read({"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": gpus})
    ).speed
    assert low <= speed.idle_watts.low <= speed.idle_watts.expected <= speed.idle_watts.high <= high
    assert speed.idle_watts.expected <= speed.decode_watts.expected


def test_idling_between_costs_less_than_working() -> None:
    cost = plan(
        PlanRequest.read(
            {"model": "meta-llama/Meta-Llama-3-70B", "quantization": "Q4_K_M", "gpus": "rtx-4090", "hours_per_day": 12}
        )
    ).cost
    assert cost.idle_kwh_per_day.expected < cost.day.energy_kwh.expected / 2, (
        "neither the card nor the processor that helps it is at work"
    )
