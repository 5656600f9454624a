"""The maximum length to train with: what the data needs, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from planner.core.formula import Formula, Step
from planner.dataset.lengths import Lengths

MULTIPLE = 64
"""Lengths are rounded up to a multiple of it, which matrix units like."""
COVERED = 99.0
"""Percent of the samples that the recommended length holds whole."""
NEARLY_ALL = 1.25
"""If the longest sample is at most this much longer than that, nothing is cut at all."""
USUAL = (128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768)

ROUNDED = Formula(
    "multiple * ceil(length * range_high / multiple)",
    "tokens",
    "the 99th percentile, or the longest sample where it is at most a quarter longer",
)


@dataclass(frozen=True, slots=True)
class Recommended:
    """The maximum length with why."""

    seq_len: int
    reason: str
    step: Step


def recommended(lengths: Lengths, high: float = 1.0) -> Recommended:
    """The smallest multiple of 64 that holds 99% of the samples whole, or all where that costs at most a quarter more.

    seq_len = 64 * ceil(length * high / 64); `high` is the upper end of an estimate of tokens, 1 for exact counts.
    """
    most = lengths.percentile(COVERED)
    whole = lengths.longest <= NEARLY_ALL * most
    length = lengths.longest if whole else most
    step = ROUNDED("Recommended maximum length", multiple=MULTIPLE, length=max(length, 1), range_high=high)
    held = "every sample" if whole else f"{COVERED:.0f}% of the samples"
    seen = (
        f"the longest has {lengths.longest:,}"
        if whole
        else f"the 99th percentile is {most:,} and the longest has {lengths.longest:,}"
    )
    margin = "" if high == 1.0 else f", with the upper end of the estimate ({high - 1:.0%} more)"
    return Recommended(int(step.value), f"holds {held} whole: {seen}{margin}", step)


def lengths_to_show(lengths: Lengths, chosen: int) -> tuple[int, ...]:
    """The usual maximum lengths up to the first that cuts nothing, and the chosen one among them."""
    enough = next((length for length in USUAL if length >= lengths.longest), USUAL[-1])
    below = MULTIPLE * ceil(lengths.percentile(50) / MULTIPLE)
    return tuple(sorted({length for length in USUAL if min(below, chosen) / 2 <= length <= enough} | {chosen}))
