"""`analyse()`: read a source once and count the tokens of every sample; what is kept has a fixed size."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.dataset.lengths import Lengths
from planner.dataset.readers import Malformed, Row, Source
from planner.dataset.shapes import Sample, UnreadableError, sample
from planner.dataset.tokens import Counter

MOST_SHOWN = 20
"""Malformed rows that are kept to be shown; the others are only counted."""
MOST_NAMES = 50
LONGEST_NAME = 100
BATCH_SAMPLES = 256
BATCH_CHARACTERS = 500_000
"""Samples that are counted at a time."""


@dataclass
class Analysis:
    """What is known about a file of samples.

    Attributes:
        name, kind: of the file.
        counted_by: the tokenizer, or that tokens are estimated.
        low, high: factors on every count of tokens, 1 where exact.
        lengths: samples by their length.
        shapes: samples by the shape that they were read from.
        malformed: rows that could not be read, and the first of them in `examples`.
        columns: fields that held text, to choose from.
    """

    name: str
    kind: str
    counted_by: str
    low: float = 1.0
    high: float = 1.0
    lengths: Lengths = field(default_factory=Lengths)
    shapes: Tally[str] = field(default_factory=Tally)
    malformed: int = 0
    examples: list[Malformed] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        return self.low == self.high

    @property
    def tokens(self) -> Estimate:
        """All tokens of one epoch, nothing cut."""
        return Estimate(
            self.lengths.tokens * self.low, self.lengths.tokens, self.lengths.tokens * self.high, (self.lengths.mean,)
        )


def analyse(
    source: Source, counter: Counter, column: str | None = None, on_progress: Callable[[float, int], None] | None = None
) -> Analysis:
    """Count the tokens of every sample of a source.

    Args:
        source: the opened file.
        counter: counts tokens.
        column: the field that holds the text, where the shape of a row does not tell.
        on_progress: is told the share that has been read and the number of samples, after every batch.

    Raises:
        PlanError: when the file as a whole cannot be read; malformed rows are counted and shown instead.
    """
    found = Analysis(source.name, source.kind, counter.label)
    for batch in _batches(source, found, column):
        counts = counter.count([one.text for one in batch])
        found.lengths.add(count + one.extra_tokens for count, one in zip(counts, batch, strict=True))
        if on_progress:
            on_progress(source.done, found.lengths.samples)
    found.low, found.high = counter.low, counter.high
    return found


def nothing_read(found: Analysis) -> PlanError:
    """Why a file gave no sample, in one sentence."""
    if not found.malformed:
        return PlanError("There is no sample in it; give one JSON object, one row or one text a line.", "data")
    first = found.examples[0]
    return PlanError(
        f"No sample could be read of {found.malformed:,} rows: line {first.number:,} {first.reason}. Choose a column,"
        " or check the format.",
        "data",
    )


def _batches(source: Source, found: Analysis, column: str | None) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    characters = 0
    for row in source.rows():
        one = _sample(row, found, column)
        if one is None:
            continue
        batch.append(one)
        characters += len(one.text)
        if len(batch) >= BATCH_SAMPLES or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _sample(row: Row | Malformed, found: Analysis, column: str | None) -> Sample | None:
    """The sample of a row, or None after noting why there is none."""
    if isinstance(row, Row):
        if isinstance(row.value, dict) and len(found.columns) < MOST_NAMES:
            texts = [
                str(key)
                for key, value in row.value.items()
                if isinstance(value, str) and key not in found.columns and len(str(key)) <= LONGEST_NAME
            ]
            found.columns += texts[:MOST_NAMES]
        try:
            one = sample(row.value, column)
        except UnreadableError as reason:
            row = Malformed(
                row.number, str(reason), str(row.value)[:160] if not isinstance(row.value, dict | list) else ""
            )
        else:
            found.shapes[one.shape if one.shape in found.shapes or len(found.shapes) < MOST_NAMES else "others"] += 1
            return one
    found.malformed += 1
    if len(found.examples) < MOST_SHOWN:
        found.examples.append(row)
    return None
