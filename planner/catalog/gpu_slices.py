"""A part of a GPU: a MIG slice, with its own memory and its share of the processors and the bandwidth, or a vGPU, which
shares them in time.

    NVIDIA A100-SXM4-80GB MIG 3g.40gb:  3 of 7 compute slices, 4 of 8 memory slices
    GRID A100-10C, NVIDIA A40-48Q:      a memory of 10 and 48 GB, and the whole card while nobody else computes

compute = compute slices / all;  memory = memory slices / all * total * 0.975;  bandwidth = memory slices / all *
bandwidth
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.errors import PlanError

MIG = re.compile(r"[\s-]*\b(?:mig)?[\s-]*(?:\dc\.)?(\d)g\.(\d{1,3})gb(?:[+.]\w+)*", re.IGNORECASE)
VGPU = re.compile(r"^\s*(?:nvidia\s+|grid\s+)*(\S.*?)-(?:(\d)-)?(\d{1,3})([qca]|cme)\s*$", re.IGNORECASE)
SUFFIX = re.compile(r"^(.*\d)(dx|xm|d|x|l)$", re.IGNORECASE)
KEPT = 0.975
"""Of a slice's share of memory, what its driver reports: 19,968 of 20,480 MiB for half an A100, 9.75 of 9.96 GiB for an
eighth of an H100.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A part as its name states it.

    Attributes:
        card: the name of the whole card.
        slices: compute slices of MIG, or None for a vGPU that shares the card in time.
        memory_gb: as the name says.
        suffix: of a vGPU's card: x for SXM, d for twice the memory, l for NVL.
        label: as people read it.
        key: behind the card's id, read as the name is.
    """

    card: str
    slices: int | None
    memory_gb: int
    suffix: str
    label: str
    key: str

    def distance(self, gpu: Gpu) -> float:
        """How badly a whole card suits the part: a slice names its share of the memory, a vGPU the form of its card."""
        if self.label.startswith("MIG"):
            whole = slices_of(gpu)
            usual = (
                {3: 4, 7: 8}.get(self.slices or 1, self.slices or 1) if whole and whole[1] == 8 else self.slices or 1
            )
            return abs(gpu.memory_gb * usual / whole[1] - self.memory_gb) if whole else 1e6
        sxm = "SXM" in gpu.form_factor
        return (
            1e4 * (sxm != ("x" in self.suffix))
            + 1e3 * (("NVL" in gpu.name) != ("l" in self.suffix))
            + (-gpu.memory_gb if "d" in self.suffix else gpu.memory_gb)
        )

    def sentence(self, gpu: Gpu) -> str | None:
        """What a reader must know of a vGPU's speed."""
        if self.slices is not None:
            return None
        return (
            f"{gpu.name} shares its GPU with others in time: speeds are those of the whole card while the others rest."
        )


@cache
def _table() -> tuple[tuple[str, int, int], ...]:
    return tuple((row["card"], int(row["compute_slices"]), int(row["memory_slices"])) for row in table("gpu_slices"))


def slices_of(gpu: Gpu) -> tuple[int, int] | None:
    """Compute and memory slices that a card can be cut into, or None."""
    return next(
        ((compute, memory) for card, compute, memory in _table() if gpu.id == card or gpu.id.startswith(f"{card}-")),
        None,
    )


def part_of(text: str) -> Part | None:
    """The part that a name states, or None for a whole card's name."""
    mig = MIG.search(text)
    if mig is not None and (text[: mig.start()] + text[mig.end() :]).strip():
        return Part(
            (text[: mig.start()] + " " + text[mig.end() :]).strip(" -"),
            int(mig[1]),
            int(mig[2]),
            "",
            f"MIG {mig[1]}g.{mig[2]}gb",
            f"mig-{mig[1]}g.{mig[2]}gb",
        )
    vgpu = VGPU.match(text)
    if vgpu is None:
        return None
    bare = SUFFIX.match(vgpu[1])
    card, suffix = (bare[1], bare[2].lower()) if bare and not vgpu[1].lower().startswith("rtx") else (vgpu[1], "")
    return Part(
        card.replace("-", " "),
        int(vgpu[2]) if vgpu[2] else None,
        int(vgpu[3]),
        suffix,
        f"vGPU {vgpu[3]}GB",
        f"{vgpu[2]}-{vgpu[3]}{vgpu[4]}".lower() if vgpu[2] else f"{vgpu[3]}{vgpu[4]}".lower(),
    )


def cut(gpu: Gpu, part: Part, memory_mib: int | None) -> Gpu:
    """The part as a device of its own.

    Raises:
        PlanError: when the card cannot be cut so.
    """
    if part.memory_gb < 1 or part.memory_gb > gpu.memory_gb * 1.05:
        raise PlanError(
            f"{gpu.name} has {gpu.memory_gb:g} GB, so no part of it has {part.memory_gb}. Name a part that the card"
            " has.",
            "gpus",
        )
    name, key = f"{gpu.name} {part.label}", f"{gpu.id}-{part.key}"
    if part.slices is None:
        return replace(
            gpu,
            id=key,
            name=name,
            memory_gb=float(part.memory_gb),
            memory_mib=memory_mib or part.memory_gb * 1024,
            launch_price_usd=None,
        )
    whole = slices_of(gpu)
    if whole is None or part.slices > whole[0]:
        raise PlanError(
            f"{gpu.name} cannot be cut into {part.label}. Name the whole card, or a slice that it has.", "gpus"
        )
    compute, memory = part.slices / whole[0], max(1, round(part.memory_gb / gpu.memory_gb * whole[1])) / whole[1]

    def share(rate: float | None) -> float | None:
        return None if rate is None else rate * compute

    return replace(
        gpu,
        id=key,
        name=name,
        memory_gb=float(part.memory_gb),
        memory_mib=memory_mib or int(gpu.capacity_bytes / 2**20 * memory * KEPT),
        bandwidth_gb_per_s=gpu.bandwidth_gb_per_s * memory,
        fp32_tflops=share(gpu.fp32_tflops),
        fp16_tflops=share(gpu.fp16_tflops),
        fp16_fast_accumulate_tflops=share(gpu.fp16_fast_accumulate_tflops),
        bf16_tflops=share(gpu.bf16_tflops),
        fp8_tflops=share(gpu.fp8_tflops),
        fp4_tflops=share(gpu.fp4_tflops),
        int8_tops=share(gpu.int8_tops),
        tdp_w=share(gpu.tdp_w),
        link_gb_per_s=None,
        launch_price_usd=None,
    )
