"""Which engine printed a log, and what it says: the reader that finds most in it."""

from __future__ import annotations

from collections.abc import Callable

from planner.logs import llama_cpp, sglang, vllm
from planner.logs.reading import Reading

READERS: tuple[Callable[[str], Reading], ...] = (llama_cpp.read, vllm.read, sglang.read)
"""A new engine is a module with `read` and an entry here."""


def read(text: str) -> Reading:
    """The reading with the most facts; of equal ones the first, so that an empty text is read as llama.cpp's."""
    return max((reader(text) for reader in READERS), key=facts)


def facts(reading: Reading) -> int:
    """How much a reading found: buffers, options and figures that are not empty."""
    figures = (
        reading.model,
        reading.version,
        reading.layers,
        reading.context,
        reading.pool_bytes,
        reading.pool_tokens,
        reading.graphs_bytes,
        reading.total_bytes,
        reading.failed_line,
        *reading.devices,
    )
    return len(reading.buffers) + len(reading.options) + sum(bool(figure) for figure in figures)
