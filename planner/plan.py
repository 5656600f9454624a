"""`plan()`: from a question to its answer, and the table of contents of the whole calculation.

    request -> case (names resolved) -> memory (the engine) -> fit (the verdict) -> speed, cost, job, capacity, advice,
    derivation

What the first screen needs is computed at once; searches (how far the context could grow, ways out) and texts only when
read, and the modules
behind them are imported then: a program that only asks what fits pays for no prices and no speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from planner.architecture.registry import parse
from planner.architecture.tensors import Architecture
from planner.case import Case, Command
from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu
from planner.catalog.taken import LITERALLY, Taken
from planner.core.formula import Step
from planner.engines.registry import engine
from planner.memory.quantity import Memory
from planner.parallelism.degrees import replicate_attention
from planner.request import GpuSpec, PlanRequest, Question
from planner.resolve import canonical, meaning, taken
from planner.verdict import Fit, judge

if TYPE_CHECKING:
    from planner.economics.cost import Cost
    from planner.economics.job import Job
    from planner.load import Load
    from planner.performance.speed import Speed
    from planner.searches.capacity import Capacity
    from planner.searches.ways_out import WayOut

DEFAULT_RAM_BYTES = 64 * 2**30
"""System memory assumed when none is given; the page shows it beside the result."""


@dataclass(frozen=True)
class Plan:
    """The answer: where everything lies, whether it fits, and, when asked, how far it could grow and what would
    help.
    """

    case: Case
    memory: Memory
    fit: Fit

    @property
    def request(self) -> PlanRequest:
        return self.case.request

    @property
    def architecture(self) -> Architecture:
        return self.case.architecture

    @cached_property
    def speed(self) -> Speed:
        """How fast it runs at this batch and context, and what it draws."""
        from planner.performance.roofline import speed_of

        return speed_of(self.case, self.memory)

    @cached_property
    def load(self) -> Load:
        """What it takes to have the model ready: disk, download, memory and time."""
        from planner.load import load_of

        return load_of(self.case, self.memory)

    @cached_property
    def cost(self) -> Cost:
        """What its work costs: electricity, carbon, wear, rent, and the same tokens from an API.

        Raises:
            PlanError: when the request names a region or an API that nobody knows, or a machine that never works.
        """
        from planner.economics.cost import cost
        from planner.performance.timing import tokens_of

        return cost(
            self.request,
            self.case.gpus,
            self.case.name,
            self.speed,
            tokens_of(self.request),
            bool(self.memory.host.weights.expected),
        )

    @cached_property
    def job(self) -> Job:
        """The request's job, planned with as many sequences as it keeps in flight; raises as `cost` does."""
        from planner.economics.job import in_flight, job

        at_once = in_flight(self.request)
        served = self if at_once == self.request.batch else plan(self.request.changed(batch=at_once))
        return job(self.request, served.cost, served.speed)

    @cached_property
    def capacity(self) -> Capacity:
        """The largest context at this batch and the largest batch at this context."""
        from planner.searches.capacity import Capacity

        return Capacity(self.case, self.memory)

    @cached_property
    def advice(self) -> tuple[WayOut, ...]:
        """Changes to the request that would make it fit, best first; empty when it fits."""
        from planner.searches.ways_out import ways_out

        return () if self.fit.verdict == "fits" else ways_out(self.case)

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Commands that start this plan."""
        return engine(self.request.engine).commands(self.case)

    @property
    def derivation(self) -> tuple[Step, ...]:
        """Every step of the calculation, in the order of the page."""
        from planner.report.derivation import speed_steps, steps_of

        return steps_of(self.architecture, self.memory) + speed_steps(self.speed)


def plan(request: PlanRequest) -> Plan:
    """Answer a question about inference.

    Raises:
        PlanError: when a name is unknown or the request contradicts itself; one sentence with a next step.
    """
    case = resolve_case(request)
    memory = engine(case.request.engine).memory(case)
    return Plan(case, memory, judge(case, memory))


def resolve_case(request: PlanRequest) -> Case:
    """Look up every name in the request: the model and its format, and each GPU."""
    asked, names = canonical(request)
    name, architecture = resolve_model(asked)
    ram = asked.system.ram_gib
    return replicate_attention(
        Case(asked, name, architecture, resolve_gpus(asked.gpus), int(ram * 2**30) if ram else DEFAULT_RAM_BYTES, names)
    )


def named(request: Question) -> tuple[str, Architecture, Taken]:
    """A model alone: its name, its architecture, and what its name was taken for."""
    return *resolve_model(request), taken(meaning(request)) if request.config is None else LITERALLY


def resolve_model(request: Question) -> tuple[str, Architecture]:
    """The model's name and architecture: an inline config wins, then the bundled catalogue."""
    if request.config is not None:
        return request.model or "your model", parse(request.config)
    model = meaning(request).model
    return model.id, model.architecture


@lru_cache(maxsize=256)
def resolve_gpus(specs: tuple[GpuSpec, ...]) -> tuple[Gpu, ...]:
    return tuple(
        gpu for spec in specs for gpu in [resolve(spec.name, spec.memory_mib).with_free_mib(spec.free_mib)] * spec.count
    )
