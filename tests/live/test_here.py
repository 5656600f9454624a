"""Live GPUs as the GPUs of a request, with the memory that is free now."""

from __future__ import annotations

import pytest

from planner.catalog.gpu_names import memory_of, resolve, with_memory
from planner.catalog.gpus import MIB
from planner.live.here import request_text, unknown, usable
from planner.live.live_gpu import LiveGpu, Slice
from planner.plan import plan
from planner.request import PlanRequest


def live(name: str | None, total_mib: int | None = None, free_mib: int | None = None, **fields: object) -> LiveGpu:
    sizes = {"total_bytes": total_mib, "free_bytes": free_mib}
    return LiveGpu(0, name, **{key: size * MIB for key, size in sizes.items() if size is not None}, **fields)  # type: ignore[arg-type]


def test_equal_cards_with_unequal_free_memory_stay_apart() -> None:
    card = "NVIDIA GeForce RTX 4090"
    found = usable([live(card, 24_564, 24_000), live(card, 24_564, 24_000), live(card, 24_564, 9_000)])
    assert request_text(found) == "2x rtx-4090 [24000/24564 MiB] + rtx-4090 [9000/24564 MiB]"
    assert request_text(found, free=False) == "3x rtx-4090 [24564 MiB]"


def test_what_a_plan_cannot_use_is_left_out() -> None:
    strange, gone = live("NVIDIA Imaginary 9999", 1_000, 1_000), live("NVIDIA L4", 23_034, 1, error="gone")
    assert usable([strange, gone, live(None)]) == ()
    assert unknown([strange, gone, live(None)]) == (strange,)


def test_a_card_in_mig_mode_is_its_slices() -> None:
    slices = (
        Slice("A100 3g.20gb", total_bytes=19_968 * MIB, free_bytes=15_968 * MIB),
        Slice("A100 1g.5gb", total_bytes=4_864 * MIB, free_bytes=4_852 * MIB),
    )
    found = usable([live("NVIDIA A100-SXM4-40GB", 40_960, 35_000, mig=slices)])
    assert [(one.label, one.free_mib) for one in found] == [("A100 3g.20gb", 15_968), ("A100 1g.5gb", 4_852)]
    answer = plan(PlanRequest(model="llama3:8b", quantization="Q4_K_M", gpus=found[0].text))
    assert (answer.memory.devices[0].capacity_bytes, answer.memory.devices[0].usable_bytes) == (
        19_968 * MIB,
        15_968 * MIB,
    )


def test_a_unified_board_that_reports_no_memory_has_the_machine_s() -> None:
    (board,) = usable([live("NVIDIA GB10")], ram_available_bytes=50_000 * MIB)
    assert board.gpu.unified
    assert board.free_mib == 50_000
    assert usable([live("NVIDIA GB10")])[0].text == board.gpu.id


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("rtx-4090", ("rtx-4090", None, None)),
        ("RTX 4090 [24564 MiB]", ("RTX 4090", 24_564, None)),
        ("l4 [ 0 / 23034 mib ]", ("l4", 23_034, 0)),
        ("l4 [0 MiB]", ("l4 [0 MiB]", None, None)),
        ("l4 [a/b MiB]", ("l4 [a/b MiB]", None, None)),
    ],
)
def test_memory_behind_a_name(text: str, read: tuple[str, int | None, int | None]) -> None:
    assert memory_of(text) == read
    assert memory_of(with_memory(*read)) == read


def test_what_others_leave_travels_in_a_link_and_bounds_the_plan() -> None:
    request = PlanRequest(
        model="llama3:8b", quantization="Q8_0", gpus="2x RTX 4090 [9000/24564 MiB] + RTX 3090 [24576 MiB]"
    )
    assert [(spec.count, spec.memory_mib, spec.free_mib) for spec in request.gpus] == [
        (2, 24_564, 9_000),
        (1, 24_576, None),
    ]
    assert PlanRequest.from_query(request.to_query()) == request
    assert PlanRequest.read(request.given()) == request
    assert [device.usable_bytes // MIB for device in plan(request).memory.devices[:2]] == [9_000, 9_000]
    assert resolve("RTX 4090 [9000/24564 MiB]").usable_bytes == 9_000 * MIB
    alone = PlanRequest(model="llama3:8b", quantization="Q8_0", gpus="RTX 4090")
    assert (plan(alone).fit.verdict, plan(alone.changed(gpus="RTX 4090 [5000/24564 MiB]")).fit.verdict) == (
        "fits",
        "offload",
    )


def test_more_free_than_a_program_can_have_is_not_believed() -> None:
    assert resolve("rtx-4090").with_free_mib(10**6).usable_bytes == resolve("rtx-4090").usable_bytes


def test_vllm_wants_its_share_of_the_whole_card_not_of_what_is_free() -> None:
    request = PlanRequest(model="Qwen/Qwen3-8B", engine="vllm", context=4_096, gpus="RTX 4090 [21000/24564 MiB]")
    alone, beside = plan(request.changed(gpus="RTX 4090")), plan(request)
    assert alone.fit.verdict == "fits"
    assert beside.fit.verdict == "does_not_fit"
    assert "less than the desired GPU memory utilization" in beside.fit.reason
    way = beside.advice[0]
    share = way.change["gpu_memory_utilization"]
    assert 0.7 < share < 0.9
    changed = plan(request.changed(**way.change))
    assert changed.fit.verdict in ("fits", "tight")
    assert changed.capacity.kv_cache_tokens < alone.capacity.kv_cache_tokens
    assert plan(request.changed(gpu_memory_utilization=share + 0.01)).fit.verdict == "does_not_fit"
