"""Curves are plans: each point is the plan of its context and batch, they rise, and the limits lie on the line."""

from __future__ import annotations

import pytest

from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.searches.scaling import curve, grid, steps


def asked(**fields: object) -> Plan:
    return plan(
        PlanRequest.read(
            {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-3090", **fields}
        )
    )


def test_steps_are_whole_rising_and_reach_both_ends() -> None:
    found = steps(512, 131_072, 24)
    assert found[0] == 512
    assert found[-1] == 131_072
    assert found == sorted(set(found))
    assert steps(1, 1, 5) == [1]


@pytest.mark.parametrize("field", ["context", "batch"])
def test_memory_rises_and_every_point_is_its_plan(field: str) -> None:
    answer = asked()
    values = [1_024, 8_192, 32_768] if field == "context" else [1, 4, 16]
    contexts, batches = (values, [1]) if field == "context" else ([8_192], values)
    found = curve(answer.case, contexts, batches, answer.memory.split_held)
    assert [point.total for point in found] == sorted(point.total for point in found)
    for point in found:
        device = asked(context=point.context, batch=point.batch, **answer.memory.split_held).memory.devices[0]
        assert point.total == sum(part.expected for part in device.parts)


def test_the_largest_context_fits_and_one_step_more_does_not() -> None:
    answer = asked(model="meta-llama/Meta-Llama-3-70B-Instruct", gpus="2x rtx-4090")
    most = answer.capacity.max_batch
    here, more = curve(answer.case, [8_192], [most, most + 1], answer.memory.split_held)
    assert here.fit.enough
    assert not more.fit.enough


def test_the_frontier_is_free_memory_by_batch_and_context() -> None:
    answer = asked()
    contexts, batches = [2_048, 65_536], [1, 8, 64]
    rows = grid(curve(answer.case, contexts, batches, answer.memory.split_held), batches)
    assert [[(point.batch, point.context) for point in row] for row in rows] == [
        [(batch, context) for context in contexts] for batch in batches
    ]
    assert rows[0][0].spare > 0 > rows[2][1].spare
