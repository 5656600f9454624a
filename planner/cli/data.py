"""`python -m planner data FILE`: how long a fine-tune's samples are, from a file of any size."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from planner.core.errors import PlanError
from planner.dataset.advice import lengths_to_show, recommended
from planner.dataset.analysis import Analysis, analyse, nothing_read
from planner.dataset.answer import analysis_json
from planner.dataset.readers import Source
from planner.dataset.tokens import Counter, Estimated, Tokenized


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of the others."""
    what = "token lengths of a fine-tune's data, and the maximum length to train with"
    command = commands.add_parser("data", help=what, description=f"{what.capitalize()}; the file is streamed.")
    command.add_argument("file", type=Path, help="JSON lines, a JSON array, CSV, Parquet, or text with a sample a line")
    command.add_argument(
        "--tokenizer",
        metavar="VALUE",
        help="a tokenizer.json, or a model on the Hub; without one tokens are estimated from characters",
    )
    command.add_argument(
        "--column", metavar="NAME", help="the field that holds the text, where the shape of a row does not tell"
    )
    command.add_argument("--micro-batch", type=int, default=4, metavar="N", help="samples that are padded together")
    command.add_argument("--json", action="store_true", help="answer in JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the analysis; the share that has been read goes to a terminal's standard error."""
    counter = _counter(options.tokenizer)
    try:
        with options.file.open("rb") as file:
            found = analyse(
                Source(file, options.file.name), counter, options.column, _progress if sys.stderr.isatty() else None
            )
    except OSError as error:
        raise PlanError(
            f"Cannot read {options.file.name}: {(error.strerror or 'unreadable').lower()}; check the path.", "data"
        ) from None
    if not found.lengths.samples:
        raise nothing_read(found)
    batch = max(options.micro_batch, 1)
    print(json.dumps(analysis_json(found, batch), indent=2, ensure_ascii=False) if options.json else text(found, batch))
    return 0


def text(found: Analysis, batch: int) -> str:
    """The analysis for a terminal."""
    lengths, advised = found.lengths, recommended(found.lengths, found.high)
    spread = "" if found.exact else f" ({found.tokens.low:,.0f} to {found.tokens.high:,.0f})"
    lines = [
        (
            f"{lengths.samples:,} samples, {lengths.tokens:,} tokens{spread}, {lengths.mean.value:,.0f} on average,"
            f" {found.counted_by}"
        ),
        f"Recommended maximum length: {advised.seq_len:,}; it {advised.reason}.",
        "",
        f"{'maximum':>10}{'cut':>9}{'lost':>9}{'padded':>9}{'in batch':>9}{'packed':>9}{'sequences':>12}",
    ]
    for length in lengths_to_show(lengths, advised.seq_len):
        at = lengths.at(length, batch)
        shares = (at.cut_share, at.lost_share, float(at.used.value), at.used_in_batch, float(at.packed.value))
        lines.append(f"{length:>10,}" + "".join(f"{share:>9.1%}" for share in shares) + f"{at.sequences:>12,}")
    if found.malformed:
        lines += [
            "",
            f"{found.malformed:,} rows were left out:",
            *(f"  line {one.number:,} {one.reason}" for one in found.examples[:5]),
        ]
    return "\n".join(lines)


def _counter(tokenizer: str | None) -> Counter:
    if tokenizer is None:
        return Estimated()
    path = Path(tokenizer)
    if path.is_file():
        return Tokenized(path.read_bytes(), path.name)
    from planner.hub.tokenizer import fetch_tokenizer

    return Tokenized(fetch_tokenizer(tokenizer), f"the tokenizer of {tokenizer}")


def _progress(share: float, samples: int) -> None:
    sys.stderr.write(f"\r{share:4.0%} read: {samples:,} samples")
    if share >= 1:
        sys.stderr.write("\n")
