"""The engines that this installation has."""

from __future__ import annotations

import importlib.util

from planner.engines.registry import MODULES, engine


def installed() -> list[str]:
    """Names of the engines whose module is there, in the registry's order."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(f"planner.engines.{module}")]


def quantizations(name: str) -> list[str]:
    """What can be asked of an engine, `auto` first."""
    return ["auto", *(format for format in engine(name).formats() if format != "auto")]
