"""Apple's chips through macOS's own tools: the GPU shares the machine's memory, of which the system lends it a part.

The lent part is `iogpu.wired_limit_mb` where somebody set it, and otherwise the catalogue's `usable_fraction` of the
chip.
"""

from __future__ import annotations

import shutil
from typing import Any

from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import MIB
from planner.core.errors import PlanError
from planner.live.inventory_tools import at, number, output, parsed
from planner.live.live_gpu import Found, LiveGpu


def read(with_processes: bool = False) -> Found:
    """The GPU of an Apple chip; nothing on other machines, told by the tool that only macOS has.

    Processes are not told apart there.
    """
    if not shutil.which("system_profiler"):
        return Found()
    chip, total = (
        (output("sysctl", "-n", "machdep.cpu.brand_string") or "").strip(),
        number(output("sysctl", "-n", "hw.memsize")),
    )
    if not chip.startswith("Apple") or not total:
        return Found(note="This Mac has no Apple chip, so its GPU cannot be read.")
    limit = number(output("sysctl", "-n", "iogpu.wired_limit_mb"))
    cores = _cores(parsed("system_profiler", "SPDisplaysDataType", "-json"))
    name = f"{chip} ({cores}-core GPU)" if cores else chip
    lent = int(limit * 2**20) if limit else _lent(name, int(total))
    free = min((size for size in (lent, _available()) if size is not None), default=None)
    reserved = int(total) - lent if lent is not None else None
    return Found(
        (
            LiveGpu(
                0,
                name[:96],
                "Apple",
                "macOS",
                total_bytes=int(total),
                reserved_bytes=reserved,
                free_bytes=free,
                unified=True,
            ),
        )
    )


def _lent(name: str, total: int) -> int | None:
    """What macOS lends to this chip's GPU by default, or None for a chip that the catalogue does not know."""
    try:
        return resolve(name, total // MIB).usable_bytes
    except PlanError:
        return None


def _cores(profile: Any) -> int | None:
    """Cores of the GPU, which tell variants of one chip apart."""
    displays = at(profile, "SPDisplaysDataType")
    for display in displays if isinstance(displays, list) else ():
        found = number(at(display, "sppci_cores"))
        if found:
            return int(found)
    return None


def _available() -> int | None:
    try:
        import psutil

        return int(psutil.virtual_memory().available)
    except (ImportError, OSError, RuntimeError):
        return None
