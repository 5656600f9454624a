"""What the readers of serving engines share: units as those engines print them, and how a line becomes a fact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from planner.core.units import GIB
from planner.logs.lines import Take, compiled
from planner.logs.reading import Buffer, Kind, Reading

SCALES = {"K": 2**10, "M": 2**20, "G": GIB, "T": 2**40}


def size(number: str, unit: str = "GiB") -> int:
    """Bytes of a printed size; vLLM and SGLang print GiB even where they write GB."""
    return round(float(number.replace(",", "")) * SCALES[unit[0]])


def put(name: str, convert: Callable[[str], Any] = str) -> Take:
    """A line that states one fact; the last such line counts."""
    return lambda reading, match: setattr(reading, name, convert(match[1]))


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def part(kind: Kind) -> Take:
    """A line that gives one part of a GPU's memory; every rank prints its own, the largest counts."""

    def take(reading: Reading, match: re.Match[str]) -> None:
        amount = size(match[1])
        others = [buffer for buffer in reading.buffers if buffer.kind != kind]
        before = max((buffer.bytes for buffer in reading.buffers if buffer.kind == kind), default=0)
        reading.buffers[:] = [*others, Buffer("GPU", kind, max(amount, before))]

    return take


def option(name: str, pattern: str, convert: Callable[[str], Any] = str) -> Callable[[Reading, str], None]:
    """A field of the request in the engine's printed configuration, such as `tensor_parallel_size=2`."""
    known = compiled(pattern)

    def take(reading: Reading, text: str) -> None:
        if found := known.search(text):
            reading.options[name] = convert(found[1])

    return take


def configured(options: Iterable[Callable[[Reading, str], None]]) -> Take:
    """A line that prints the whole configuration."""
    chosen = tuple(options)

    def take(reading: Reading, match: re.Match[str]) -> None:
        for one in chosen:
            one(reading, match[0])

    return take


def failed(reading: Reading, match: re.Match[str]) -> None:
    """The first sentence that says why the engine stopped; what follows from it comes later in the log."""
    reading.failed_line = reading.failed_line or match[0].strip()


def truth(text: str) -> bool:
    return text == "True"


CUDA_OUT = r"CUDA out of memory\. Tried to allocate (<size>) (GiB|MiB)"


def tried(reading: Reading, match: re.Match[str]) -> None:
    reading.failed_bytes = size(match[1], match[2])
    failed(reading, match)
