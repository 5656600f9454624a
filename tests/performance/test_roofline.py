"""Speed: no prediction beats physics, and figures move the way that machines do."""

from itertools import pairwise, product

import pytest

from planner.catalog.gpus import gpus
from planner.performance.timing import Timing
from planner.plan import Plan, plan
from planner.request import PlanRequest


def answer(**fields: object) -> Plan:
    return plan(PlanRequest.read(fields))


DENSE, SPARSE = "meta-llama/Meta-Llama-3-8B", "Qwen/Qwen3-30B-A3B"


@pytest.mark.parametrize(
    ("model", "engine", "quantization"),
    [(DENSE, "llama.cpp", "Q4_K_M"), (DENSE, "vllm", "bf16"), (SPARSE, "llama.cpp", "Q8_0"), (SPARSE, "vllm", "fp8")],
)
def test_no_card_beats_its_data_sheet(model: str, engine: str, quantization: str) -> None:
    """Even the optimistic end: bytes over peak bandwidth for decoding, FLOPs over the fastest peak for a prompt."""
    for gpu in gpus():
        if engine == "vllm" and gpu.vendor == "Apple":
            continue
        found = answer(
            model=model,
            engine=engine,
            quantization=quantization,
            gpus=[{"name": gpu.id}],
            gpu_layers=999,
            prompt_tokens=2048,
            output_tokens=128,
        )
        active = found.architecture.active - found.architecture.embedding_parameters
        smallest = found.memory.weights.tensor_bytes.expected * active / found.architecture.parameters * 0.75
        peak = max(
            rate
            for rate in (
                gpu.fp32_tflops,
                gpu.fp16_tflops,
                gpu.fp16_fast_accumulate_tflops,
                gpu.bf16_tflops,
                gpu.fp8_tflops,
                gpu.int8_tops,
                1,
            )
            if rate
        )
        assert found.speed.decode_tokens_per_s.expected <= gpu.bandwidth_gb_per_s * 1e9 / smallest, gpu.name
        assert found.speed.prefill_tokens_per_s.expected <= peak * 1e12 / (2 * active * 0.9), gpu.name


def test_a_range_holds_its_figure() -> None:
    for engine, cards in product(("llama.cpp", "vllm", "transformers"), ("RTX 4090", "2x H100 80GB")):
        speed = answer(model=DENSE, engine=engine, gpus=cards).speed
        for name in (
            "prefill_tokens_per_s",
            "decode_tokens_per_s",
            "throughput_tokens_per_s",
            "time_to_first_token_s",
            "time_per_output_token_s",
            "watts",
        ):
            figure = getattr(speed, name)
            assert 0 < figure.low <= figure.expected <= figure.high, (engine, cards, name)


def test_layers_over_two_equal_cards_are_no_faster_for_one_stream() -> None:
    one = answer(model=DENSE, gpus="RTX 3090").speed.decode_tokens_per_s.expected
    two = answer(model=DENSE, gpus="2x RTX 3090").speed.decode_tokens_per_s.expected
    assert 0.9 * one <= two <= 1.0001 * one


def test_tensor_parallel_is_faster_and_never_by_more_than_its_ranks() -> None:
    rates = [
        answer(
            model="meta-llama/Meta-Llama-3-70B", engine="vllm", quantization="fp8", gpus=f"{n}x H100 80GB"
        ).speed.decode_tokens_per_s.expected
        for n in (1, 2, 4, 8)
    ]
    for before, after in pairwise(rates):
        assert before < after < 2 * before


def test_a_larger_batch_gives_more_in_all_and_less_to_each() -> None:
    speeds = [
        answer(model=DENSE, engine="vllm", quantization="bf16", gpus="H100 80GB", batch=n).speed for n in (1, 8, 64)
    ]
    for before, after in pairwise(speeds):
        assert before.decode_tokens_per_s.expected < after.decode_tokens_per_s.expected
        assert before.decode_tokens_per_s_per_sequence.expected > after.decode_tokens_per_s_per_sequence.expected


def test_layers_in_system_memory_set_the_pace() -> None:
    whole = answer(model=DENSE, gpus="RTX 4090").speed
    half = answer(model=DENSE, gpus="RTX 4090", gpu_layers=16).speed
    none = answer(model=DENSE, gpus=[]).speed
    assert whole.decode_tokens_per_s.expected > 3 * half.decode_tokens_per_s.expected
    assert half.decode_tokens_per_s.expected > none.decode_tokens_per_s.expected
    assert (whole.limit, half.limit, none.limit) == ("bandwidth", "host", "host")


def test_faster_memory_helps_what_lies_in_it() -> None:
    slow = answer(model=DENSE, gpus=[], system={"ram_gb_per_s": 50}).speed.decode_tokens_per_s.expected
    fast = answer(model=DENSE, gpus=[], system={"ram_gb_per_s": 200}).speed.decode_tokens_per_s.expected
    assert 2.5 * slow < fast <= 4.0001 * slow


def test_replicas_share_the_requests_and_add_their_tokens() -> None:
    one = answer(model=DENSE, engine="vllm", quantization="bf16", gpus="H100 80GB", batch=16).speed
    two = answer(model=DENSE, engine="vllm", quantization="bf16", gpus="2x H100 80GB", data_parallel=2, batch=32).speed
    assert two.throughput_tokens_per_s.expected == pytest.approx(2 * one.throughput_tokens_per_s.expected)
    assert two.watts.expected == pytest.approx(2 * one.watts.expected)


@pytest.mark.parametrize(
    "model", [DENSE, "meta-llama/Llama-3.2-1B", SPARSE, "openai/gpt-oss-20b", "google/gemma-3-4b-it"]
)
@pytest.mark.parametrize(
    "fields",
    [{"gpus": "RTX 4090"}, {"gpus": "2x RTX 4090"}, {"gpus": "RTX 4090", "gpu_layers": 10}, {"gpus": []}],
    ids=str,
)
def test_a_pass_reads_what_the_devices_hold(model: str, fields: dict[str, object]) -> None:
    """Weights of every place are those that memory puts there; the host's embedding is looked up, not read, unless it
    is the head.
    """
    found = answer(model=model, **fields)
    timing = Timing.of(found.case, found.memory)
    for device in found.memory.devices:
        read = sum(
            p.work.dense_bytes + p.work.expert_bytes + p.work.head_bytes
            for p in timing.route.places
            if device.index in p.indices
        )
        assert read == pytest.approx(device.weights.expected, rel=0.005)
    hosted = sum(
        p.work.dense_bytes + p.work.expert_bytes + p.work.head_bytes for p in timing.route.places if p.gpu is None
    )
    assert hosted <= found.memory.host.weights.expected * 1.001


def test_the_prompt_of_several_cards_overlaps_in_chunks() -> None:
    """One chunk passes the cards in turn; many keep them all at work."""
    short, long = (
        {
            n: answer(model=DENSE, gpus=f"{n}x RTX 4090", prompt_tokens=tokens).speed.prefill_tokens_per_s.expected
            for n in (1, 4)
        }
        for tokens in (512, 8192)
    )
    assert short[4] == pytest.approx(short[1], rel=0.05)
    assert 1.3 * long[1] < long[4] < 4 * long[1]
