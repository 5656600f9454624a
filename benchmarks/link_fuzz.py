"""Mutates share links and opens each: `python benchmarks/link_fuzz.py [10000]`. Every one must open a page, never a traceback.

A mutation cuts, doubles, swaps or replaces characters of a good link's values, or puts a value that is known to be awkward into
any field. The links go through the same functions as on the page: into the session's value, and then into the request and its plan.
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
    "model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": "2x rtx-4090 + rtx-3090", "context": "16384", "batch": "4", "engine": "llama.cpp",
    "ram_gib": "128", "tensor_split": "[3,1]", "requests": "1200", "api": '{"input_usd_per_million":1}', "kv_cache_dtype": "q8_0",
}  # fmt: skip
AWKWARD = (
    "", " ", "0", "-1", "1e308", "1e999", "nan", "inf", "null", "true", "[]", "{}", "[" * 500, "9" * 400, "\x00", "\ud7ff", "<script>alert(1)</script>",
    "../../etc/passwd", "/etc/passwd", "%00", "a" * 5_000, '{"a":' * 50, "１２", "४", "Infinity", "0x10", "1_000", "١", "💥", "2x", "x rtx-4090", "+", "-0", "1.5",
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
    from planner.errors import PlanError
    from planner.plan import plan
    from planner.request import PlanRequest
    from ui import share

    taken = {}
    for key, text in link.items():
        try:
            share.typed(key, text)
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


def main() -> None:
    from ui import share

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng, fields, start = random.Random(0), list(share.fields()), time.perf_counter()
    found: Counter[str] = Counter()
    for _ in range(count):
        link = mutated(rng, fields)
        try:
            found[opened(link)] += 1
        except Exception as error:
            found["TRACEBACK"] += 1
            print(f"{type(error).__name__}: {error}\n  {link}")
    print(f"{count:,} links in {time.perf_counter() - start:.0f} s: " + ", ".join(f"{number:,} {what}" for what, number in found.most_common()))
    sys.exit(1 if found["TRACEBACK"] else 0)


if __name__ == "__main__":
    main()
