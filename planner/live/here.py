"""Planning on the GPUs that a machine really has: live GPUs as the `gpus` of a request, with the memory that is free
now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.catalog.gpu_names import resolve, with_memory
from planner.catalog.gpus import MIB, Gpu
from planner.core.errors import PlanError
from planner.live.live_gpu import LiveGpu


@dataclass(frozen=True, slots=True)
class Usable:
    """A live GPU, or one of its MIG slices, as the catalogue knows it.

    `name` is the catalogue's id, `label` what people read. Memory is the driver's, None where it tells none.
    """

    live: LiveGpu
    gpu: Gpu
    label: str
    total_mib: int | None
    free_mib: int | None

    @property
    def text(self) -> str:
        """As a request's `gpus` spells it: `rtx-4090 [22100/24564 MiB]`."""
        return with_memory(self.gpu.id, self.total_mib, self.free_mib)


def usable(gpus: Iterable[LiveGpu], ram_available_bytes: int | None = None) -> tuple[Usable, ...]:
    """Each GPU that a plan can use; those that have gone or that the catalogue does not know are left out.

    A card in MIG mode is its slices. A unified board that reports no memory has the machine's free memory.
    """
    found = []
    for live in gpus:
        for label, total, free in _parts(live):
            gpu = known(label, total) or known(live.name, total)
            if gpu is None:
                continue
            if total is None and gpu.unified and ram_available_bytes is not None:
                total, free = gpu.capacity_bytes // MIB, min(gpu.usable_bytes, ram_available_bytes) // MIB
            found.append(Usable(live, gpu, label, total, free))
    return tuple(found)


def unknown(gpus: Iterable[LiveGpu]) -> tuple[LiveGpu, ...]:
    """GPUs that answer and that the catalogue has no row for."""
    return tuple(
        live for live in gpus if live.name and not live.error and known(live.name, _mib(live.total_bytes)) is None
    )


def request_text(gpus: Iterable[Usable], free: bool = True) -> str:
    """The `gpus` of a request, equal ones together; with `free=False` as if nothing else ran."""
    counts: dict[str, int] = {}
    for one in gpus:
        text = one.text if free else with_memory(one.gpu.id, one.total_mib, None)
        counts[text] = counts.get(text, 0) + 1
    return " + ".join(text if count == 1 else f"{count}x {text}" for text, count in counts.items())


def known(name: str | None, total_mib: int | None) -> Gpu | None:
    """The catalogue's row for a name as a driver prints it, or None."""
    if not name:
        return None
    try:
        return resolve(name, total_mib)
    except PlanError:
        return None


def _parts(live: LiveGpu) -> list[tuple[str, int | None, int | None]]:
    if live.error or not live.name:
        return []
    if live.mig:
        return [(one.name, _mib(one.total_bytes), _mib(one.free_bytes)) for one in live.mig]
    return [(live.name, _mib(live.total_bytes), _mib(live.free_bytes))]


def _mib(size: int | None) -> int | None:
    return None if size is None else size // MIB
