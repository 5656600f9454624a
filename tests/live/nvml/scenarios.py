"""What the library in nvml.c can be told to be: machines as lines of key=value."""

from __future__ import annotations

GIB = 2**30
MIB = 2**20

RTX_4090 = {
    "name": "NVIDIA GeForce RTX 4090", "uuid": "GPU-4090", "bus": "00000000:01:00.0", "total": 24_564 * MIB,
    "used": 3_000 * MIB, "reserved": 370 * MIB,
    "busy": 37, "memory_busy": 12, "power": 215_500, "power_limit": 450_000, "energy": 7_200_000, "temperature": 61,
    "clock": 2_520, "max_clock": 3_105,
    "memory_clock": 10_501, "max_memory_clock": 10_501, "reasons": 0x4, "pcie_generation": 1, "pcie_width": 16,
    "pcie_max_generation": 4,
    "pcie_max_width": 16, "capability_major": 8, "capability_minor": 9, "process0": f"4242:{2_600 * MIB}",
    "graphics0": f"1717:{180 * MIB}",
}  # fmt: skip
RTX_3060 = {
    "name": "NVIDIA GeForce RTX 3060", "uuid": "GPU-3060", "bus": "00000000:02:00.0", "total": 12_288 * MIB,
    "used": 100 * MIB, "reserved": 200 * MIB,
    "busy": 0, "memory_busy": 0, "power": 14_000, "power_limit": 170_000, "temperature": 38, "clock": 210,
    "max_clock": 2_112, "memory_clock": 405,
    "max_memory_clock": 7_501, "reasons": 0x1, "pcie_generation": 4, "pcie_width": 8, "pcie_max_generation": 4,
    "pcie_max_width": 16,
    "capability_major": 8, "capability_minor": 6,
}  # fmt: skip
A100 = {
    "name": "NVIDIA A100-SXM4-40GB", "uuid": "GPU-a100", "total": 40_960 * MIB, "used": 5_000 * MIB,
    "reserved": 600 * MIB, "power": 61_000,
    "power_limit": 400_000, "temperature": 30, "mig": 1, "links": 12, "links_up": 12, "link_version": 3,
    "capability_major": 8, "capability_minor": 0,
    "mig0.name": "NVIDIA A100-SXM4-40GB MIG 3g.20gb", "mig0.uuid": "MIG-3g", "mig0.total": 19_968 * MIB,
    "mig0.used": 4_000 * MIB,
    "mig2.name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "mig2.uuid": "MIG-1g", "mig2.total": 4_864 * MIB,
    "mig2.used": 12 * MIB,
}  # fmt: skip
GB10 = {
    "name": "NVIDIA GB10",
    "uuid": "GPU-gb10",
    "busy": 5,
    "memory_busy": 0,
    "temperature": 44,
    "capability_major": 12,
    "capability_minor": 1,
}
"""A unified board: its driver tells no memory, no limit and no PCIe link."""

LAPTOP = {
    **{key: value for key, value in RTX_3060.items() if not key.startswith("power")},
    "process": "!4",
    "name": "NVIDIA GeForce RTX 3060 Laptop GPU",
}
"""Power is not told, and this user may not list processes."""

LOST = "!15"


def machine(*gpus: dict[str, object], init: object = 0, driver: str = "550.54.14", **more: object) -> str:
    """A scenario: these GPUs behind a driver that answers; `more` are lines such as `gpu1_handle="!15"`."""
    lines = {"init": init, "driver": driver, "cuda": 12_040, "count": len(gpus)}
    for index, gpu in enumerate(gpus):
        lines |= {f"{index}.{key}": value for key, value in gpu.items()}
    lines |= {
        key.replace("gpu", "", 1).replace("_", ".", 1) if key.startswith("gpu") else key: value
        for key, value in more.items()
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


SCENARIOS = {
    "two unequal cards": machine(RTX_4090, RTX_3060),
    "missing fields": machine(LAPTOP),
    "unified memory": machine(GB10),
    "MIG": machine(A100),
    "one has gone": machine(RTX_4090, RTX_3060, gpu1_handle=LOST),
    "an unknown card": machine({**RTX_3060, "name": "NVIDIA Imaginary 9999"}),
    "no GPU": machine(),
    "driver mismatch": machine(init="!18"),
    "driver not loaded": machine(init="!9"),
}
