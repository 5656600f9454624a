"""`train()`: from a question about fine-tuning to its answer.

request -> case (names resolved) -> devices (states, tape, sharding) -> fit, speed, duration, cost
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from planner.core.formula import Step
from planner.memory.quantity import NOTHING, Quantity
from planner.plan import DEFAULT_RAM_BYTES, resolve_gpus, resolve_model
from planner.training.case import TrainCase
from planner.training.fit import judge
from planner.training.host import TrainHost, host
from planner.training.job import TrainJob, job, steps_of
from planner.training.memory import TrainDevice, devices, timed_parts
from planner.training.named import canonical
from planner.training.notes import notes
from planner.training.overhead import reserved
from planner.training.request import TrainRequest
from planner.training.speed import TrainSpeed, speed
from planner.verdict import Fit


@dataclass(frozen=True)
class TrainPlan:
    """The answer: what each GPU holds at its highest moment, whether that fits, and, when asked, how long it takes."""

    case: TrainCase
    devices: tuple[TrainDevice, ...]

    @property
    def request(self) -> TrainRequest:
        return self.case.request

    @property
    def fullest(self) -> TrainDevice | None:
        return max(self.devices, key=lambda device: device.total.expected, default=None)

    @property
    def peak_allocated(self) -> Quantity:
        """What PyTorch allocates at most on the fullest GPU."""
        return self.fullest.allocated if self.fullest else NOTHING

    @property
    def peak_reserved(self) -> Quantity:
        """What PyTorch's allocator holds at most on the fullest GPU, blocks that it keeps for later among it: trainers
        print it as their peak.
        """
        return reserved(self.peak_allocated) if self.fullest else NOTHING

    @property
    def peak(self) -> Quantity:
        """What nvidia-smi shows at most on the fullest GPU."""
        return self.fullest.total if self.fullest else NOTHING

    @cached_property
    def fit(self) -> Fit:
        """Whether every GPU holds its part, and how sure that is."""
        return judge(self.case, self.devices)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the plan besides its figures, in sentences."""
        return notes(self.case)

    @property
    def derivation(self) -> tuple[Step, ...]:
        """Every step of the fullest GPU's figures, in the order of the page."""
        device = self.fullest
        if device is None:
            return ()
        found = [
            step
            for part in (*device.parts, device.allocated, device.total, self.host.total, self.host.disk)
            for step in part.steps
        ]
        if self.speed:
            found += self.speed.tokens_per_s.steps
        if self.job:
            found += self.job.derivation
        return tuple({id(step): step for step in found}.values())

    @cached_property
    def trainable_parameters(self) -> int:
        """Parameters that are trained, over all GPUs."""
        return timed_parts(self.case).trainable

    @cached_property
    def speed(self) -> TrainSpeed | None:
        """Tokens a second and seconds of a step; None without a GPU."""
        return speed(self.case)

    @cached_property
    def steps(self) -> int | None:
        """Optimizer steps of the run; None where the number of samples is not given."""
        counted = steps_of(self.case)
        return int(counted[-1].value) if counted else None

    @cached_property
    def job(self) -> TrainJob | None:
        """Duration, energy and cost; None without samples or a GPU."""
        return job(self.case, self.speed) if self.speed else None

    @cached_property
    def host(self) -> TrainHost:
        """Memory and disk of the machine around the GPUs."""
        return host(self.case, timed_parts(self.case))


def train(request: TrainRequest) -> TrainPlan:
    """Answer a question about training.

    Raises:
        PlanError: when a name is unknown or the request contradicts itself; one sentence with a next step.
    """
    return train_case(resolve_case(request))


def train_case(case: TrainCase) -> TrainPlan:
    """The answer to a case whose names are resolved, for searches over variants of it.

    Raises:
        PlanError: when its degrees, targets or formats contradict each other.
    """
    return TrainPlan(case, devices(case))


def resolve_case(request: TrainRequest) -> TrainCase:
    """Look up every name in the request: the model, and each GPU."""
    asked, taken = canonical(request)
    name, architecture = resolve_model(asked)
    ram = asked.system.ram_gib
    return TrainCase(
        asked, name, architecture, resolve_gpus(asked.gpus), int(ram * 2**30) if ram else DEFAULT_RAM_BYTES, taken
    )
