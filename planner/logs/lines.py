"""Lines of a pasted log, bounded: it is untrusted text, so lines are cut, their number is limited, and every pattern is linear in the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from planner.logs.reading import Reading

LONGEST_LINE = 2_000
MOST_LINES = 20_000


def bounded(text: str) -> Iterator[str]:
    """The first lines of a text, each cut to a length."""
    for number, line in enumerate(text.splitlines()):
        if number >= MOST_LINES:
            return
        yield line[:LONGEST_LINE]


def read(text: str, reading: Reading, table: tuple[tuple[re.Pattern[str], Callable[[Reading, re.Match[str]], None]], ...]) -> Reading:
    """Apply every pattern of a table to every line."""
    for line in bounded(text):
        for pattern, take in table:
            if match := pattern.search(line):
                take(reading, match)
    return reading
