"""The matrix agrees with the plan of each cell, and its numbers move the right way."""

from __future__ import annotations

import pytest

from planner import catalog
from planner.engines.registry import engine
from planner.hardware.names import resolve
from planner.matrix import needs, verdicts
from planner.matrix_cards import less, matrix
from planner.matrix_speed import decode_speeds
from planner.memory.remember import MOST
from planner.plan import plan
from planner.request import PlanRequest

CARDS = ("rtx-3060-12gb", "rtx-3090", "rtx-4090", "a100-sxm4-80gb", "h100-sxm5-80gb")
MODELS = ("meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-30B-A3B", "meta-llama/Meta-Llama-3-70B-Instruct")


@pytest.mark.parametrize(("engine", "format", "count"), [("llama.cpp", "Q4_K_M", 1), ("llama.cpp", "Q8_0", 2), ("vllm", "bf16", 1), ("vllm", "bf16", 2)])
def test_every_cell_is_the_verdict_of_its_plan(engine: str, format: str, count: int) -> None:
    rows = list(needs(PlanRequest(model="-", engine=engine), MODELS, (format,), (count,)))
    verdict, batch = verdicts(rows, [resolve(card).usable_bytes for card in CARDS])
    for row, codes, batches in zip(rows, verdict, batch, strict=True):
        for card, code, largest in zip(CARDS, codes, batches, strict=True):
            one = plan(PlanRequest.read({"model": row.model, "engine": engine, "quantization": format, "gpus": f"{count}x {card}"}))
            free = min(device.usable_bytes - device.total.expected for device in one.memory.devices)
            if (abs(free) > 2**29 or one.memory.pool) and one.fit.verdict != "tight":  # closer than the cards' own overhead, only the plan can tell
                assert (code > 0) == (one.fit.verdict in ("fits", "tight")), (row.model, card, code, one.fit)
                assert (largest > 0) == (code > 0)


SAMPLE = list(catalog.models())[::7]


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_of_any_model_is_exactly_its_plan_on_a_card_that_holds_it(count: int) -> None:
    """Also after other formats and other contexts were asked, of which some results are kept."""
    for context in (4_096, 16_384):
        request = PlanRequest(model="-", context=context)
        for row in needs(request, SAMPLE, ("Q4_K_M", "IQ3_XS", "Q8_0"), (count,)):
            one = plan(PlanRequest.read({"model": row.model, "context": context, "quantization": row.format, "gpus": f"{count}x h200-sxm-141gb"}))
            if one.fit.verdict == "fits" and row.total <= one.memory.devices[0].usable_bytes:  # where it is tighter, a plan moves layers to the freer card
                fullest = max((device.total for device in one.memory.devices), key=lambda total: total.expected)
                assert row.total == fullest.expected, row.model
                assert (row.low, row.high) == (fullest.expected - fullest.low, fullest.high - fullest.expected), row.model


@pytest.mark.parametrize("name", ["llama.cpp", "ollama", "vllm", "sglang", "tensorrt-llm", "transformers", "mlx"])
def test_every_model_has_a_row_or_a_reason(name: str) -> None:
    rows = list(needs(PlanRequest(model="-", engine=name), SAMPLE, (engine(name).formats()[0],)))
    verdict, batch = verdicts(rows, [resolve(card).usable_bytes for card in CARDS])
    assert verdict.shape == batch.shape == (len(SAMPLE), len(CARDS))
    for row, largest in zip(rows, batch, strict=True):
        assert row.refusal or (row.total > 0 and row.slope > 0)
        assert (largest >= 0).all()


def test_what_is_kept_of_a_model_is_bounded() -> None:
    architecture = catalog.find(MODELS[0]).architecture
    for context in range(2_000, 2_000 + 64 * 2 * MOST, 64):
        list(needs(PlanRequest(model="-", context=context), MODELS[:1], ("Q4_K_M",)))
    assert max(len(kept) for kept in architecture.__dict__["_remembered"].values()) <= MOST


def test_longer_contexts_need_more_and_hold_fewer() -> None:
    cards = [resolve("rtx-4090").usable_bytes]
    totals, batches = [], []
    for context in (2_048, 8_192, 32_768):
        rows = list(needs(PlanRequest(model="-", context=context), MODELS[:1], ("Q4_K_M",)))
        totals.append(rows[0].total)
        batches.append(int(verdicts(rows, cards)[1][0, 0]))
    assert totals == sorted(totals)
    assert batches == sorted(batches, reverse=True)
    assert batches[-1] > 0


def test_what_an_engine_refuses_is_a_row_with_its_reason() -> None:
    rows = list(needs(PlanRequest(model="-", engine="vllm"), MODELS[:1], ("bf16",), (3,)))
    verdict, batch = verdicts(rows, [resolve("h100-sxm5-80gb").usable_bytes])
    if rows[0].refusal:
        assert verdict.sum() == batch.sum() == 0


@pytest.mark.parametrize(("engine", "format", "count"), [("llama.cpp", "Q4_K_M", 1), ("llama.cpp", "Q8_0", 2), ("vllm", "bf16", 1), ("vllm", "bf16", 2)])
def test_every_speed_is_that_of_its_plan(engine: str, format: str, count: int) -> None:
    request = PlanRequest(model="-", engine=engine)
    rows, cards = list(needs(request, MODELS, (format,), (count,))), [resolve(card) for card in CARDS]
    speeds, (verdict, _) = decode_speeds(request, rows, cards), verdicts(rows, [card.usable_bytes for card in cards])
    compared = 0
    for row, line, codes in zip(rows, speeds, verdict, strict=True):
        for card, speed, code in zip(CARDS, line, codes, strict=True):
            one = plan(PlanRequest.read({"model": row.model, "engine": engine, "quantization": format, "gpus": f"{count}x {card}"}))
            if code == 2 and one.fit.verdict in ("fits", "tight"):
                assert speed == pytest.approx(one.speed.decode_tokens_per_s.expected, rel=0.02), (row.model, card)
                compared += 1
    assert compared >= 3


def test_what_writes_no_tokens_has_no_speed() -> None:
    rows = list(needs(PlanRequest(model="-", engine="transformers"), ("google-bert/bert-base-uncased",), ("auto",)))
    speeds = decode_speeds(PlanRequest(model="-", engine="transformers"), rows, [resolve("rtx-4090")])
    assert speeds[0, 0] != speeds[0, 0]


@pytest.mark.parametrize(("engine", "formats"), [("llama.cpp", ("Q4_K_M",)), ("vllm", ("awq-int4", "bf16")), ("transformers", ("bf16", "nf4"))])
def test_a_cell_on_any_card_is_its_plan(engine: str, formats: tuple[str, ...]) -> None:
    """Cards that drivers, generations and sizes treat differently; windows that make a request cheaper than its tokens; offload."""
    models = [catalog.find(name).id for name in ("Qwen/Qwen3-0.6B", "google/gemma-3-27b-it", "meta-llama/Llama-3.3-70B-Instruct")]
    cards = [resolve(name) for name in ("gtx-1080-ti", "rtx-2080-ti", "arc-a770-16gb", "rtx-5090", "h100-sxm5-80gb", "instinct-mi300x")]
    found = matrix(PlanRequest(model="-", engine=engine), models, formats, cards, 1)
    for row, codes, batches, splits in zip(found.rows, found.verdict, found.batch, found.offload, strict=True):
        for card, code, largest, split in zip(cards, codes, batches, splits, strict=True):
            one = plan(PlanRequest.read({"model": row.model, "engine": engine, "quantization": row.format, "gpus": card.id}))
            assert (code > 0) == (one.fit.verdict in ("fits", "tight")), (row.model, row.format, card.name, one.fit.reason)
            assert split == (one.fit.verdict == "offload")
            if one.memory.pool and code:
                assert largest == one.capacity.max_batch
            elif code:
                assert row.total + less(PlanRequest(model="-", engine=engine), found.rows, [card])[0] == pytest.approx(
                    max(device.total.expected for device in one.memory.devices), rel=1e-3
                )
