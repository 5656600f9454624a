"""AMD's and Apple's GPUs through their tools, which are small scripts here that print what the real ones do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.live import inventory, inventory_amd, inventory_apple
from planner.live.here import request_text, usable

MIB = 2**20
Tool = Callable[[str, dict[str, object]], None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a tool on the PATH that prints an answer for its first argument, or the answer for "" to anything else."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, answers: dict[str, object]) -> None:
        lines = ["#!/bin/sh", 'case "$*" in']
        for index, (words, answer) in enumerate(answers.items()):
            file = tmp_path / f"{name}.{index}"
            file.write_text(answer if isinstance(answer, str) else json.dumps(answer), encoding="utf-8")
            lines.append(f'  *"{words}"*) cat "{file}";;')
        (tmp_path / name).write_text("\n".join([*lines, "  *) exit 1;;", "esac"]), encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    return put


def of(value: object, unit: str) -> dict[str, object]:
    return {"value": value, "unit": unit}


METRIC = {
    "gpu": 0,
    "usage": {"gfx_activity": of(94, "%"), "umc_activity": of(61, "%"), "mm_activity": "N/A"},
    "power": {"socket_power": of(612, "W"), "gfx_voltage": "N/A"},
    "clock": {
        "gfx_0": {"clk": of(2_100, "MHz"), "max_clk": of(2_100, "MHz")},
        "mem_0": {"clk": of(1_300, "MHz"), "max_clk": of(1_300, "MHz")},
    },
    "temperature": {"edge": "N/A", "hotspot": of(61, "C"), "mem": of(49, "C")},
    "pcie": {"width": 16, "speed": of(32, "GT/s")},
    "energy": {"total_energy_consumption": of(1_234.5, "J")},
    "mem_usage": {"total_vram": of(196_592, "MB"), "used_vram": of(17_153, "MB"), "free_vram": of(179_439, "MB")},
}
IDLE = {
    "gpu": 1,
    "usage": {"gfx_activity": "N/A"},
    "power": "N/A",
    "mem_usage": {"total_vram": of("196592", "MB"), "used_vram": of("284", "MB")},
}
STATIC = [
    {
        "gpu": index,
        "asic": {
            "market_name": "AMD Instinct MI300X",
            "asic_serial": f"0x{index}",
            "target_graphics_version": "gfx942",
        },
        "bus": {"bdf": f"0000:{index}5:00.0", "max_pcie_width": 16, "max_pcie_speed": of(32, "GT/s")},
        "limit": {"max_power": of(750, "W")},
    }
    for index in (0, 1)
]
RUNNING = [
    {
        "gpu": 0,
        "process_list": [
            {"process_info": {"name": "python3", "pid": 3_999_999, "memory_usage": {"vram_mem": of(16_000 * MIB, "B")}}}
        ],
    }
]


@pytest.mark.parametrize("wrapped", [False, True])
def test_amd_smi_of_two_generations(tool: Tool, wrapped: bool) -> None:
    """ROCm 6 prints lists, ROCm 7 objects with the list inside."""
    wrap: Callable[[object], object] = (lambda rows: {"gpu_data": rows}) if wrapped else (lambda rows: rows)
    tool("amd-smi", {"metric": wrap([METRIC, IDLE]), "static": wrap(STATIC), "process": wrap(RUNNING)})
    first, second = inventory_amd.read(True).gpus
    assert (first.name, first.vendor, first.source, first.uuid, first.bus) == (
        "AMD Instinct MI300X",
        "AMD",
        "amd-smi",
        "0x0",
        "0000:05:00.0",
    )
    assert (first.total_bytes, first.used_bytes, first.free_bytes) == (196_592 * MIB, 17_153 * MIB, 179_439 * MIB)
    assert (first.utilization, first.memory_utilization, first.power_w, first.power_limit_w) == (94, 61, 612, 750)
    assert (first.temperature_c, first.clock_mhz, first.memory_clock_mhz, first.energy_j) == (61, 2_100, 1_300, 1_234.5)
    assert (first.pcie_generation, first.pcie_width, first.pcie_max_generation, first.compute_capability) == (
        5,
        16,
        5,
        "gfx942",
    )
    assert [(one.pid, one.used_bytes, one.name) for one in first.processes or ()] == [
        (3_999_999, 16_000 * MIB, "python3")
    ]
    assert (second.utilization, second.power_w, second.temperature_c, second.processes) == (None, None, None, None)
    assert second.free_bytes == (196_592 - 284) * MIB
    assert (
        request_text(usable([first, second]))
        == "instinct-mi300x [179439/196592 MiB] + instinct-mi300x [196308/196592 MiB]"
    )
    (hidden,) = inventory_amd.read(False).gpus[0].processes or ()
    assert (hidden.name, hidden.command) == (None, None)


def test_rocm_smi_where_only_that_is_installed(tool: Tool) -> None:
    tool(
        "rocm-smi",
        {
            "--showproductname": {
                "card0": {
                    "Card Series": "Rembrandt [Radeon 680M]",
                    "Temperature (Sensor edge) (C)": "47.0",
                    "Current Socket Graphics Package Power (W)": "9.215",
                    "GPU use (%)": "3",
                    "VRAM Total Memory (B)": "536870912",
                    "VRAM Total Used Memory (B)": "482263040",
                    "GFX Version": "gfx1035",
                },
                "card1": {
                    "Card series": "Radeon RX 7900 XTX",
                    "VRAM Total Memory (B)": "25753026560",
                    "VRAM Total Used Memory (B)": "1073741824",
                    "GPU use (%)": "N/A",
                },
                "system": {"Driver version": "6.8.5"},
            }
        },
    )
    integrated, card = inventory_amd.read().gpus
    assert (integrated.index, integrated.name, integrated.total_bytes, integrated.free_bytes) == (
        0,
        "Radeon 680M",
        536_870_912,
        54_607_872,
    )
    assert (integrated.utilization, integrated.power_w, integrated.temperature_c, integrated.compute_capability) == (
        3,
        9.215,
        47.0,
        "gfx1035",
    )
    assert (card.index, card.name, card.utilization, card.power_w) == (1, "Radeon RX 7900 XTX", None, None)


@pytest.mark.parametrize("answer", ["", "[]", "{}", "no json", "[1, null]", '{"gpu_data": "N/A"}'])
def test_a_tool_that_prints_nonsense_is_no_gpu(tool: Tool, answer: str) -> None:
    tool("amd-smi", {"metric": answer, "static": answer, "process": answer})
    tool("rocm-smi", {"--json": answer})
    found = inventory_amd.read()
    assert found.gpus == ()
    assert "lists no GPU" in found.note


def test_a_machine_without_amd_tools_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert inventory_amd.read() == inventory_apple.read() == inventory.Found()


def test_an_apple_chip_lends_a_part_of_its_memory(tool: Tool) -> None:
    tool(
        "system_profiler",
        {"SPDisplaysDataType": {"SPDisplaysDataType": [{"sppci_cores": "40", "sppci_model": "Apple M3 Max"}]}},
    )
    tool("sysctl", {"brand_string": "Apple M3 Max\n", "hw.memsize": f"{64 * 2**30}\n", "wired_limit": "0\n"})
    (gpu,) = inventory_apple.read().gpus
    assert (gpu.name, gpu.unified, gpu.total_bytes, gpu.reserved_bytes) == (
        "Apple M3 Max (40-core GPU)",
        True,
        64 * 2**30,
        16 * 2**30,
    )
    assert gpu.free_bytes is not None
    assert 0 < gpu.free_bytes <= 48 * 2**30
    (known,) = usable([gpu])
    assert (known.gpu.id, known.total_mib) == ("apple-m3-max-40-core-gpu", 64 * 1024)
    tool("sysctl", {"brand_string": "Apple M3 Max\n", "hw.memsize": f"{64 * 2**30}\n", "wired_limit": "57344\n"})
    assert inventory_apple.read().gpus[0].reserved_bytes == 8 * 2**30
    tool("sysctl", {"brand_string": "Intel(R) Core(TM) i7\n", "hw.memsize": f"{64 * 2**30}\n"})
    assert inventory_apple.read().gpus == ()
