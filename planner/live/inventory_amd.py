"""AMD's GPUs through the tools of ROCm: `amd-smi`, and `rocm-smi` where only that is installed.

Both print JSON whose shape changed with their versions: a list or an object with `gpu_data`, values with their unit or
bare, `N/A` anywhere. What a card is does not change, so that question is asked once in a process.
"""

from __future__ import annotations

import re
import shutil
from functools import lru_cache
from typing import Any

from planner.live.inventory_host import described
from planner.live.inventory_tools import at, number, parsed, size
from planner.live.live_gpu import Found, LiveGpu, Process

FULL_PCIE = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}
"""PCIe generation by GT/s."""


def read(with_processes: bool = False) -> Found:
    """Every AMD GPU now; a machine without AMD's tools gives nothing, and says nothing."""
    if shutil.which("amd-smi"):
        metrics = _rows(parsed("amd-smi", "metric", "--json"))
        if metrics:
            processes = {row.get("gpu"): row for row in _rows(parsed("amd-smi", "process", "--json"))}
            facts = {row.get("gpu"): row for row in _static(shutil.which("amd-smi") or "")}
            return Found(
                tuple(
                    _gpu(row, facts.get(row.get("gpu"), {}), processes.get(row.get("gpu")), with_processes)
                    for row in metrics
                ),
                driver="amd-smi",
            )
    if shutil.which("rocm-smi"):
        cards = parsed(
            "rocm-smi",
            "--showproductname",
            "--showuniqueid",
            "--showmeminfo",
            "vram",
            "--showuse",
            "--showpower",
            "--showtemp",
            "--json",
        )
        found = (
            [(name, row) for name, row in cards.items() if name.startswith("card") and isinstance(row, dict)]
            if isinstance(cards, dict)
            else []
        )
        return Found(
            tuple(_card(int(number(name) or 0), row) for name, row in found),
            "" if found else "rocm-smi is installed and lists no GPU.",
            "rocm-smi",
        )
    return Found(note="amd-smi is installed and lists no GPU." if shutil.which("amd-smi") else "")


@lru_cache(maxsize=4)
def _static(tool: str) -> list[dict[str, Any]]:
    return _rows(parsed(tool, "static", "--json"))


def _rows(answer: Any) -> list[dict[str, Any]]:
    rows = at(answer, "gpu_data") if isinstance(answer, dict) else answer
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _gpu(now: dict[str, Any], fact: dict[str, Any], running: dict[str, Any] | None, with_processes: bool) -> LiveGpu:
    """A row of `amd-smi metric` with the rows of `static` and `process` for the same GPU."""
    total = size(at(now, "mem_usage", "total_vram")) or size(at(fact, "vram", "size"))
    used = size(at(now, "mem_usage", "used_vram"))
    free = size(at(now, "mem_usage", "free_vram"))
    clock, memory = (
        at(now, "clock", "gfx_0") or at(now, "clock", "gfx"),
        at(now, "clock", "mem_0") or at(now, "clock", "mem"),
    )
    speed = number(at(now, "pcie", "speed"))
    energy = at(now, "energy", "total_energy_consumption")
    name = at(fact, "asic", "market_name") or at(fact, "board", "product_name")
    return LiveGpu(
        int(number(now.get("gpu")) or 0),
        str(name)[:96] if name else None,
        "AMD",
        "amd-smi",
        uuid=_text(at(fact, "asic", "asic_serial")),
        bus=_text(at(fact, "bus", "bdf")),
        total_bytes=total,
        used_bytes=used,
        free_bytes=free if free is not None else total - used if total is not None and used is not None else None,
        utilization=number(at(now, "usage", "gfx_activity")),
        memory_utilization=number(at(now, "usage", "umc_activity")),
        power_w=number(at(now, "power", "socket_power")) or number(at(now, "power", "average_socket_power")),
        power_limit_w=number(at(fact, "limit", "socket_power")) or number(at(fact, "limit", "max_power")),
        energy_j=number(energy),
        temperature_c=number(at(now, "temperature", "hotspot")) or number(at(now, "temperature", "edge")),
        clock_mhz=number(at(clock, "clk")),
        max_clock_mhz=number(at(clock, "max_clk")),
        memory_clock_mhz=number(at(memory, "clk")),
        max_memory_clock_mhz=number(at(memory, "max_clk")),
        pcie_generation=FULL_PCIE.get(speed) if speed else None,
        pcie_width=_whole(at(now, "pcie", "width")),
        pcie_max_width=_whole(at(fact, "bus", "max_pcie_width")),
        pcie_max_generation=FULL_PCIE.get(number(at(fact, "bus", "max_pcie_speed")) or 0),
        compute_capability=_text(at(fact, "asic", "target_graphics_version")),
        processes=None if running is None else _processes(running, with_processes),
    )


def _processes(row: dict[str, Any], with_processes: bool) -> tuple[Process, ...]:
    found = []
    listed = row.get("process_list")
    for entry in listed if isinstance(listed, list) else ():
        one = at(entry, "process_info") if isinstance(at(entry, "process_info"), dict) else entry
        pid = number(at(one, "pid"))
        if pid is None:
            continue
        memory = at(one, "memory_usage", "vram_mem") or at(one, "mem_usage")
        name, command = described(int(pid)) if with_processes else (None, None)
        found.append(
            Process(
                int(pid),
                size(memory, "B"),
                "compute",
                name or (_text(at(one, "name")) if with_processes else None),
                command,
            )
        )
    return tuple(sorted(found, key=lambda process: -(process.used_bytes or 0)))


def _card(index: int, row: dict[str, Any]) -> LiveGpu:
    """A card of `rocm-smi`, whose names for things carry their unit and changed their capitals over the years."""
    flat = {key.lower(): at(row, key) for key in row}

    def first(*names: str) -> Any:
        return next((flat[name] for name in names if flat.get(name) is not None), None)

    total, used = size(first("vram total memory (b)"), "B"), size(first("vram total used memory (b)"), "B")
    name = first("card series", "card model", "card sku")
    inner = re.search(r"\[([^\]]+)\]", str(name or ""))  # Rembrandt [Radeon 680M]
    return LiveGpu(
        index,
        (inner[1] if inner else str(name))[:96] if name else None,
        "AMD",
        "rocm-smi",
        uuid=_text(first("unique id")),
        total_bytes=total,
        used_bytes=used,
        free_bytes=total - used if total is not None and used is not None else None,
        utilization=number(first("gpu use (%)")),
        power_w=number(first("current socket graphics package power (w)", "average graphics package power (w)")),
        power_limit_w=number(first("max graphics package power (w)")),
        temperature_c=number(first("temperature (sensor junction) (c)", "temperature (sensor edge) (c)")),
        compute_capability=_text(first("gfx version")),
    )


def _text(value: Any) -> str | None:
    return str(value)[:96] if value is not None else None


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)
