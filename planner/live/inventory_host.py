"""The machine around the GPUs through `psutil`, and what a process is called."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from planner.live.live_gpu import Host

LONGEST_COMMAND = 2_000
CPUINFO = Path("/proc/cpuinfo")


def read() -> Host:
    """Processor and memory; what the system does not tell is None."""
    system = f"{platform.system()} {platform.machine()}"
    try:
        import psutil
    except ImportError:
        return Host(system, _cpu())
    memory: Any = _or_none(psutil.virtual_memory)
    swap: Any = _or_none(psutil.swap_memory)
    return Host(
        system, _cpu(), _or_none(psutil.cpu_count, False), _or_none(psutil.cpu_count), _or_none(psutil.cpu_percent),
        memory.total if memory else None, memory.available if memory else None, swap.total if swap else None,
    )  # fmt: skip


def described(pid: int) -> tuple[str | None, str | None]:
    """Name and command line of a process; nothing where it has ended, belongs to another user or to another
    container.
    """
    try:
        import psutil

        process = psutil.Process(pid)
        return process.name()[:200], " ".join(process.cmdline())[:LONGEST_COMMAND]
    except Exception:  # psutil's errors, and what /proc does while a process ends
        return None, None


def _cpu() -> str | None:
    """The processor's name; Linux keeps it in a file, and `platform` knows it elsewhere."""
    try:
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()[:200]
    except OSError:
        pass
    return platform.processor() or None


def _or_none(call: Any, *arguments: Any) -> Any:
    """A container may hide any of it."""
    try:
        return call(*arguments)
    except (OSError, RuntimeError, ValueError):
        return None
