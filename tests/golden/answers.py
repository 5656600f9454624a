"""Answers as text, one figure or a few a line, and `python -m tests.golden.answers`, which writes them anew.

A range is `low..expected..high`; figures are given to seven digits, which is finer than any coefficient and coarser
than a sum's order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from planner.calibrate.validate import comparisons, summaries
from planner.cli.batch import answer
from tests.golden.requests import questions

FOLDER = Path(__file__).parent
RANGE = ("low", "expected", "high")
NOT_KEPT = ("as_of", "source", "model")
"""Facts of a table and the echo of the question; every number that is calculated stays."""


def written() -> dict[str, str]:
    """The text of each file: the answers by engine, and the table of accuracy."""
    files: dict[str, list[str]] = {}
    for name, request in questions():
        found = answer(json.dumps(request))
        said = found.get("plan") or found.get("train") or {"error": found.get("error")}
        files.setdefault(f"{name.split(' | ')[0]}.txt", []).append("\n".join([f"# {name}", *lines(said), ""]))
    table = [
        f"{row.kind} | {row.figure} | {row.records} | {row.median_error:.5f} | {row.p90_error:.5f} |"
        f" {row.worst_error:.5f} | {row.inside:.4f} | {row.width:.4f}"
        for row in summaries(comparisons())
    ]
    heading = "kind | figure | records | median error | 9 in 10 within | worst | inside its range | median width"
    return {name: "\n".join(parts) for name, parts in files.items()} | {
        "accuracy.txt": "\n".join([heading, *table, ""])
    }


def lines(value: Any, path: str = "") -> Iterator[str]:
    """A JSON answer as lines of `path: name=figure name=figure`."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from (
                lines(one, f"{path}[{index}]") if isinstance(one, dict | list) else (f"{path}[{index}]: {shown(one)}",)
            )
        return
    here = {
        key: shown(one)
        for key, one in value.items()
        if key not in NOT_KEPT and not (isinstance(one, dict | list) and not is_range(one))
    }
    if here:
        yield f"{path or 'answer'}: " + " ".join(f"{key}={text}" for key, text in here.items())
    for key, one in value.items():
        if key not in NOT_KEPT and isinstance(one, dict | list) and not is_range(one):
            yield from lines(one, f"{path}.{key}" if path else key)


def is_range(value: Any) -> bool:
    return isinstance(value, dict) and tuple(value) == RANGE


def shown(value: Any) -> str:
    """A figure, a range or a sentence."""
    if is_range(value):
        ends = [shown(value[end]) for end in RANGE]
        return ends[0] if len(set(ends)) == 1 else "..".join(ends)
    if isinstance(value, float):
        return f"{value:.7g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def renew() -> None:
    """Write every file anew, and drop those that no question has any more."""
    texts = written()
    for path in FOLDER.glob("*.txt"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
