"""The machine around the GPUs: what it draws itself, and what its building adds (`data/machines.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.figure import given
from planner.request import Question

HOST = Formula("base_w + per_gpu_w * gpus + cpu_busy_w", "W")


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine: its own draw beside the GPUs', for a processor at work more, and the facility's factor."""

    kind: str
    form_factors: tuple[str, ...]
    host_base_w: float
    host_per_gpu_w: float
    cpu_busy_w: float
    low: float
    high: float
    pue: float
    source: str


@cache
def machines() -> tuple[Machine, ...]:
    return tuple(
        Machine(
            row["kind"],
            tuple(row["form_factors"].split()),
            float(row["host_base_w"]),
            float(row["host_per_gpu_w"]),
            float(row["cpu_busy_w"]),
            float(row["low"]),
            float(row["high"]),
            float(row["pue"]),
            row["source"],
        )
        for row in table("machines")
    )


def machine(gpus: tuple[Gpu, ...]) -> Machine:
    """The kind of machine that holds these GPUs; the last row is the kind for everything else."""
    forms = " ".join(gpu.form_factor + (" unified" if gpu.unified else "") for gpu in gpus)
    return next((one for one in machines() if any(word in forms for word in one.form_factors)), machines()[-1])


def host_watts(request: Question, gpus: tuple[Gpu, ...], cpu_busy: bool) -> Estimate:
    """What the machine draws besides its GPUs, at the wall: typed in, or assumed from its kind.

    Args:
        cpu_busy: whether the processor computes a part of the model.
    """
    if request.host_watts is not None:
        return given("Machine besides the GPUs", request.host_watts, "W", "as given")
    kind = machine(gpus)
    busy = kind.cpu_busy_w if cpu_busy else 0
    step = Formula(HOST.expression, HOST.unit, kind.source)(
        f"Machine besides the GPUs ({kind.kind})",
        base_w=kind.host_base_w,
        per_gpu_w=kind.host_per_gpu_w,
        gpus=len(gpus),
        cpu_busy_w=busy,
    )
    return Estimate.between(kind.low, kind.high, step)


def pue(request: Question, gpus: tuple[Gpu, ...]) -> Estimate:
    """Power usage effectiveness: what the building draws over what the machine draws; typed in, or 1 at home and the
    usual in a data centre.
    """
    if request.pue is not None:
        return given("Power usage effectiveness", request.pue, "", "as given")
    kind = machine(gpus)
    return given("Power usage effectiveness", kind.pue, "", f"{kind.kind}: {kind.source}")
