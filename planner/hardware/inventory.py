"""The GPUs and the memory of this machine as they are now, whoever made them.

Every reader gives the same `LiveGpu`. Any field of it may be None: laptops hide their power, unified boards their memory,
old drivers half of the rest. A machine without a driver is a normal answer, with a sentence instead of GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

SHOW_PROCESSES = "HEADROOM_SHOW_PROCESSES"
"""Environment variable that turns on names and command lines of processes; without it they are neither read nor kept."""


@dataclass(frozen=True, slots=True)
class Process:
    """A program that holds memory of a GPU. `kind` is compute or graphics; name and command line only where the operator allows them."""

    pid: int
    used_bytes: int | None
    kind: str = "compute"
    name: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A MIG slice: a part of a GPU that programs see as a GPU of its own."""

    name: str
    uuid: str | None = None
    total_bytes: int | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LiveGpu:
    """One GPU as its driver reports it at this moment; None is "not available".

    Attributes:
        index: the driver's number for it.
        source: which library or tool said so.
        reserved_bytes: what the driver keeps; `used_bytes` counts it only where the driver does not tell the two apart.
        free_bytes: what a program could still have.
        utilization: percent of the time in which a kernel ran; `memory_utilization` in which memory was read or written.
        energy_j: since the driver was loaded.
        throttled: what holds the clocks down, in words; an empty tuple is nothing.
        pcie_generation, pcie_width: of the link now, which idle cards lower; `pcie_max_*` what it can do.
        nvlinks: active links to other GPUs.
        error: why nothing more could be read, such as a GPU that has gone.
    """

    index: int
    name: str | None = None
    vendor: str = ""
    source: str = ""
    uuid: str | None = None
    bus: str | None = None
    total_bytes: int | None = None
    used_bytes: int | None = None
    reserved_bytes: int | None = None
    free_bytes: int | None = None
    utilization: float | None = None
    memory_utilization: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    energy_j: float | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None
    max_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    max_memory_clock_mhz: float | None = None
    throttled: tuple[str, ...] | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    pcie_max_generation: int | None = None
    pcie_max_width: int | None = None
    nvlinks: int | None = None
    nvlink_version: int | None = None
    compute_capability: str | None = None
    unified: bool = False
    mig: tuple[Slice, ...] = ()
    processes: tuple[Process, ...] | None = None
    error: str = ""

    @property
    def key(self) -> str:
        """What stays the same while the GPU does."""
        return self.uuid or self.bus or f"{self.source}:{self.index}"


@dataclass(frozen=True, slots=True)
class Host:
    """The machine around the GPUs."""

    system: str
    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    cpu_utilization: float | None = None
    ram_bytes: int | None = None
    ram_available_bytes: int | None = None
    swap_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one reader gives: GPUs, or the reason why there are none in one sentence, and what it knows of its driver."""

    gpus: tuple[LiveGpu, ...] = ()
    note: str = ""
    driver: str | None = None
    runtime: str | None = None


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
    from planner.hardware import inventory_amd, inventory_apple, inventory_host, inventory_nvml

    readers: tuple[tuple[str, Callable[[bool], Found]], ...] = (
        ("NVIDIA", inventory_nvml.read), ("AMD", inventory_amd.read), ("Apple", inventory_apple.read),
    )  # fmt: skip
    found = {vendor: reader(shows_processes()) for vendor, reader in readers}
    gpus = tuple(gpu for each in found.values() for gpu in each.gpus)
    quiet = "" if gpus or any(each.note for each in found.values()) else "No GPU is known to this machine's drivers."
    notes = tuple(note for note in (*(each.note for each in found.values()), quiet) if note)
    drivers = {vendor: " ".join(part for part in (each.driver, each.runtime) if part) for vendor, each in found.items() if each.driver or each.runtime}
    return Inventory(datetime.now(UTC).isoformat(timespec="seconds"), inventory_host.read(), gpus, notes, drivers)
