"""What can be asked of each engine."""

from __future__ import annotations

from planner.engines.registry import engine


def quantizations(name: str) -> list[str]:
    """What can be asked of an engine, `auto` first."""
    return ["auto", *(format for format in engine(name).formats() if format != "auto")]
