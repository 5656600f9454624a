"""Speculative decoding: what a round yields, what it costs, and when it does not pay."""

from __future__ import annotations

from typing import Any

import pytest

from planner.core.errors import PlanError
from planner.performance.speculation import SURE, Speculation, one_layer
from planner.performance.timing import Timing
from planner.performance.work import Work
from planner.plan import plan
from planner.request import PlanRequest, SpeculativeSpec

DENSE = {
    "model": "Qwen/Qwen3.5-27B",
    "quantization": "Q4_K_M",
    "engine": "llama.cpp",
    "backend": "vulkan",
    "gpus": "RX 7900 XTX",
    "context": 8_192,
    "flash_attention": True,
}


def gain(question: dict[str, Any], **spec: Any) -> float:
    """How many times faster one sequence decodes with a draft."""

    def seconds(**more: Any) -> float:
        answer = plan(PlanRequest.read({**question, **more}))
        return float(Timing.of(answer.case, answer.memory).step.value)

    return seconds() / seconds(speculative=spec)


def test_a_round_yields_its_own_token_and_those_that_are_right() -> None:
    tokens = Speculation("mtp", 3, 0.5, None).tokens().value
    assert tokens == pytest.approx(1 + 0.5 + 0.25 + 0.125)
    assert Speculation("mtp", 3, 0.0, None).tokens().value == 1
    assert Speculation.of(SpeculativeSpec(kind="mtp", tokens=2, acceptance=1)).acceptance == SURE


def test_what_is_not_given_is_the_kind_s_usual() -> None:
    assert Speculation.of(SpeculativeSpec(kind="mtp")) == Speculation("mtp", 3, 0.74, None)
    assert Speculation.of(SpeculativeSpec(kind="ngram", tokens=8)).drafted == 8


@pytest.mark.parametrize(("tokens", "acceptance", "measured"), [(3, 0.72, 70.7 / 28.8), (3, 0.73, 85.4 / 41.0)])
def test_gains_as_measured(tokens: int, acceptance: float, measured: float) -> None:
    """A 27B on an RX 7900 XTX with its own head: https://github.com/sudoingX/qwen38-mtp/pull/35 and /53."""
    assert gain(DENSE, kind="mtp", tokens=tokens, acceptance=acceptance) == pytest.approx(measured, rel=0.25)


def test_a_better_draft_is_faster_and_a_useless_one_slower() -> None:
    gains = [gain(DENSE, kind="mtp", acceptance=share) for share in (0.0, 0.3, 0.6, 0.9)]
    assert gains == sorted(gains)
    assert gains[0] < 1 < gains[-1]


def test_it_gains_less_on_sparse_models_and_at_batch() -> None:
    sparse = {**DENSE, "model": "Qwen/Qwen3-30B-A3B"}
    assert gain(sparse, kind="mtp") < gain(DENSE, kind="mtp")
    server = {"model": "Qwen/Qwen3-32B", "engine": "vllm", "gpus": "H100 SXM", "context": 4_096}
    gains = [gain({**server, "batch": batch}, kind="eagle") for batch in (1, 64, 256)]
    assert gains == sorted(gains, reverse=True)


def test_a_draft_model_costs_its_own_reading() -> None:
    question = {"model": "Qwen/Qwen3-32B", "engine": "vllm", "gpus": "H100 SXM", "context": 4_096}
    small = gain(question, kind="draft", model="Qwen/Qwen3-0.6B", acceptance=0.7)
    large = gain(question, kind="draft", model="Qwen/Qwen3-8B", acceptance=0.7)
    nothing = gain(question, kind="ngram", tokens=4, acceptance=0.7)
    assert large < small < nothing


def test_a_draft_that_nobody_knows_is_refused() -> None:
    with pytest.raises(PlanError):
        gain(DENSE, kind="draft", model="nobody/nothing-1B")
    with pytest.raises(PlanError, match="speculative"):
        PlanRequest.read({**DENSE, "speculative": {"kind": "magic"}})


def test_one_layer_of_some() -> None:
    work = Work(layers=4, sparse_layers=2, dense_bytes=400, experts=((200, 0.5),), flops=90.0, routed_flops=50.0)
    layer = one_layer(work)
    assert (layer.layers, layer.sparse_layers, layer.dense_bytes, layer.experts) == (1, 1, 100, ((100, 0.5),))
    assert layer.flops == 10 + 25


def test_speculation_shows_its_steps_and_travels_in_the_link() -> None:
    request = PlanRequest.read({**DENSE, "speculative": {"kind": "mtp", "tokens": 2}})
    labels = [step.label for step in plan(request).speed.decode_tokens_per_s.steps]
    assert {"Time to draft", "Tokens of a round", "Time between two tokens"} <= set(labels)
    assert PlanRequest.from_query(request.to_query()) == request
