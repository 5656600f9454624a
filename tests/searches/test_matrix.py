"""Every cell of the matrix is its own plan: the verdict, who waits, the largest batch; and its numbers move the right
way.
"""

from __future__ import annotations

from typing import Any

import pytest

from planner import catalog
from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu, gpus
from planner.core.errors import PlanError
from planner.core.remember import MOST
from planner.engines.registry import engine
from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.searches.matrix import needs
from planner.searches.matrix_cards import Matrix, kinds, matrix
from planner.searches.matrix_speed import decode_speeds
from planner.verdict import STANDINGS
from ui.matrix import words

CARDS = ("rtx-3060-12gb", "rtx-3090", "rtx-4090", "a100-sxm4-80gb", "h100-sxm5-80gb")
MODELS = ("meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-30B-A3B", "meta-llama/Meta-Llama-3-70B-Instruct")
SAMPLE = list(catalog.models())[::7]


def own(request: PlanRequest, model: str, format: str, card: Gpu, count: int) -> Plan | None:
    """The plan that a click on the cell opens."""
    try:
        return plan(request.changed(model=model, quantization=format, gpus=f"{count}x {card.id}"))
    except PlanError:
        return None


def cell(found: Matrix, row: int, column: int) -> str:
    return "offload" if found.offload[row, column] else STANDINGS[found.verdict[row, column]]


BROAD = [
    ("llama.cpp", ("Q4_K_M", "IQ3_XS", "Q8_0", "F16")),
    ("ollama", ("Q4_K_M", "Q6_K")),
    ("vllm", ("bf16", "fp8", "awq-int4", "mxfp4")),
    ("sglang", ("bf16", "fp8", "gptq-int4")),
    ("tensorrt-llm", ("bf16", "fp8", "nvfp4")),
    ("transformers", ("bf16", "nf4", "int8")),
    ("mlx", ("bf16", "mlx-4bit", "mlx-8bit")),
]


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("name", "formats"), BROAD, ids=[name for name, _ in BROAD])
def test_every_cell_is_its_plan(name: str, formats: tuple[str, ...], count: int) -> None:
    """Models of every family against cards of every vendor and size, for one user and for many: no cell differs."""
    batch, context = {1: (1, 8_192), 2: (12, 4_096), 4: (50, 16_384)}[count]
    models, cards = list(catalog.models())[count::29], gpus()[count::19]
    request = PlanRequest(model="-", engine=name, batch=batch, context=context)
    differ, seen = [], set()
    for index, format in enumerate(formats):
        some = models[index :: len(formats)]
        found = matrix(request, some, (format,), cards, count)
        for row, model in enumerate(some):
            for column, card in enumerate(cards):
                one, said = own(request, model, format, card, count), cell(found, row, column)
                verdict = one.fit.verdict if one else "does_not_fit"
                seen.add(verdict)
                if said != verdict or bool(found.enough[row, column]) != bool(one and one.fit.on_gpus):
                    differ.append((model, format, card.id, said, verdict, one and one.fit.reason))
                elif one and said != "offload" and not one.fit.words.startswith("may fit"):
                    assert words(found, row, column) == one.fit.words
    assert not differ, (len(differ), differ[:3])
    assert seen >= {"does_not_fit"} if name == "mlx" and count > 1 else {"fits", "does_not_fit"}


def test_the_card_on_which_the_two_once_differed() -> None:
    """Two small cards under vLLM: what lies outside its share is nearly all that the share leaves, which plans and
    cells must judge alike.
    """
    request, cards = (
        PlanRequest(model="-", engine="vllm"),
        [
            resolve("rtx-3050-8gb"),
            resolve("rtx-3070"),
            resolve("rtx-4060-ti-16gb"),
        ],
    )
    models = [catalog.find(name).id for name in ("google/gemma-4-E2B-it", "EleutherAI/pythia-2.8b", "Qwen/Qwen3-0.6B")]
    for count in (1, 2):
        found = matrix(request, models, ("fp8", "bf16"), cards, count)
        for row, line in enumerate(found.rows):
            for column, card in enumerate(cards):
                one = own(request, line.model, line.format, card, count)
                assert cell(found, row, column) == (one.fit.verdict if one else "does_not_fit"), (
                    line.model,
                    line.format,
                    card.id,
                )


@pytest.mark.parametrize(
    "fields",
    [
        {"engine": "llama.cpp", "system": {"ram_gib": 16}},
        {"engine": "llama.cpp", "gpu_layers": 20},
        {"engine": "llama.cpp", "gpu_layers": 20, "system": {"ram_gib": 8}},
        {"engine": "llama.cpp", "kv_cache_dtype": "q8_0", "split_mode": "tensor"},
        {"engine": "llama.cpp", "backend": "vulkan", "context": 65_536},
        {"engine": "llama.cpp", "cpu_moe_layers": 12},
        {"engine": "llama.cpp", "split_mode": "row"},
        {"engine": "ollama", "tensor_split": (1.0, 3.0)},
        {"engine": "vllm", "gpu_memory_utilization": 0.97},
        {"engine": "vllm", "data_parallel": 2, "batch": 25},
        {"engine": "vllm", "pipeline_parallel": 2, "tensor_parallel": 1},
        {"engine": "vllm", "max_num_batched_tokens": 16_384, "enforce_eager": True},
        {"engine": "sglang", "kv_cache_dtype": "fp8", "batch": 7},
        {"engine": "transformers", "batch": 6, "prompt_tokens": 1_000},
    ],
    ids=str,
)
def test_options_of_the_question_reach_every_cell(fields: dict[str, Any]) -> None:
    request = PlanRequest.read({"model": "llama3:8b", **fields})
    formats = ("Q4_K_M", "Q8_0") if request.engine in ("llama.cpp", "ollama") else ("bf16", "fp8")
    cards = [
        resolve(name) for name in ("rtx-3060-12gb", "rtx-4090", "instinct-mi300x", "a100-sxm4-40gb", "h100-sxm5-80gb")
    ]
    found = matrix(request, MODELS, formats, cards, 2)
    for row, line in enumerate(found.rows):
        for column, card in enumerate(cards):
            one = own(request, line.model, line.format, card, 2)
            assert cell(found, row, column) == (one.fit.verdict if one else "does_not_fit"), (
                line.model,
                line.format,
                card.id,
                one and one.fit.reason,
            )
            assert bool(found.enough[row, column]) == bool(one and one.fit.on_gpus)


def test_system_memory_takes_over_up_to_its_edge() -> None:
    """A model that nearly fills system memory, against cards of every size: bounds settle most cells, and the plan the
    rest.
    """
    request, cards = (
        PlanRequest.read({"model": "llama3:70b", "system": {"ram_gib": 32}}),
        [card for card in gpus() if card.usable_bytes < 48 * 2**30][::5],
    )
    found, seen = matrix(request, MODELS[2:], ("Q4_K_M", "Q8_0", "F16"), cards, 1), set()
    for row, line in enumerate(found.rows):
        for column, card in enumerate(cards):
            one = own(request, line.model, line.format, card, 1)
            assert one is not None
            assert cell(found, row, column) == one.fit.verdict, (line.format, card.id, one.fit.reason)
            seen.add(one.fit.verdict)
    assert seen >= {"offload", "does_not_fit"}


@pytest.mark.parametrize(
    ("name", "format"), [("llama.cpp", "Q4_K_M"), ("transformers", "bf16"), ("vllm", "bf16"), ("sglang", "fp8")]
)
@pytest.mark.parametrize("count", [1, 2])
def test_the_largest_batch_and_what_is_left_are_the_plans(name: str, format: str, count: int) -> None:
    request, cards = PlanRequest(model="-", engine=name, batch=3), [resolve(card) for card in CARDS]
    found, compared = matrix(request, MODELS, (format,), cards, count), 0
    for row, line in enumerate(found.rows):
        for column, card in enumerate(cards):
            one = own(request, line.model, line.format, card, count)
            if one is None or one.fit.verdict not in ("fits", "tight"):
                continue
            compared += 1
            batch, largest = int(found.batch[row, column]), one.capacity.max_batch
            assert batch == largest if largest <= 256 or one.memory.pool else abs(batch - largest) <= 0.04 * largest
            if one.memory.pool is None:
                assert found.spare[row, column] == one.fit.headroom_bytes
    assert compared >= 4


@pytest.mark.parametrize("name", ["llama.cpp", "ollama", "transformers", "mlx", "vllm", "sglang", "tensorrt-llm"])
def test_cards_of_one_kind_are_planned_alike(name: str) -> None:
    """What an engine says of a card is all that its memory depends on beside what the card can give."""
    request, cards = PlanRequest(model="-", engine=name), [card for card in gpus() if card.unified or name != "mlx"]
    for columns in kinds(request, cards):
        parts = set()
        for column in columns[:: max(len(columns) // 3, 1)]:
            one = own(
                request.changed(gpu_layers=10**6) if name in ("llama.cpp", "ollama") else request,
                "Qwen/Qwen3-0.6B",
                "auto",
                cards[column],
                1,
            )
            parts.add(one and tuple((part.low, part.expected, part.high) for part in one.memory.devices[0].parts))
        assert len(parts) == 1, [cards[column].id for column in columns]


@pytest.mark.parametrize("count", [1, 2])
def test_a_row_of_any_model_is_exactly_its_plan_on_a_card_that_holds_it(count: int) -> None:
    """Also after other formats and other contexts were asked, of which some results are kept."""
    for context in (4_096, 16_384):
        request = PlanRequest(model="-", context=context)
        for row in needs(request, SAMPLE, ("Q4_K_M", "IQ3_XS", "Q8_0"), (count,)):
            one = plan(
                PlanRequest.read(
                    {
                        "model": row.model,
                        "context": context,
                        "quantization": row.format,
                        "gpus": f"{count}x h200-sxm-141gb",
                    }
                )
            )
            # Where it is tighter, a plan moves layers to the freer card.
            if one.fit.verdict == "fits" and row.total <= one.memory.devices[0].usable_bytes:
                assert row.total == max(device.total.expected for device in one.memory.devices), row.model


def test_what_is_kept_of_a_model_is_bounded() -> None:
    architecture = catalog.find(MODELS[0]).architecture
    for context in range(2_000, 2_000 + 64 * 2 * MOST, 64):
        list(needs(PlanRequest(model="-", context=context), MODELS[:1], ("Q4_K_M",)))
    assert max(len(kept) for kept in architecture.__dict__["_remembered"].values()) <= MOST


@pytest.mark.parametrize("name", ["llama.cpp", "ollama", "vllm", "sglang", "tensorrt-llm", "transformers", "mlx"])
def test_every_model_has_a_row_or_a_reason(name: str) -> None:
    found = matrix(
        PlanRequest(model="-", engine=name), SAMPLE, (engine(name).formats()[0],), [resolve(card) for card in CARDS], 1
    )
    assert found.verdict.shape == found.batch.shape == (len(SAMPLE), len(CARDS))
    for row, codes, largest in zip(found.rows, found.verdict, found.batch, strict=True):
        assert row.refusal or row.total > 0
        assert ((largest > 0) == (codes > 0)).all(), row.model


def test_longer_contexts_need_more_and_hold_fewer() -> None:
    cards = [resolve("rtx-4090")]
    totals, batches = [], []
    for context in (2_048, 8_192, 32_768):
        found = matrix(PlanRequest(model="-", context=context), MODELS[:1], ("Q4_K_M",), cards, 1)
        totals.append(found.rows[0].total)
        batches.append(int(found.batch[0, 0]))
    assert totals == sorted(totals)
    assert batches == sorted(batches, reverse=True)
    assert batches[-1] > 0


def test_what_an_engine_refuses_is_a_row_with_its_reason() -> None:
    found = matrix(
        PlanRequest(model="-", engine="vllm", tensor_parallel=3), MODELS[:1], ("bf16",), [resolve("h100-sxm5-80gb")], 4
    )
    assert "does not divide" in found.rows[0].refusal
    assert found.verdict.sum() == found.batch.sum() == 0


@pytest.mark.parametrize(
    ("engine", "format", "count"),
    [("llama.cpp", "Q4_K_M", 1), ("llama.cpp", "Q8_0", 2), ("vllm", "bf16", 1), ("vllm", "bf16", 2)],
)
def test_every_speed_is_that_of_its_plan(engine: str, format: str, count: int) -> None:
    request, cards = PlanRequest(model="-", engine=engine), [resolve(card) for card in CARDS]
    found = matrix(request, MODELS, (format,), cards, count)
    speeds = decode_speeds(request.model_copy(update={"batch": 16}), found.rows, cards)
    compared = 0
    for row, line, codes in zip(found.rows, speeds, found.verdict, strict=True):
        for card, speed, code in zip(cards, line, codes, strict=True):
            one = own(request, row.model, format, card, count)
            if one and code == 2:
                assert speed == pytest.approx(one.speed.decode_tokens_per_s.expected, rel=0.02), (row.model, card.id)
                compared += 1
    assert compared >= 3


def test_what_writes_no_tokens_has_no_speed() -> None:
    rows = list(needs(PlanRequest(model="-", engine="transformers"), ("google-bert/bert-base-uncased",), ("auto",)))
    speeds = decode_speeds(PlanRequest(model="-", engine="transformers"), rows, [resolve("rtx-4090")])
    assert speeds[0, 0] != speeds[0, 0]
