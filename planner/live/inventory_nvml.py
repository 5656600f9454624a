"""NVIDIA's GPUs through NVML, by the `pynvml` module of the package nvidia-ml-py.

The library is opened once in a process and stays open: opening takes a while, and every visitor of the page shares it.
Each field is asked for on its own, since any of them may be refused; a GPU that goes away between two questions keeps
what was read of it. A driver that was reloaded underneath is opened again at the next reading.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from planner.live.inventory_host import described
from planner.live.live_gpu import Found, LiveGpu, Process, Slice

T = TypeVar("T")

NO_LIBRARY = "No NVIDIA driver is installed (its library libnvidia-ml is missing), so no NVIDIA GPU can be read."
REASONS = {
    "NVMLError_LibraryNotFound": NO_LIBRARY,
    "NVMLError_DriverNotLoaded": (
        "The NVIDIA driver is installed but not loaded: run nvidia-smi, or restart the machine."
    ),
    "NVMLError_LibRmVersionMismatch": (
        "The NVIDIA driver was updated while the old one is still running: restart the machine, or reload its modules."
    ),
    "NVMLError_NoPermission": (
        "This user may not talk to the NVIDIA driver: add it to the group that owns /dev/nvidia*."
    ),
}
GONE = frozenset({"NVMLError_GpuIsLost", "NVMLError_ResetRequired"})
CLOSED = frozenset({"NVMLError_Uninitialized", "NVMLError_DriverNotLoaded", "NVMLError_LibRmVersionMismatch"})

THROTTLES = {
    "SwPowerCap": "power limit",
    "HwSlowdown": "hardware slowdown",
    "SwThermalSlowdown": "temperature",
    "HwThermalSlowdown": "temperature (hardware)",
    "HwPowerBrakeSlowdown": "power brake",
    "SyncBoost": "sync boost",
    "ApplicationsClocksSetting": "application clocks",
    "DisplayClockSetting": "display clocks",
}
"""Reasons for lower clocks, by NVML's names; idling is none."""

LONGEST_TEXT = 96


@dataclass
class _Library:
    """NVML as this process has it: whether it is open, and how often it was opened."""

    lock: Lock = field(default_factory=Lock)
    open: bool = False
    opened: int = 0


_library = _Library()


def times_opened() -> int:
    """How often this process has opened NVML: once, unless the driver was reloaded."""
    return _library.opened


def read(with_processes: bool = False) -> Found:
    """Every NVIDIA GPU now; without a driver the reason, in one sentence."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return Found(
            note="The package nvidia-ml-py is not installed, so no NVIDIA GPU can be read: pip install nvidia-ml-py."
        )
    try:
        _open(nvml)
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        _closed_by(error)
        return Found(
            note=REASONS.get(
                type(error).__name__,
                f"NVIDIA's library refuses to work: {str(error)[:LONGEST_TEXT]}. Run nvidia-smi to see why.",
            )
        )
    gpus = tuple(_Reader(nvml, index, with_processes).gpu() for index in range(count))
    note = "" if gpus else "The NVIDIA driver runs, and sees no GPU."
    asked = _Reader(nvml, 0, False)
    driver, cuda = asked.text(nvml.nvmlSystemGetDriverVersion), asked.ask(nvml.nvmlSystemGetCudaDriverVersion)
    return Found(
        gpus, note, f"driver {driver}" if driver else None, f"CUDA {cuda // 1000}.{cuda % 1000 // 10}" if cuda else None
    )


def forget() -> None:
    """Open the library anew at the next reading, as after a change of the driver."""
    _library.open = False


def _open(nvml: Any) -> None:
    with _library.lock:
        if not _library.open:
            nvml.nvmlInit()
            _library.open = True
            _library.opened += 1


def _closed_by(error: Exception) -> None:
    if type(error).__name__ in CLOSED:
        forget()


class _Reader:
    """One GPU, field by field."""

    def __init__(self, nvml: Any, index: int, with_processes: bool) -> None:
        self.nvml, self.index, self.with_processes = nvml, index, with_processes
        self.gone = ""

    def ask(self, call: Callable[..., T], *arguments: Any) -> T | None:
        """What the driver answers, or None where it has no answer; once the GPU is gone nothing more is asked."""
        if self.gone:
            return None
        try:
            return call(*arguments)
        except self.nvml.NVMLError as error:
            if type(error).__name__ in GONE:
                self.gone = "This GPU has gone since the driver listed it; look at the system log."
            _closed_by(error)
        except (UnicodeDecodeError, ValueError, AttributeError):
            # a name that is no text, or a function that this version of the binding lacks
            pass
        return None

    def text(self, call: Callable[..., Any], *arguments: Any) -> str | None:
        found = self.ask(call, *arguments)
        return str(found)[:LONGEST_TEXT] if found else None

    def scaled(self, scale: float, call: Callable[..., Any], *arguments: Any) -> float | None:
        found = self.ask(call, *arguments)
        return None if found is None else found * scale

    def gpu(self) -> LiveGpu:
        """Everything that this GPU tells."""
        nvml = self.nvml
        handle = self.ask(nvml.nvmlDeviceGetHandleByIndex, self.index)
        if handle is None:
            return LiveGpu(
                self.index,
                vendor="NVIDIA",
                source="NVML",
                error=self.gone or "The driver lists this GPU and does not open it.",
            )
        total, reserved, used, free = self._memory(handle)
        busy = self.ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        capability = self.ask(nvml.nvmlDeviceGetCudaComputeCapability, handle)
        name = self.text(nvml.nvmlDeviceGetName, handle)
        clock, most = nvml.nvmlDeviceGetClockInfo, nvml.nvmlDeviceGetMaxClockInfo
        links = self._nvlinks(handle)
        return LiveGpu(
            self.index,
            name,
            "NVIDIA",
            "NVML",
            uuid=self.text(nvml.nvmlDeviceGetUUID, handle),
            bus=self._bus(handle),
            total_bytes=total,
            used_bytes=used,
            reserved_bytes=reserved,
            free_bytes=free,
            utilization=busy.gpu if busy else None,
            memory_utilization=busy.memory if busy else None,
            power_w=self.scaled(1e-3, nvml.nvmlDeviceGetPowerUsage, handle),
            power_limit_w=self.scaled(1e-3, nvml.nvmlDeviceGetEnforcedPowerLimit, handle),
            energy_j=self.scaled(1e-3, nvml.nvmlDeviceGetTotalEnergyConsumption, handle),
            temperature_c=self.ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            clock_mhz=self.ask(clock, handle, nvml.NVML_CLOCK_SM),
            max_clock_mhz=self.ask(most, handle, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=self.ask(clock, handle, nvml.NVML_CLOCK_MEM),
            max_memory_clock_mhz=self.ask(most, handle, nvml.NVML_CLOCK_MEM),
            throttled=self._throttled(handle),
            pcie_generation=self.ask(nvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
            pcie_width=self.ask(nvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
            pcie_max_generation=self.ask(nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            pcie_max_width=self.ask(nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
            nvlinks=len(links) if links is not None else None,
            nvlink_version=self.ask(nvml.nvmlDeviceGetNvLinkVersion, handle, links[0]) if links else None,
            compute_capability=f"{capability[0]}.{capability[1]}" if capability else None,
            mig=self._slices(handle),
            processes=self._processes(handle),
            error=self.gone,
        )

    def _memory(self, handle: Any) -> tuple[int | None, int | None, int | None, int | None]:
        """Total, reserved, used, free. Drivers before 510 count what they reserve as used."""
        memory = self.ask(self.nvml.nvmlDeviceGetMemoryInfo, handle, self.nvml.nvmlMemory_v2)
        if memory is not None:
            return memory.total, memory.reserved, memory.used, memory.free
        memory = self.ask(self.nvml.nvmlDeviceGetMemoryInfo, handle)
        return (None, None, None, None) if memory is None else (memory.total, None, memory.used, memory.free)

    def _bus(self, handle: Any) -> str | None:
        found = self.ask(self.nvml.nvmlDeviceGetPciInfo, handle)
        bus = getattr(found, "busId", b"")
        return (bus.decode("ascii", "replace") if isinstance(bus, bytes) else str(bus))[:LONGEST_TEXT] or None

    def _throttled(self, handle: Any) -> tuple[str, ...] | None:
        nvml = self.nvml
        mask = self.ask(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if mask is None:  # drivers before 535 have it under its old name
            mask = self.ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        if mask is None:
            return None
        return tuple(
            words for name, words in THROTTLES.items() if mask & getattr(nvml, f"nvmlClocksEventReason{name}", 0)
        )

    def _nvlinks(self, handle: Any) -> list[int] | None:
        """Numbers of the active links; None where the driver knows of no links at all."""
        states = []
        for link in range(self.nvml.NVML_NVLINK_MAX_LINKS):
            state = self.ask(self.nvml.nvmlDeviceGetNvLinkState, handle, link)
            if state is None:  # past the last link
                break
            states.append(state)
        return [link for link, state in enumerate(states) if state] if states else None

    def _slices(self, handle: Any) -> tuple[Slice, ...]:
        nvml = self.nvml
        mode = self.ask(nvml.nvmlDeviceGetMigMode, handle)
        if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return ()
        found = []
        for index in range(self.ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            part = self.ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if part is not None:
                total, _, used, free = self._memory(part)
                found.append(
                    Slice(
                        self.text(nvml.nvmlDeviceGetName, part) or f"MIG slice {index}",
                        self.text(nvml.nvmlDeviceGetUUID, part),
                        total,
                        used,
                        free,
                    )
                )
        return tuple(found)

    def _processes(self, handle: Any) -> tuple[Process, ...] | None:
        nvml = self.nvml
        lists = {
            "compute": self.ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle),
            "graphics": self.ask(nvml.nvmlDeviceGetGraphicsRunningProcesses, handle),
        }
        if all(found is None for found in lists.values()):
            return None
        by_pid: dict[int, Process] = {}
        for kind, found in lists.items():
            for one in found or ():
                name, command = described(one.pid) if self.with_processes else (None, None)
                by_pid.setdefault(one.pid, Process(one.pid, one.usedGpuMemory, kind, name, command))
        return tuple(sorted(by_pid.values(), key=lambda process: -(process.used_bytes or 0)))
