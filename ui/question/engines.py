"""What can be asked of each engine."""

from __future__ import annotations

from planner.engines.info import engines, info
from planner.engines.registry import engine
from planner.engines.serving import CACHES
from planner.quantization.cache_types import cache_types
from planner.quantization.gguf import canonical


def quantizations(name: str) -> list[str]:
    """What can be asked of an engine, `auto` first."""
    return ["auto", *(format for format in engine(name).formats() if format != "auto")]


def caches(name: str) -> list[str]:
    """Types of the cache that an engine has, `auto` first."""
    return list(CACHES) if info(name).serves else ["auto", *cache_types()]


def only_others_run(name: str, format: str) -> bool:
    """Whether a format is another engine's and not this one's; one that nobody knows is for the engine to speak
    about.
    """
    if _among(format, quantizations(name)) or (info(name).splits_with_host and canonical(format)):
        return False
    return canonical(format) is not None or any(_among(format, quantizations(other)) for other in engines())


def only_others_cache(name: str, type: str) -> bool:
    """The same of the cache's type."""
    return info(name).serves and not _among(type, caches(name)) and type.lower() in cache_types()


def _among(text: str, names: list[str]) -> bool:
    return text.lower() in (one.lower() for one in names)
