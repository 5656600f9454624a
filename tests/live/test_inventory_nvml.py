"""NVIDIA's GPUs by the real binding over a C library of ours that answers from a scenario."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planner.live import inventory, inventory_nvml
from tests.live.nvml.library import build
from tests.live.nvml.scenarios import A100, GB10, LAPTOP, LOST, MIB, RTX_3060, RTX_4090, SCENARIOS, machine

Gpus = Callable[..., dict[str, Any]]


def test_two_unequal_cards_with_every_field(gpus_of: Gpus) -> None:
    found = gpus_of(SCENARIOS["two unequal cards"])
    first, second = found["gpus"]
    assert found["drivers"] == {"NVIDIA": "driver 550.54.14 CUDA 12.4"}
    assert found["notes"] == []
    processes = first.pop("processes")
    assert first == {
        "index": 0, "name": "NVIDIA GeForce RTX 4090", "vendor": "NVIDIA", "source": "NVML", "uuid": "GPU-4090",
        "bus": "00000000:01:00.0",
        "total_bytes": 24_564 * MIB, "used_bytes": 3_000 * MIB, "reserved_bytes": 370 * MIB,
        "free_bytes": (24_564 - 3_000 - 370) * MIB,
        "utilization": 37, "memory_utilization": 12, "power_w": 215.5, "power_limit_w": 450.0, "energy_j": 7_200.0,
        "temperature_c": 61,
        "clock_mhz": 2_520, "max_clock_mhz": 3_105, "memory_clock_mhz": 10_501, "max_memory_clock_mhz": 10_501,
        "throttled": ["power limit"],
        "pcie_generation": 1, "pcie_width": 16, "pcie_max_generation": 4, "pcie_max_width": 16, "nvlinks": None,
        "nvlink_version": None,
        "compute_capability": "8.9", "unified": False, "mig": [], "error": "",
    }  # fmt: skip
    assert [(one["pid"], one["used_bytes"], one["kind"]) for one in processes] == [
        (4242, 2_600 * MIB, "compute"),
        (1717, 180 * MIB, "graphics"),
    ]
    assert (second["name"], second["energy_j"], second["throttled"], second["processes"]) == (
        "NVIDIA GeForce RTX 3060",
        None,
        [],
        [],
    )


def test_each_field_may_be_missing_alone(gpus_of: Gpus) -> None:
    """Every key of a card taken away in turn: what depends on it is gone, the rest is read as before."""
    memory = {"total_bytes", "used_bytes", "reserved_bytes", "free_bytes"}
    together = {
        "total": memory,
        "used": memory,
        "reserved": {"reserved_bytes", "free_bytes"},
        "graphics0": {"processes"},
        "process0": {"processes"},
    }
    together |= {"busy": {"utilization", "memory_utilization"}, "memory_busy": {"utilization", "memory_utilization"}}
    together |= {"capability_major": {"compute_capability"}, "capability_minor": {"compute_capability"}}
    cards = [{**RTX_4090, "uuid": f"GPU-{index}"} for index in range(len(RTX_4090))]
    whole = gpus_of(machine(*cards))["gpus"]
    lacking = gpus_of(
        machine(
            *[{key: card[key] for key in card if key != missing} for card, missing in zip(cards, RTX_4090, strict=True)]
        )
    )["gpus"]
    for key, gpu, before in zip(RTX_4090, lacking, whole, strict=True):
        changed = {name for name, value in gpu.items() if value != before[name]}
        assert len(changed) == 1 or changed == together[key], (key, changed)
        assert gpu["error"] == "", key


def test_what_is_not_told_is_none(gpus_of: Gpus) -> None:
    laptop, board = gpus_of(machine(LAPTOP, GB10))["gpus"]
    assert (laptop["power_w"], laptop["power_limit_w"]) == (None, None)
    assert laptop["processes"] == []
    assert laptop["total_bytes"] == 12_288 * MIB
    assert (
        board["total_bytes"],
        board["used_bytes"],
        board["reserved_bytes"],
        board["free_bytes"],
        board["pcie_width"],
    ) == (None,) * 5
    assert board["utilization"] == 5


def test_slices_of_a_gpu(gpus_of: Gpus) -> None:
    (gpu,) = gpus_of(machine(A100))["gpus"]
    assert (gpu["nvlinks"], gpu["nvlink_version"], gpu["utilization"]) == (12, 3, None)
    assert [(one["name"], one["total_bytes"], one["free_bytes"]) for one in gpu["mig"]] == [
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19_968 * MIB, 15_968 * MIB),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4_864 * MIB, 4_852 * MIB),
    ]
    assert (gpu["temperature_c"], gpu["error"]) == (30, "")


def test_a_gpu_that_has_gone_leaves_the_others(gpus_of: Gpus) -> None:
    first, second = gpus_of(SCENARIOS["one has gone"])["gpus"]
    assert (first["name"], first["error"]) == ("NVIDIA GeForce RTX 4090", "")
    assert (second["name"], second["total_bytes"]) == (None, None)
    assert "gone" in second["error"]


def test_a_gpu_that_goes_between_two_questions_keeps_what_it_told(gpus_of: Gpus) -> None:
    (gpu,) = gpus_of(machine({**RTX_4090, "temperature": LOST}))["gpus"]
    assert gpu["total_bytes"] == 24_564 * MIB
    assert (gpu["temperature_c"], gpu["clock_mhz"], gpu["compute_capability"]) == (None, None, "8.9")
    assert "gone" in gpu["error"]


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        (machine(init="!12"), "No NVIDIA driver is installed"),
        (SCENARIOS["driver mismatch"], "restart the machine"),
        (SCENARIOS["driver not loaded"], "not loaded"),
        (machine(init="!4"), "may not talk"),
        (machine(init="!999"), "refuses to work"),
        (SCENARIOS["no GPU"], "sees no GPU"),
    ],
)
def test_without_a_gpu_the_reason_is_said(gpus_of: Gpus, scenario: str, says: str) -> None:
    found = gpus_of(scenario)
    assert found["gpus"] == []
    assert len(found["notes"]) == 1
    assert says in found["notes"][0]
    assert found["host"]["ram_bytes"] > 0


def test_drivers_before_510_count_what_they_reserve_as_used(gpus_of: Gpus, tmp_path: Path) -> None:
    (gpu,) = gpus_of(machine(RTX_4090), library=build(tmp_path, "-DOLD"))["gpus"]
    assert (gpu["used_bytes"], gpu["reserved_bytes"], gpu["free_bytes"]) == (3_370 * MIB, None, (24_564 - 3_370) * MIB)
    assert gpu["throttled"] == ["power limit"]


def test_it_is_opened_once_and_again_after_a_new_driver(nvml: Callable[[str], None], tmp_path: Path) -> None:
    nvml(machine(RTX_4090))
    before = inventory_nvml.times_opened()
    for _ in range(20):
        assert len(inventory.read().gpus) == 1
    assert inventory_nvml.times_opened() == before + 1
    assert (tmp_path / "opened").read_text() == "i"
    nvml(machine(RTX_4090, count="!1"))  # the driver was unloaded underneath: the library says "uninitialized"
    assert inventory.read().gpus == ()
    nvml(machine(RTX_4090, RTX_3060))
    assert len(inventory.read().gpus) == 2
    assert (tmp_path / "opened").read_text() == "ii"


@pytest.mark.parametrize(("value", "shown"), [("", False), ("0", False), ("1", True)])
def test_names_of_processes_are_read_only_where_the_operator_says_so(
    nvml: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, value: str, shown: bool
) -> None:
    nvml(machine({**RTX_4090, "process0": f"{os.getpid()}:{MIB}", "process1": "3999999999"}))
    monkeypatch.setenv(inventory.SHOW_PROCESSES, value)
    processes = {one.pid: one for one in inventory.read().gpus[0].processes or ()}
    own, ended = processes[os.getpid()], processes[3999999999]
    assert own.used_bytes == MIB
    assert (own.name is not None, bool(own.command)) == (shown, shown)
    assert (ended.used_bytes, ended.name) == (None, None)
