"""Mutates share links and opens each:

`python benchmarks/link_fuzz.py [10000 [500]]`. Every one must open a page, never a traceback.

A mutation cuts, doubles, swaps or replaces characters of a good link's values, or puts a value that is known to be
awkward into any field. All links go through the same functions as on the page: into the session's value, and then into
the request and its plan. The second number is how many are opened as pages, every page of the app in turn, with the
page's own parameters mutated as well.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

GOOD = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "quantization": "Q4_K_M",
    "gpus": "2x rtx-4090 + rtx-3090",
    "context": "16384",
    "batch": "4",
    "engine": "llama.cpp",
    "ram_gib": "128",
    "tensor_split": "[3,3,1]",
    "requests": "1200",
    "api": '{"input_usd_per_million":1}',
    "kv_cache_dtype": "q8_0",
}
AWKWARD = (
    "", " ", "0", "-1", "1e308", "1e999", "nan", "inf", "null", "true", "[]", "{}", "[" * 500, "9" * 400, "\x00",
    "\ud7ff", "<script>alert(1)</script>",
    "../../etc/passwd", "/etc/passwd", "%00", "a" * 5_000, '{"a":' * 50, "１２", "४", "Infinity", "0x10", "1_000", "١",
    "💥", "2x", "x rtx-4090", "+", "-0", "1.5",
)  # fmt: skip


def mutated(rng: random.Random, fields: list[str]) -> dict[str, str]:
    """A good link with one to three things wrong."""
    link = dict(GOOD)
    for _ in range(rng.randint(1, 3)):
        key = rng.choice([*link, rng.choice(fields)])
        text = link.get(key, "")
        place = rng.randint(0, len(text))
        link[key] = rng.choice(
            (
                text[:place],
                text[place:] + text,
                text[:place] + rng.choice(AWKWARD) + text[place:],
                rng.choice(AWKWARD),
                text[::-1],
                text.upper(),
                str(rng.randint(-9, 10**12)),
            )
        )
        if rng.random() < 0.1:
            link.pop(rng.choice(list(link)))
    return link


def opened(link: dict[str, str]) -> str:
    """What the page would do with it: a plan, or a sentence. Anything else is raised."""
    from planner.core.errors import PlanError
    from planner.plan import plan
    from planner.request import PlanRequest
    from ui.question.form import PLAN

    taken = {}
    for key, text in link.items():
        try:
            PLAN.typed(key, text)
            taken[key] = text
        except PlanError:
            continue
    query = {key: text for key, text in taken.items() if key in PlanRequest.model_fields}
    try:
        plan(PlanRequest.from_query(query))
        return "a plan" if len(taken) == len(link) else "a plan, and a sentence at a field"
    except PlanError as error:
        assert "\n" not in str(error)
        return "a sentence"


PAGES = (
    "plan",
    "matrix",
    "scaling",
    "compare",
    "speed",
    "splits",
    "serve",
    "cost",
    "job",
    "fine_tune",
    "data",
    "my_gpus",
    "scenarios",
    "log",
    "accuracy",
)
OWN = (
    "tab", "against", "overlay_model", "overlay_format", "matrix_show", "matrix_model", "matrix_gpu", "matrix_count",
    "pin", "scenario", "figure", "base",
    "train_flash_attention", "method", "micro_batch", "seq_len", "samples", "max_length", "tokenizer",
    "time_per_token_ms", "v",
)  # fmt: skip
"""Parameters of pages beside the question."""


def page(link: dict[str, str], name: str) -> str:
    """What a visitor who never was here sees of it; a traceback is raised."""
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    at.query_params.update({key: text.encode("utf-8", "replace").decode() for key, text in link.items()})
    at.run()
    if name != "plan":
        at.switch_page(f"pages/{name}.py")
        at.query_params.update({key: text.encode("utf-8", "replace").decode() for key, text in link.items()})
        at.run()
    if at.exception:
        raise RuntimeError(f"{name}: {at.exception[0].message}")
    assert at.main.children
    return (
        "a page that asks again"
        if any("What would you like" in header.value for header in at.header)
        else "a page with an answer"
    )


def on_pages(rng: random.Random, fields: list[str], count: int) -> Counter[str]:
    """Some mutated links, each opened on the next page."""
    found: Counter[str] = Counter()
    for index in range(count):
        link = mutated(rng, [*fields, *OWN]) | ({rng.choice(OWN): rng.choice(AWKWARD)} if rng.random() < 0.5 else {})
        try:
            found[page(link, PAGES[index % len(PAGES)])] += 1
        except Exception as error:
            found["TRACEBACK"] += 1
            print(f"{type(error).__name__}: {error}\n  {link}")
    return found


def main() -> None:
    from ui.question.form import PLAN

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    opens = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    rng, fields, start = random.Random(0), list(PLAN.fields), time.perf_counter()
    found: Counter[str] = Counter()
    for _ in range(count):
        link = mutated(rng, fields)
        try:
            found[opened(link)] += 1
        except Exception as error:
            found["TRACEBACK"] += 1
            print(f"{type(error).__name__}: {error}\n  {link}")
    print(
        f"{count:,} links in {time.perf_counter() - start:.0f} s: "
        + ", ".join(f"{number:,} {what}" for what, number in found.most_common())
    )
    start, shown = time.perf_counter(), on_pages(rng, fields, opens)
    print(
        f"{opens:,} pages in {time.perf_counter() - start:.0f} s: "
        + ", ".join(f"{number:,} {what}" for what, number in shown.most_common())
    )
    found += shown
    sys.exit(1 if found["TRACEBACK"] else 0)


if __name__ == "__main__":
    main()
