"""Formats of weights outside GGUF, from `data/formats.csv`: bits, groups, and which tensors stay in 16 bit.

bytes = elements*bits/8 + rows*ceil(columns/group)*group_bits/8 + rows*row_bits/8 + columns*column_bits/8
where rows are outputs and columns inputs of a linear layer; group_bits are the scale and zero point of one group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Literal

from planner.architecture.tensors import Tensor
from planner.data import table
from planner.errors import PlanError, did_you_mean
from planner.formula import Formula

KEPT_ROLES = frozenset({
    "embedding", "position_embedding", "lm_head", "router", "shared_expert_gate", "norm", "bias", "scalar", "conv",
    "ssm_a", "ssm_d", "ssm_dt", "patch_embedding",
})  # fmt: skip
"""Roles that every published quantizer leaves in the model's own type: what is looked up, normalises, or steers."""

EXPERT_ROLES = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})

BITS = {"fp32": 32, "bf16": 16, "fp16": 16}

TENSOR_BYTES = Formula(
    "count * (elements * bits // 8 + ceil(rows * groups * group_bits / 8) + (rows * row_bits + columns * column_bits) // 8)",
    "bytes",
)


@dataclass(frozen=True)
class Format:
    """How a linear layer is stored.

    Attributes:
        bits: of one weight.
        group_size: weights that share a scale along the input; 0 when there are no groups.
        group_bits, row_bits, column_bits: what each group, each output and each input adds.
        scope: `all` tensors, every `linear` layer of the stacks, or only `experts` (every linear layer of a model without any).
    """

    id: str
    label: str
    bits: int
    group_size: int = 0
    group_bits: float = 0.0
    row_bits: int = 0
    column_bits: int = 0
    scope: Literal["all", "linear", "experts"] = "linear"
    min_compute_capability: float = 0.0
    source: str = ""

    def operands(self, shape: tuple[int, ...]) -> dict[str, float]:
        """What `TENSOR_BYTES` needs for one tensor of this shape."""
        columns, rows = shape[-1], 1
        for size in shape[:-1]:
            rows *= size
        groups = -(-columns // self.group_size) if self.group_size else 0
        return {
            "elements": rows * columns, "bits": self.bits, "rows": rows, "groups": groups, "group_bits": self.group_bits,
            "row_bits": self.row_bits, "columns": columns, "column_bits": self.column_bits,
        }  # fmt: skip


@cache
def formats() -> dict[str, Format]:
    """Every format outside GGUF by its id."""
    return {
        row["id"]: Format(
            row["id"], row["label"], int(row["bits"]), int(row["group_size"]), float(row["group_bits"]), int(row["row_bits"]), int(row["column_bits"]),
            row["scope"], float(row["min_compute_capability"]), row["source"],  # type: ignore[arg-type]
        )
        for row in table("formats")
    }  # fmt: skip


@dataclass(frozen=True)
class Scheme:
    """A format applied to a model: what is quantized, and the type of the rest.

    Attributes:
        format: of the quantized tensors.
        rest: type of everything else (`bf16`, `fp16`, `fp32`).
        ignored: patterns of module names that a published model left alone.
        published: whether it was read from the model's own `quantization_config`.
    """

    format: Format
    rest: str = "bf16"
    has_experts: bool = False
    ignored: tuple[str, ...] = ()
    published: bool = False
    _sizes: dict[tuple[str, tuple[int, ...], str], int] = field(default_factory=dict, compare=False, repr=False)

    def quantizes(self, tensor: Tensor, stack: str = "decoder") -> bool:
        """Whether this tensor takes the format; the rest stays in `rest`."""
        if self.format.scope == "all":
            return True
        if tensor.role in KEPT_ROLES or not tensor.is_matrix or stack not in ("decoder", "encoder", "mtp"):
            return False
        if self.format.scope == "experts" and self.has_experts and tensor.role not in EXPERT_ROLES:
            return False
        return not (self._ignores and self._ignores.search(tensor.name))

    def format_of(self, tensor: Tensor, stack: str = "decoder") -> Format:
        return self.format if self.quantizes(tensor, stack) else plain(self.rest)

    def one_bytes(self, tensor: Tensor, shape: tuple[int, ...], stack: str = "decoder") -> int:
        """Bytes of one copy of the tensor, cut to `shape` by a shard."""
        key = (tensor.name, shape, stack)
        if key not in self._sizes:
            self._sizes[key] = int(TENSOR_BYTES(tensor.name, count=1, **self.format_of(tensor, stack).operands(shape)).value)
        return self._sizes[key]

    def bytes(self, tensor: Tensor, stack: str = "decoder") -> int:
        """Bytes of all copies of a tensor that is held whole; nothing for one that shares another's storage."""
        return 0 if tensor.tied else tensor.copies * self.one_bytes(tensor, tensor.shape, stack)

    @cached_property
    def _ignores(self) -> re.Pattern[str] | None:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.ignored)) if self.ignored else None

    @property
    def label(self) -> str:
        return f"{self.format.label} as published" if self.published else self.format.label


@cache
def plain(dtype: str) -> Format:
    """The unquantized format of a 16- or 32-bit type."""
    return Format(dtype, dtype, BITS[dtype], scope="all")


def scheme(quantization: str, dtype: str, has_experts: bool) -> Scheme:
    """The scheme that a name asks for, applied to a model published in `dtype`.

    Raises:
        PlanError: for a name that is no format, offering the nearest.
    """
    known = formats()
    format = known.get(quantization.lower())
    if format is None:
        raise PlanError(f"There is no format {quantization[:40]!r} outside llama.cpp.{did_you_mean(quantization, known)} Choose one of {', '.join(known)}.", "quantization")
    rest = format.id if format.scope == "all" else (dtype if dtype in ("bf16", "fp16") else "fp16")
    return Scheme(format, rest, has_experts)


def with_group(format: Format, bits: int, group_size: int) -> Format:
    """The same format with another width and group, as a published config may state."""
    return replace(format, bits=bits, group_size=group_size, group_bits=format.group_bits - format.bits + bits if format.group_bits == 16 + format.bits else format.group_bits)
