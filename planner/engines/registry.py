"""The engines by name; adding one is a file beside this, and a row in `data/engines.toml` that names it."""

from __future__ import annotations

import importlib
from functools import cache

from planner.case import Engine
from planner.engines.info import info


@cache
def engine(name: str) -> Engine:
    """The engine of this name; its file is loaded on first use."""
    found: Engine = importlib.import_module(f"planner.engines.{info(name).module}").ENGINE
    return found
