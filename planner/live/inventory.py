"""The GPUs and the memory of this machine as they are now, whoever made them.

Every reader gives the same `LiveGpu`. Any field of it may be None: laptops hide their power, unified boards their
memory, old drivers half of the rest. A machine without a driver is a normal answer, with a sentence instead of GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from planner.live import inventory_amd, inventory_apple, inventory_host, inventory_nvml
from planner.live.live_gpu import Found, Host, LiveGpu

SHOW_PROCESSES = "HEADROOM_SHOW_PROCESSES"
"""Environment variable that turns on names and command lines of processes; without it they are neither read nor kept.
"""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything at one moment. `notes` says in plain sentences why something is missing."""

    at: str
    host: Host
    gpus: tuple[LiveGpu, ...]
    notes: tuple[str, ...] = ()
    drivers: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """As plain data, for `python -m planner gpus --json`."""
        return asdict(self)


def shows_processes() -> bool:
    """Whether the operator of this machine lets names and command lines of processes be seen."""
    return os.environ.get(SHOW_PROCESSES, "").strip().lower() in ("1", "on", "yes", "true")


def read() -> Inventory:
    """Ask every driver and tool of this machine once. Nothing that is missing or broken raises."""
    readers: tuple[tuple[str, Callable[[bool], Found]], ...] = (
        ("NVIDIA", inventory_nvml.read),
        ("AMD", inventory_amd.read),
        ("Apple", inventory_apple.read),
    )
    found = {vendor: reader(shows_processes()) for vendor, reader in readers}
    gpus = tuple(gpu for each in found.values() for gpu in each.gpus)
    quiet = "" if gpus or any(each.note for each in found.values()) else "No GPU is known to this machine's drivers."
    notes = tuple(note for note in (*(each.note for each in found.values()), quiet) if note)
    drivers = {
        vendor: " ".join(part for part in (each.driver, each.runtime) if part)
        for vendor, each in found.items()
        if each.driver or each.runtime
    }
    return Inventory(datetime.now(UTC).isoformat(timespec="seconds"), inventory_host.read(), gpus, notes, drivers)
