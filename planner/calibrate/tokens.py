"""Fit tokens a character:

`python -m planner.calibrate.tokens [--write]` prints the rates and their errors, fitted and leaving one tokenizer out.

Reads `data/measurements/characters_per_token.csv`: texts of eighteen kinds counted by six tokenizers. ASCII is fitted
over the texts that are nearly all ASCII; the other scripts over what remains of theirs after it. Each rate is the
median with the 10th and 90th percentile.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from statistics import median, quantiles

from planner.core.data import FOLDER, table
from planner.dataset.tokens import Rate

Row = dict[str, str]

NEARLY_ALL = 0.9
SOURCE = "data/measurements/characters_per_token.csv"


def fit(rows: Iterable[Row]) -> dict[str, Rate]:
    """Tokens a character by script."""
    rows = list(rows)
    ascii_ = _rate(
        [
            int(row["tokens"]) / _characters(row)
            for row in rows
            if int(row["ascii_characters"]) > NEARLY_ALL * _characters(row)
        ]
    )
    found = {"ascii": ascii_}
    for script in ("wide", "other"):
        mine = [row for row in rows if int(row[f"{script}_characters"]) > (1 - NEARLY_ALL) * _characters(row)]
        found[script] = _rate(
            [
                (int(row["tokens"]) - ascii_.expected * int(row["ascii_characters"])) / int(row[f"{script}_characters"])
                for row in mine
            ]
        )
    return found


def predicted(row: Row, rates: dict[str, Rate], end: str = "expected") -> float:
    return float(sum(int(row[f"{script}_characters"]) * getattr(rate, end) for script, rate in rates.items()))


def errors(rows: Sequence[Row], rates: dict[str, Rate]) -> tuple[float, float]:
    """The median of |predicted / counted - 1|, and the share of texts whose count the range holds."""
    off = [abs(predicted(row, rates) / int(row["tokens"]) - 1) for row in rows]
    held = [predicted(row, rates, "low") <= int(row["tokens"]) <= predicted(row, rates, "high") for row in rows]
    return median(off), sum(held) / len(held)


def main(arguments: Sequence[str]) -> None:
    rows = table("measurements/characters_per_token")
    rates = fit(rows)
    for script, rate in rates.items():
        print(f"{script}: {rate.expected:.3f} tokens a character, {rate.low:.3f} to {rate.high:.3f}")
    print("fitted: median error {:.0%}, {:.0%} inside the range".format(*errors(rows, rates)))
    for name in sorted({row["tokenizer"] for row in rows}):
        out = [row for row in rows if row["tokenizer"] == name]
        rest = fit(row for row in rows if row["tokenizer"] != name)
        print("without {}: median error {:.0%}, {:.0%} inside the range".format(name, *errors(out, rest)))
    if "--write" in arguments:
        with (FOLDER / "calibration" / "tokens.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["script", "low", "expected", "high", "source", "as_of"])
            writer.writerows(
                [script, *(f"{value:.4f}" for value in rate), SOURCE, max(row["as_of"] for row in rows)]
                for script, rate in rates.items()
            )


def _characters(row: Row) -> int:
    return sum(int(row[f"{script}_characters"]) for script in ("ascii", "wide", "other"))


def _rate(values: Sequence[float]) -> Rate:
    tenths = quantiles(values, n=10, method="inclusive")
    return Rate(tenths[0], median(values), tenths[-1])


if __name__ == "__main__":
    main(sys.argv[1:])
