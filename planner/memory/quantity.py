"""Amounts of memory with their uncertainty, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any

from planner.core.formula import Step, total


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount in bytes as a range, with the steps that led to the expected value.

    Where the figure is exact, low = expected = high. Low and high are meant as the 10th and 90th percentile.
    """

    low: int
    expected: int
    high: int
    steps: tuple[Step, ...] = ()

    @classmethod
    def exact(cls, *steps: Step) -> Quantity:
        """An exact amount: the value of the last step."""
        value = int(steps[-1].value) if steps else 0
        return cls(value, value, value, steps)

    @classmethod
    def between(cls, low: float, high: float, *steps: Step) -> Quantity:
        """An estimate: the last step's value, and factors below and above it."""
        value = int(steps[-1].value)
        return cls(min(int(value * low), value), value, max(int(value * high), value), steps)

    def json(self) -> dict[str, int]:
        return {"low": self.low, "expected": self.expected, "high": self.high}


NOTHING = Quantity(0, 0, 0)

COMPONENTS = ("weights", "kv_cache", "state", "activation", "overhead")
"""The parts of a device's memory, in the order in which every table and bar shows them."""


@dataclass(frozen=True)
class Occupied:
    """What one GPU holds, whatever it holds: the parts are the subclass's.

    `capacity_bytes` is what its driver reports as total; `usable_bytes` is what a program can have of it.
    """

    name: str
    index: int
    capacity_bytes: int
    usable_bytes: int

    @property
    def parts(self) -> tuple[Quantity, ...]:
        raise NotImplementedError

    @cached_property
    def total(self) -> Quantity:
        return added(f"{self.name} #{self.index}", self.parts)

    @property
    def free_bytes(self) -> int:
        """Usable memory less the expected total; negative when it doesn't fit."""
        return self.usable_bytes - self.total.expected


@dataclass(frozen=True)
class DeviceMemory(Occupied):
    """What one GPU holds while an engine runs a model.

    `budgeted` says that the engine divides a fixed share among weights, cache and activations: what one takes more, the
    cache has less, and only what lies outside makes the total uncertain.
    """

    weights: Quantity = NOTHING
    kv_cache: Quantity = NOTHING
    state: Quantity = NOTHING
    activation: Quantity = NOTHING
    overhead: Quantity = NOTHING
    budgeted: bool = False

    @property
    def parts(self) -> tuple[Quantity, ...]:
        return tuple(getattr(self, name) for name in COMPONENTS)

    @cached_property
    def total(self) -> Quantity:
        found = added(f"{self.name} #{self.index}", self.parts)
        outside = self.overhead
        if not self.budgeted:
            return found
        return replace(
            found,
            low=found.expected - (outside.expected - outside.low),
            high=found.expected + (outside.high - outside.expected),
        )


@dataclass(frozen=True)
class HostMemory:
    """What the machine's own memory holds for the engine."""

    weights: Quantity = NOTHING
    kv_cache: Quantity = NOTHING
    activation: Quantity = NOTHING

    @cached_property
    def total(self) -> Quantity:
        return added("Host memory", (self.weights, self.kv_cache, self.activation))


@dataclass(frozen=True, slots=True)
class WeightFile:
    """The weights as they lie on disk.

    `tensor_bytes` is the data of the tensors alone, `file_bytes` adds headers and padding.
    """

    format: str
    tensor_bytes: Quantity
    file_bytes: Quantity
    bits_per_weight: float


@dataclass(frozen=True, slots=True)
class Pool:
    """The KV cache an engine sets aside: bytes on the fullest rank, the tokens its log prints for one replica, and how
    many requests of the full context fit.
    """

    bytes: Quantity
    tokens: int
    sequences: float = 0.0

    @property
    def token_range(self) -> Quantity:
        """The tokens with their range: as the bytes, of which they are a fixed share."""
        if not self.bytes.expected:
            return Quantity(self.tokens, self.tokens, self.tokens)
        share = self.tokens / self.bytes.expected
        return Quantity(int(max(self.bytes.low, 0) * share), self.tokens, ceil(self.bytes.high * share))

    @property
    def sequence_range(self) -> tuple[float, float, float]:
        """The requests of the full context with their range: low, expected, high."""
        share = self.sequences / self.bytes.expected if self.bytes.expected else 0.0
        return max(self.bytes.low, 0) * share, self.sequences, self.bytes.high * share


@dataclass(frozen=True)
class Memory:
    """Where everything lies when an engine runs a model.

    Attributes:
        weights: the files.
        devices: one entry for each GPU.
        host: the machine's own memory.
        pool: what a serving engine reserves for the cache; None for engines that allocate as they go.
        refusal: why the engine would not start, in one sentence, or "" when it would.
        unable: whether that is because the card cannot run the format or the engine at all, however much memory it has.
        note: something the reader must know about this layout, or "".
        gpu_layers: layers (with the output as one) on GPUs, for engines that split with the host; None otherwise.
        cpu_moe_layers: layers from the first on whose routed experts lie in system memory.
        layer_shares: layers of each GPU, where they are not by free memory alone.
    """

    weights: WeightFile
    devices: tuple[DeviceMemory, ...]
    host: HostMemory = field(default_factory=HostMemory)
    pool: Pool | None = None
    refusal: str = ""
    note: str = ""
    gpu_layers: int | None = None
    cpu_moe_layers: int = 0
    layer_shares: tuple[int, ...] = ()
    unable: bool = False

    @property
    def split_held(self) -> dict[str, Any]:
        """The fields of a request that keep this split with the host while something else of it changes."""
        if self.gpu_layers is None:
            return {}
        shares = {"tensor_split": tuple(map(float, self.layer_shares))} if self.layer_shares else {}
        return {
            "gpu_layers": self.gpu_layers,
            **({"cpu_moe_layers": self.cpu_moe_layers} if self.cpu_moe_layers else {}),
            **shares,
        }


def added(label: str, parts: tuple[Quantity, ...]) -> Quantity:
    """The sum of independent quantities: expected values add, deviations add in quadrature.

    Adding the ends of ranges would claim that everything errs the same way at once.
    """
    expected = sum(part.expected for part in parts)
    below = sum((part.expected - part.low) ** 2 for part in parts) ** 0.5
    above = sum((part.high - part.expected) ** 2 for part in parts) ** 0.5
    step = total(label, [part.expected for part in parts])
    return Quantity(expected - int(below), expected, expected + int(above), (step,))
