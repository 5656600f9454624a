"""What loading takes, by hand."""

import pytest

from planner import PlanRequest, plan
from planner.engines.info import engines
from planner.report.json import plan_json


def test_a_70b_file_by_hand() -> None:
    """42.52 GB at 2 GB/s is 21.3 s, and 2 s of start; at 100 Mbit/s it is 57 minutes of download."""
    answer = plan(
        PlanRequest.read(
            {
                "model": "meta-llama/Meta-Llama-3-70B",
                "engine": "llama.cpp",
                "quantization": "Q4_K_M",
                "gpus": "2x RTX 4090",
                "system": {"disk_gb_per_s": 2, "download_mbit_per_s": 100},
            }
        )
    )
    load = answer.load
    assert load.disk.expected == pytest.approx(42_520_394_592, abs=100_000)
    assert load.load.expected == pytest.approx(42.52 / 2 + 2, abs=0.01)
    assert load.download.expected == pytest.approx(42_520 * 8 / 100, rel=0.001)
    assert load.ram.expected == pytest.approx(answer.memory.host.total.expected + 0.4 * 2**30, abs=2)


@pytest.mark.parametrize("engine", list(engines()))
def test_every_engine_says_what_loading_takes(engine: str) -> None:
    answer = plan(
        PlanRequest.read(
            {
                "model": "Qwen/Qwen3-0.6B",
                "engine": engine,
                "gpus": "Apple M3 Max 64GB" if engine == "mlx" else "RTX 4090",
            }
        )
    )
    written = plan_json(answer, advice=False)["load"]
    assert set(written) == {"ram_bytes", "disk_bytes", "download_s", "load_s"}
    for figure in written.values():
        assert 0 < figure["low"] <= figure["expected"] <= figure["high"]
    assert answer.load.why.endswith(".")


def test_one_more_rank_opens_one_more_file() -> None:
    one, two = (
        plan(PlanRequest.read({"model": "Qwen/Qwen3-14B", "engine": "vllm", "gpus": gpus})).load.ram
        for gpus in ("H100 SXM5 80GB", "2x H100 SXM5 80GB")
    )
    assert two.expected == pytest.approx(2 * one.expected, rel=0.01)
