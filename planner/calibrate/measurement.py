"""Adds one measurement to `data/measurements/`, once it is well formed:

`python -m planner.calibrate.measurement record.json` (`-` is standard input).

The prediction is printed beside what was measured before the record is written. A record is as
`planner.calibrate.validate` describes it:

    {"id": "speed-4090-llama-8b", "kind": "speed single", "request": {"model": "llama3:8b", "gpus": "RTX 4090", ...},
     "measured": {"decode_tokens_per_s": 104}, "conditions": "llama-bench, third run", "source": "https://...", "as_of":
     "2026-11-27"}
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from planner.calibrate.validate import FIGURES, QUESTIONS, Comparison, compare
from planner.core.data import FOLDER
from planner.core.errors import PlanError, did_you_mean

TEXTS = ("id", "kind", "conditions", "source", "as_of")
MEASUREMENTS = "measurements"


def files(folder: Path) -> dict[str, Path]:
    """Each kind of record with the file that holds it."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found.setdefault(json.loads(line)["kind"], path)
    return found


def checked(record: Mapping[str, Any], folder: Path) -> list[Comparison]:
    """The record's figures beside their predictions.

    Raises:
        PlanError: for what is missing or malformed, in one sentence.
    """
    for key in TEXTS:
        if not isinstance(record.get(key), str) or not record[key].strip():
            raise PlanError(f"The record needs {key!r}, a text; see planner/calibrate/measurement.py for an example.")
    if not record["source"].startswith("https://"):
        raise PlanError(
            "The record's source is a public address that begins with https://; publish the log first, an issue"
            " will do."
        )
    try:
        datetime.date.fromisoformat(record["as_of"])
    except ValueError:
        raise PlanError("The record's as_of is the day of the measurement, as in 2026-11-27.") from None
    kinds = files(folder)
    if record["kind"] not in kinds:
        raise PlanError(
            f"There is no kind {record['kind']!r}.{did_you_mean(record['kind'], kinds)} A new kind is a file there and"
            " a row in planner/calibrate/validate.py."
        )
    if f'"id": "{record["id"]}"' in kinds[record["kind"]].read_text(encoding="utf-8"):
        raise PlanError(f"There is a record called {record['id']!r} already; choose another id.")
    if not isinstance(record.get("request"), dict) or record.get("question", "plan") not in QUESTIONS:
        raise PlanError("The record needs 'request', the question of the plan as JSON.")
    measured = record.get("measured")
    if not isinstance(measured, dict) or not measured:
        raise PlanError(f"The record needs 'measured', one or more of {', '.join(FIGURES)}.")
    for figure, value in measured.items():
        if figure not in FIGURES:
            raise PlanError(f"Nothing predicts {figure!r}.{did_you_mean(figure, FIGURES)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise PlanError(f"{figure} is a number, not {value!r}.")
    return compare(dict(record))


def add(record: Mapping[str, Any], folder: Path = FOLDER / MEASUREMENTS) -> list[str]:
    """Write the record behind the others of its kind; the lines to print, predicted beside measured.

    Raises:
        PlanError: as `checked` does; nothing is written then.
    """
    lines = []
    for one in checked(record, folder):
        if one.predicted is None:
            lines.append(f"{FIGURES[one.figure].title}: measured {one.measured:,}; refused: {one.refusal}")
            continue
        held = "inside" if one.inside else "outside"
        lines.append(
            f"{FIGURES[one.figure].title}: measured {one.measured:,}, predicted {one.predicted.expected:,.6g}"
            f" ({one.error:+.1%}), {held} the range of {one.predicted.low:,.6g} to {one.predicted.high:,.6g}"
        )
    path = files(folder)[record["kind"]]
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return [*lines, f"Added to {path.name}."]


def main(arguments: Sequence[str]) -> int:
    """Read the record, add it, and say what was predicted; 2 for a record that is not well formed."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        text = sys.stdin.read() if arguments[0] == "-" else Path(arguments[0]).read_text(encoding="utf-8")
        record = json.loads(text)
        if not isinstance(record, dict):
            raise PlanError("A record is one JSON object.")
        print("\n".join(add(record)))
    except (OSError, ValueError) as error:
        print(f"Cannot read {arguments[0]}: {error}", file=sys.stderr)
        return 2
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
