"""How long a page's script takes when a number of the question changes, as a ratio to an empty script:

`python benchmarks/pages.py`.

Both run under `AppTest`, which has no browser: the figure is the server's part of a redraw, its reading of the elements
included. The page and the empty script take turns, so that a busy machine slows both; the ratio is the median of the
pairs. The same number of bare elements shows how much of a page is Streamlit's own. A move reruns what depends on the
number; a whole run is every other widget's.
"""

from __future__ import annotations

import gc
import logging
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LINK = {"model": "meta-llama/Meta-Llama-3.1-8B", "quantization": "Q4_K_M", "gpus": "rtx-3090"}
RUNS = 41
SOAK = 300
NUMBER = "import streamlit as st\nst.number_input('Context', 1, 10**8, 8192, key='context')\n"

Move = Callable[[int], Any]


def bare(elements: int = 0) -> Move:
    """A script with one number, and further elements that say nothing."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_string(f"{NUMBER}for index in range({elements}): st.text(str(index))", default_timeout=60).run()
    return lambda index: at.number_input(key="context").set_value(9_000 + index).run()


def opened(page: str) -> Any:
    """A page of the dashboard after its first view."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update(LINK)
    at.run()
    return at if page == "plan" else at.switch_page(f"pages/{page}.py").run()


def moved(page: str) -> Move:
    """The context changes, every time to a value that was not there before."""
    at = opened(page)
    return lambda index: at.number_input(key="context").set_value(9_000 + index).run()


def whole(page: str) -> Move:
    """The same, and the whole script runs."""
    at = opened(page)

    def run(index: int) -> Any:
        at.session_state["context"] = 9_000 + index
        return at.run()

    return run


def elements(at: Any) -> int:
    """How many elements a run of the page sends."""
    return sum(1 for part in (at.main, at.sidebar) for _ in part)


def in_turn(one: Move, other: Move, runs: int = RUNS) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratio, run after run in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for index in range(runs + 2):
        for move, kept in zip((one, other), times, strict=True):
            start = time.perf_counter()
            move(64 * index)
            if index >= 2:
                kept.append(time.perf_counter() - start)
    return (
        statistics.median(times[0]),
        statistics.median(times[1]),
        statistics.median(a / b for a, b in zip(*times, strict=True)),
    )


def matrix_seconds() -> tuple[float, float, float, int]:
    """200 models in 12 formats against 60 cards: planned anew, read again, the speeds anew, and the number of cells."""
    from planner import catalog
    from planner.catalog.gpus import gpus
    from planner.engines.registry import engine
    from planner.request import PlanRequest
    from planner.searches.matrix_cards import matrix
    from planner.searches.matrix_speed import decode_speeds

    cards, request = list(gpus()[:60]), PlanRequest(model="-", context=9_001)
    models = list(catalog.models())[:200]
    formats = [name for name in engine(request.engine).formats() if name != "auto"][:12]
    for model in models:
        _ = catalog.find(model).architecture  # what the server reads once in its life
    times = []
    for _ in range(2):
        start = time.perf_counter()
        found = matrix(request, models, formats, cards, 1)
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    decode_speeds(request, found.rows, cards)
    return times[0], times[1], time.perf_counter() - start, found.verdict.size


def soak(page: str, moves: int = SOAK) -> int:
    """Growth of the objects that the collector tracks over many moves, once the caches have filled."""
    at = opened(page)

    def counted(start: int, count: int) -> int:
        for index in range(start, start + count):
            at.number_input(key="context").set_value(index).run()
        gc.collect()
        return len(gc.get_objects())

    before = counted(20_000, moves // 3)
    return counted(40_000, moves) - before


def main() -> None:
    logging.disable(logging.WARNING)
    empty = bare()
    for page in ("plan", "scaling"):
        seconds, floor, ratio = in_turn(moved(page), empty)
        print(f"{page}, slider: {seconds * 1e3:.1f} ms, empty script {floor * 1e3:.1f} ms, ratio {ratio:.1f}; aim <= 5")
        seconds, floor, ratio = in_turn(whole(page), empty)
        count = elements(opened(page))
        _, _, own = in_turn(whole(page), bare(count))
        print(
            f"{page}, whole run of {count} elements: {seconds * 1e3:.1f} ms, ratio {ratio:.1f}; to as many bare"
            f" elements {own:.1f}"
        )
    fresh, again, speeds, cells = matrix_seconds()
    print(
        f"matrix, {cells:,} cells: {fresh:.2f} s when planned anew, speeds {speeds:.2f} s more, {again:.2f} s when"
        " remembered; aim < 2 s"
    )
    for page in ("plan", "scaling"):
        print(f"{page}, {SOAK} moves after {SOAK // 3}: {soak(page):+,} objects")


if __name__ == "__main__":
    main()
