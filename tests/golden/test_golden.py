"""No answer changes unseen.

What was changed on purpose is kept with `python -m tests.golden.answers`, and its difference is read before it is
committed.
"""

from __future__ import annotations

import difflib

from tests.golden.answers import FOLDER, written
from tests.golden.requests import questions

SHOWN = 200
"""Lines of difference that are printed; the rest is counted."""


def test_answers_are_those_that_were_kept():
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt")}
    now = written()
    difference = [
        line
        for name in sorted(kept.keys() | now.keys())
        for line in difflib.unified_diff(
            kept.get(name, "").splitlines(),
            now.get(name, "").splitlines(),
            f"kept/{name}",
            f"now/{name}",
            lineterm="",
            n=0,
        )
    ]
    text = "\n".join(difference[:SHOWN])
    assert not difference, (
        f"{len(difference)} lines differ; if that is meant, run `python -m tests.golden.answers`:\n{text}"
    )


def test_the_questions_are_many_and_most_have_an_answer():
    names = [name for name, _ in questions()]
    assert len(names) == len(set(names)) >= 200
    answered = sum(path.read_text(encoding="utf-8").count("weights_bytes") > 0 for path in FOLDER.glob("*.txt"))
    assert answered >= 8
