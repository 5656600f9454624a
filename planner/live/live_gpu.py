"""A GPU and its host as they are now, whoever made them: what every reader of drivers and tools fills in, field by
field.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """A program that holds memory of a GPU.

    `kind` is compute or graphics; name and command line only where the operator allows them.
    """

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
        utilization: percent of the time in which a kernel ran; `memory_utilization` in which memory was read or
            written.
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
    """What one reader gives:

    GPUs, or the reason why there are none in one sentence, and what it knows of its driver.
    """

    gpus: tuple[LiveGpu, ...] = ()
    note: str = ""
    driver: str | None = None
    runtime: str | None = None
