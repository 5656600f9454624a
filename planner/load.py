"""What it takes to have the model ready: disk, download, system memory while it loads, and how long loading takes.

    download = file bytes * 8 / line speed
    load = file bytes / disk speed + start of the engine
    memory = what stays in system memory + one process a GPU with the file that it has open

Sources and starts by engine: `data/engines.toml`. Speeds that the request does not give are `DISK_GB_PER_S` and
`DOWNLOAD_MBIT_PER_S`.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.case import Case
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.engines.info import info
from planner.memory.quantity import Memory, Quantity

DISK_GB_PER_S = 3.0
"""A PCIe 4 drive reading a large file; SATA drives read 0.5, network disks 0.1 to 1."""

DOWNLOAD_MBIT_PER_S = 200.0

DOWNLOAD = Formula("file_bytes * 8 / (mbit_per_s * 10**6)", "s", "at the full speed of the line")
LOAD = Formula("file_bytes / (disk_gb_per_s * 10**9) + start_s", "s", "data/engines.toml: how the engine starts")
RAM = Formula(
    "resident + processes * (process_bytes + staged_bytes)",
    "bytes",
    "data/engines.toml: how the engine reads its files",
)


@dataclass(frozen=True)
class Load:
    """What loading takes; `why` says in a sentence how this engine reads its files, `start` how long it starts.

    `judged` is whether the engine's start and its processes' memory are nobody's measurement.
    """

    ram: Quantity
    disk: Quantity
    download: Estimate
    load: Estimate
    why: str
    start: str
    judged: bool


def load_of(case: Case, memory: Memory) -> Load:
    """Disk, download, memory and time to load this plan's model."""
    one = info(case.request.engine)
    row = one.load
    system, file = case.request.system, memory.weights.file_bytes
    download = DOWNLOAD(
        "Download", file_bytes=file.expected, mbit_per_s=system.download_mbit_per_s or DOWNLOAD_MBIT_PER_S
    )
    disk = system.disk_gb_per_s or DISK_GB_PER_S
    read = LOAD("Load", file_bytes=file.expected, disk_gb_per_s=disk, start_s=row.start_s)
    alone = file.expected / (disk * 10**9)
    staged = min(int(row.staged_gb * 10**9), file.expected)
    ram = RAM(
        "System memory while loading",
        resident=memory.host.total.expected,
        processes=max(len(memory.devices), 1) if staged else 1,
        process_bytes=int(row.process_gib * 2**30),
        staged_bytes=staged,
    )
    return Load(
        Quantity.between(0.8, 1.4, ram), file, Estimate.between(1.0, 1.6, download),
        Estimate(alone + row.low_s, float(read.value), 2 * alone + row.high_s, (read,)), row.why,
        f"{row.low_s:g} to {row.high_s:g} s", one.basis == "judged",
    )  # fmt: skip
