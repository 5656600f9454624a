"""Asking a system tool that may be missing, slow or broken, and taking numbers out of what it prints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

TIMEOUT_S = 5.0
MOST_BYTES = 4 * 2**20
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_UNITS = {"b": 1, "kb": 2**10, "kib": 2**10, "mb": 2**20, "mib": 2**20, "gb": 2**30, "gib": 2**30}


def output(*command: str) -> str | None:
    """What a tool prints, or None where it is missing, fails or takes too long; its name is looked up on the PATH
    alone.
    """
    path = shutil.which(command[0])
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *command[1:]], capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout[:MOST_BYTES].decode("utf-8", "replace") if done.returncode == 0 else None


def parsed(*command: str) -> Any:
    """What a tool prints, read as JSON, or None; warnings that some tools print before it are passed over."""
    text = output(*command) or ""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    try:
        return json.loads(text[min(starts) :]) if starts else None
    except (ValueError, RecursionError):
        return None


def at(tree: Any, *path: str) -> Any:
    """A value inside nested objects, or None; `N/A` is None."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return None if isinstance(tree, str) and tree.strip().upper() in ("N/A", "NONE", "") else tree


def number(value: Any) -> float | None:
    """A number out of `{"value": 94, "unit": "%"}`, `94`, `"94.0"` or `"(2100Mhz)"`."""
    value = at(value, "value") if isinstance(value, dict) else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _NUMBER.search(value) if isinstance(value, str) else None
    return float(found[0]) if found else None


def size(value: Any, unit: str = "MB") -> int | None:
    """Bytes out of `{"value": 196592, "unit": "MB"}`; these tools write MB and mean MiB."""
    found = number(value)
    said = at(value, "unit") if isinstance(value, dict) else None
    return None if found is None else int(found * _UNITS.get(str(said or unit).lower(), 1))
