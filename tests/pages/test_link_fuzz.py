"""A few hundred mutated links, and some of them on every page; `benchmarks/link_fuzz.py` tries ten thousand."""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from link_fuzz import PAGES, mutated, on_pages, opened

from ui.question.form import PLAN


def test_every_mutated_link_is_a_plan_or_a_sentence() -> None:
    rng, fields = random.Random(1), list(PLAN.fields)
    found = {opened(mutated(rng, fields)) for _ in range(250)}
    assert "a sentence" in found
    assert any(what.startswith("a plan") for what in found)


def test_every_page_opens_with_a_mutated_link() -> None:
    found = on_pages(random.Random(2), list(PLAN.fields), 2 * len(PAGES))
    assert not found["TRACEBACK"]
    assert found["a page with an answer"] > len(PAGES) / 2
