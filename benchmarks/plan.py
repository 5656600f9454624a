"""How long a plan takes, as ratios to what a Python program cannot avoid: `python benchmarks/plan.py`.

Import: a fresh interpreter that imports `planner`, against one that imports `pydantic`.
Plan: one `plan()` of a new request (nothing of this request cached, the model's architecture known, as when a slider
moves), against validating a pydantic model without fields.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CASES = {
    "Llama 3 8B, llama.cpp, RTX 4090": {"model": "llama3:8b", "quantization": "Q4_K_M", "gpus": "RTX 4090"},
    "Llama 3 70B, llama.cpp, RTX 4090, does not fit whole": {
        "model": "llama3:70b",
        "quantization": "Q4_K_M",
        "gpus": "RTX 4090",
    },
    "Qwen3 235B, llama.cpp, 8x RTX 3090": {"model": "qwen3:235b", "quantization": "Q4_K_M", "gpus": "8x RTX 3090"},
    "Llama 3 70B, vLLM, 4x H100": {"model": "llama3:70b", "engine": "vllm", "gpus": "4x H100 SXM5 80GB"},
    "Llama 3 8B, Transformers, RTX 4090": {"model": "llama3:8b", "engine": "transformers", "gpus": "RTX 4090"},
}


def import_seconds(module: str, runs: int = 15) -> float:
    """Median wall time of a fresh interpreter that imports the module, less that of one that imports nothing."""

    def median(code: str) -> float:
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    return median(f"import {module}") - median("pass")


def call_seconds(call: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    pydantic, planner_ = import_seconds("pydantic"), import_seconds("planner")
    print(
        f"import planner: {planner_ * 1e3:.0f} ms, {planner_ / pydantic:.2f} times import pydantic"
        f" ({pydantic * 1e3:.0f} ms); aim < 300 ms"
    )

    from pydantic import BaseModel

    import planner

    class Empty(BaseModel):
        pass

    empty = call_seconds(lambda: Empty.model_validate({}), 2_000)
    print(f"empty pydantic validation: {empty * 1e6:.2f} us")
    for name, fields in CASES.items():
        context = count(4_096)  # a new context each time, so that nothing of the request itself is cached

        def once(fields: dict[str, str] = fields, context: count[int] = context) -> object:
            return planner.plan(planner.PlanRequest.read({**fields, "context": next(context)}))

        once()
        seconds = call_seconds(once, 200)
        print(f"{name}: {seconds * 1e3:.2f} ms, {seconds / empty:,.0f} times an empty validation; aim < 2 ms")


if __name__ == "__main__":
    main()
