"""How long a page's script takes when a number of the question changes, as a ratio to an empty script: `python benchmarks/pages.py`.

Both run under `AppTest`, which has no browser: the figure is the server's part of a redraw. The matrix is timed with every model.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LINK = {"model": "meta-llama/Meta-Llama-3.1-8B", "quantization": "Q4_K_M", "gpus": "rtx-3090"}
RUNS = 15


def empty_seconds() -> float:
    """Median of an app with one number and nothing else."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_string("import streamlit as st\nst.number_input('Context', 1, 10**8, 8192, key='context')").run()
    return _moves(at)


def page_seconds(page: str) -> float:
    """Median of one page when the context changes, every time to a value that was not there before."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update(LINK)
    at.run()
    if page != "plan":
        at.switch_page(f"pages/{page}.py").run()
    return _moves(at)


def _moves(at: object) -> float:
    times = []
    for index in range(RUNS):
        widget = at.number_input(key="context")  # type: ignore[attr-defined]
        start = time.perf_counter()
        widget.set_value(9_000 + 64 * index).run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def matrix_seconds() -> tuple[float, float, int]:
    """Every model in two formats against sixty cards: the needs planned anew, the same read again, and the number of cells."""
    from planner import catalog
    from planner.hardware.catalog import gpus
    from planner.matrix import needs, verdicts
    from planner.request import PlanRequest

    cards = [gpu.usable_bytes for gpu in gpus()[:60]]
    request = PlanRequest(model="-", context=9_001)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        rows = list(needs(request, list(catalog.models())[:200], ("Q4_K_M", "Q8_0")))
        verdicts(rows, cards)
        times.append(time.perf_counter() - start)
    return times[0], times[1], len(rows) * len(cards)


def main() -> None:
    empty = empty_seconds()
    print(f"empty script: {empty * 1e3:.0f} ms")
    for page in ("plan", "scaling"):
        seconds = page_seconds(page)
        print(f"{page}: {seconds * 1e3:.0f} ms, {seconds / empty:.1f} times the empty script; aim <= 5")
    fresh, again, cells = matrix_seconds()
    print(f"matrix, {cells:,} cells: {fresh:.1f} s when planned anew, {again:.2f} s when remembered; aim < 2 s")


if __name__ == "__main__":
    main()
