"""The verdict speaks of what was asked for: ranges that straddle a limit, users that a pool holds, and one rule for
every place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import PlanRequest, plan
from planner.memory.quantity import Quantity
from planner.plan import Plan
from planner.report.json import plan_json
from planner.report.markdown import markdown
from planner.searches.scaling import curve
from planner.verdict import STANDINGS, SURE, below, judge, standing

QWEN3_32B = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 5120, "intermediate_size": 25600,
    "num_hidden_layers": 64,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
    "max_position_embeddings": 40960, "max_window_layers": 64,
    "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
SERVERS = ("vllm", "sglang", "tensorrt-llm")


def ask(**fields: Any) -> Plan:
    return plan(PlanRequest.read(fields))


def served(batch: int, **fields: Any) -> Plan:
    return ask(
        **{"config": QWEN3_32B, "engine": "vllm", "gpus": "2x H100 SXM", "context": 16_384, "batch": batch, **fields}
    )


def test_fifty_users_of_whom_the_cache_holds_eighteen_are_not_green() -> None:
    answer = served(50)
    assert answer.memory.pool is not None
    assert answer.memory.pool.tokens == 300_512
    assert answer.fit.reason == "Starts, and holds 18 of your 50 at full length; the others wait."
    assert (answer.fit.verdict, answer.fit.held, answer.fit.waiting, answer.fit.words) == (
        "tight",
        18,
        32,
        "holds 18 of 50",
    )
    assert answer.fit.probability > SURE, "the probability speaks of the total, which stays under the capacity"
    assert answer.capacity.max_batch == answer.fit.held
    found = plan_json(answer)
    assert (found["fit"]["verdict"], found["fit"]["held"], found["capacity"]["max_batch"]) == ("tight", 18, 18)
    assert "holds 18 of your 50" in markdown(answer)


def test_sixteen_users_all_have_room_and_are_green() -> None:
    answer = served(16)
    assert answer.fit.verdict == "fits"
    assert answer.fit.reason.endswith("with room for all 16 at full length.")
    assert plan_json(answer)["fit"]["held"] == 18
    assert served(1).fit.verdict == "fits"


def test_the_model_by_its_name_holds_as_many() -> None:
    for batch in (16, 18, 50):
        own, named = served(batch), served(batch, config=None, model="Qwen/Qwen3-32B")
        assert named.fit == own.fit
        assert named.memory.pool == own.memory.pool


def test_where_the_range_of_the_pool_straddles_the_batch_the_sentence_says_from_where_to_where() -> None:
    fit = served(18).fit
    assert (fit.verdict, fit.reason) == (
        "tight",
        "Starts, and holds 17 to 18 of your 18 at full length; any others wait.",
    )
    assert fit.enough, "the expected pool holds them"
    assert served(19).fit.reason == "Starts, and holds 18 of your 19 at full length; the other waits."


def test_a_cache_that_may_hold_not_one_request_is_tight_and_says_that_it_may_not_start() -> None:
    limit = served(1, gpus="H100 SXM").capacity.max_context
    doubt = "Tight: the cache may be too small for one request of full length, and then the engine does not start."
    assert served(1, gpus="H100 SXM", context=limit).fit.reason == doubt
    assert (
        served(9, gpus="H100 SXM", context=limit).fit.reason
        == f"{doubt} If it starts, it holds 1 of your 9 at full length; the others wait."
    )
    assert served(1, gpus="H100 SXM", context=limit + 16).fit.verdict == "does_not_fit"


def test_replicas_hold_their_sequences_together_and_share_none() -> None:
    one, two = served(50).fit, served(50, gpus="4x H100 SXM", data_parallel=2).fit
    assert one.held is not None
    assert two.held == 2 * one.held
    assert served(2 * one.held, gpus="4x H100 SXM", data_parallel=2).fit.enough
    assert not served(2 * one.held + 1, gpus="4x H100 SXM", data_parallel=2).fit.enough


@pytest.mark.parametrize("engine", SERVERS)
def test_every_engine_with_a_pool_is_green_only_where_all_are_held(engine: str) -> None:
    for batch in (1, 8, 15, 16, 17, 18, 19, 20, 21, 200):
        answer = served(batch, engine=engine)
        assert answer.memory.pool is not None
        sure = answer.memory.pool.sequence_range[0] >= batch
        assert sure or answer.fit.verdict == "tight", (batch, answer.fit.reason)
        assert (answer.fit.verdict == "fits") == (sure and answer.fit.probability >= SURE), (batch, answer.fit.reason)
        assert answer.fit.held == int(answer.memory.pool.sequences)
        assert answer.fit.waiting == max(batch - answer.fit.held, 0)


def test_what_a_server_refuses_stays_refused_and_holds_nobody() -> None:
    fit = ask(model="llama3:70b", engine="vllm", gpus="RTX 4090", batch=50).fit
    assert (fit.verdict, fit.probability, fit.held) == ("does_not_fit", 0.0, 0)
    assert "CUDA out of memory" in fit.reason


def test_a_model_without_a_cache_holds_no_number_of_users() -> None:
    fit = ask(model="BAAI/bge-m3", engine="vllm", gpus="H100", batch=500).fit
    assert (fit.verdict, fit.held, fit.waiting) == ("fits", None, 0)


def test_a_way_out_of_waiting_lets_nobody_wait() -> None:
    answer = served(50)
    assert answer.advice
    assert all(plan(answer.request.changed(**way.change)).fit.enough for way in answer.advice)


def test_the_largest_context_of_a_batch_is_the_last_at_which_all_are_held() -> None:
    most = served(50).capacity.max_context
    assert served(50, context=most).fit.enough
    assert not served(50, context=most + 16).fit.enough
    assert 5_900 < most < 6_100, "300,512 tokens for 50"


def test_a_range_that_straddles_the_limit_may_fit() -> None:
    """A model under Transformers on cards whose memory moves across its need."""
    whole = ask(model="llama3:8b", engine="transformers", gpus="H100")
    need = whole.memory.devices[0].total
    seen = []
    for limit in (need.high, need.high - 1, need.expected, need.expected - 2**20, need.low, need.low - 1):
        fit = judge(whole.case, replace(whole.memory, devices=(replace(whole.memory.devices[0], usable_bytes=limit),)))
        seen.append((fit.verdict, fit.runs))
        if fit.headroom_bytes < 0 and fit.verdict == "tight":
            assert fit.reason.startswith(f"May fit ({fit.probability:.0%}): ")
            assert fit.words == f"may fit ({fit.probability:.0%})"
            assert 1 - SURE - 1e-4 < fit.probability < 0.5
    assert seen == [
        ("fits", True),
        ("tight", True),
        ("tight", True),
        ("tight", False),
        ("tight", False),
        ("does_not_fit", False),
    ]


def test_a_server_that_is_expected_to_run_out_does_not_fit_and_says_its_chance() -> None:
    """It takes its share whatever the load: a smaller share is safe."""
    found = ask(
        model="gpt-oss:20b",
        engine="vllm",
        engine_version="0.19.0",
        quantization="mxfp4",
        gpus="H100 SXM",
        gpu_memory_utilization=0.95,
    ).fit
    assert found.verdict == "does_not_fit"
    assert "the chance that it starts all the same is" in found.reason
    assert ask(
        model="gpt-oss:20b",
        engine="vllm",
        engine_version="0.19.0",
        quantization="mxfp4",
        gpus="H100 SXM",
        gpu_memory_utilization=0.9,
    ).fit.runs


def test_equal_gpus_err_together() -> None:
    """Two ranks of one server need the same: that one fits says that the other does."""
    one, eight = (
        ask(model="llama3:8b", engine="tensorrt-llm", gpus=f"{count}x H100 SXM", tensor_parallel=count)
        for count in (1, 8)
    )
    for answer in (one, eight):
        device = answer.memory.devices[0]
        assert answer.fit.probability == below(device.total, device.usable_bytes)


@given(low=st.integers(0, 100), middle=st.integers(0, 100), high=st.integers(0, 100), limit=st.integers(0, 400))
def test_the_ends_of_a_range_are_where_the_probability_says(low: int, middle: int, high: int, limit: int) -> None:
    need = Quantity(100 - low, 100, 100 + high)
    verdict = STANDINGS[int(standing(need.low, need.high, limit))]
    chance = below(need, limit)
    assert (verdict == "fits") == (limit >= need.high)
    assert (chance >= SURE) == (verdict == "fits")
    assert (chance < 1 - SURE) == (verdict == "does_not_fit") or limit == need.low


def test_the_rule_is_the_same_for_arrays() -> None:
    import numpy as np

    limits = np.array([9, 10, 15, 20, 21])
    assert (
        standing(10, 20, limits).tolist() == [int(standing(10, 20, int(limit))) for limit in limits] == [0, 1, 1, 2, 2]
    )


@pytest.mark.parametrize("engine", [*SERVERS, "transformers", "llama.cpp"])
def test_a_point_of_a_curve_has_the_verdict_of_its_plan(engine: str) -> None:
    answer = ask(
        model="llama3:8b",
        engine=engine,
        gpus="RTX 4090",
        quantization="Q4_K_M" if engine == "llama.cpp" else "auto",
        gpu_layers=None,
    )
    for point in curve(answer.case, (2_048, 8_192), (1, 4, 64)):
        own = plan(answer.request.changed(context=point.context, batch=point.batch))
        assert point.fit == own.fit
        if own.memory.pool is not None and own.fit.runs:
            assert (point.spare >= 0) == (own.memory.pool.sequences >= point.batch)
