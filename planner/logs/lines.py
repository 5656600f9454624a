"""Lines of a pasted log, bounded: it is untrusted text, so lines are cut, their number is limited, and every repetition
in a pattern has an end.

With these bounds the time is linear in the text: a pattern looks at no more than some hundred characters from each
place in a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from planner.logs.reading import Reading

LONGEST_TEXT = 2_000_000
LONGEST_LINE = 2_000
MOST_LINES = 20_000

Take = Callable[[Reading, re.Match[str]], None]
Table = tuple[tuple[re.Pattern[str], Take], ...]

WORDS = {
    "<size>": r"\d{1,12}(?:\.\d{1,6})?",
    "<count>": r"(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})",
    "<unit>": r"(?:B|KiB|MiB|GiB|TiB)",
}
"""What patterns write for a number with decimals, a whole number with or without commas, and a unit: nothing else
converts.
"""


def table(rows: Iterable[tuple[str, Take]]) -> Table:
    """Patterns, with the words of `WORDS` in them, and what each line that matches tells."""
    return tuple((compiled(pattern), take) for pattern, take in rows)


def compiled(pattern: str) -> re.Pattern[str]:
    for word, meaning in WORDS.items():
        pattern = pattern.replace(word, meaning)
    return re.compile(pattern)


def bounded(text: str) -> Iterator[str]:
    """The first lines of a text, each cut to a length."""
    for number, line in enumerate(text[:LONGEST_TEXT].splitlines()):
        if number >= MOST_LINES:
            return
        yield line[:LONGEST_LINE]


def left_out(text: str) -> str:
    """A sentence about what is not read of a text, or ""."""
    if len(text) <= LONGEST_TEXT and text.count("\n") < MOST_LINES:
        return ""
    return (
        f"Only the first {MOST_LINES:,} lines and {LONGEST_TEXT:,} characters are read; paste the part from the start"
        " of the engine to its first request."
    )


def read(text: str, reading: Reading, known: Table) -> Reading:
    """Apply every pattern of a table to every line; unknown lines are passed over."""
    for line in bounded(text):
        for pattern, take in known:
            if match := pattern.search(line):
                take(reading, match)
    return reading
