"""Formats of weights outside GGUF, from `data/formats.csv`: bits, groups, and which tensors stay in 16 bit.

bytes = elements*bits/8 + rows*ceil(columns/group)*group_bits/8 + rows*row_bits/8 + columns*column_bits/8
where rows are outputs and columns inputs of a linear layer; group_bits are the scale and zero point of one group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import Literal

from planner.architecture.tensors import Tensor
from planner.core.data import table
from planner.core.errors import PlanError, did_you_mean
from planner.core.formula import Formula

KEPT_ROLES = frozenset({
    "embedding", "position_embedding", "lm_head", "router", "shared_expert_gate", "norm", "bias", "scalar", "conv",
    "ssm_a", "ssm_d", "ssm_dt", "patch_embedding",
})  # fmt: skip
"""Roles that every published quantizer leaves in the model's own type: what is looked up, normalises, or steers."""

LOOKED_UP = frozenset({"embedding", "position_embedding", "lm_head"})

EXPERT_ROLES = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})

BITS = {"fp32": 32, "bf16": 16, "fp16": 16}

TENSOR_BYTES = Formula(
    "count * (elements * bits // 8 + ceil(rows * groups * group_bits / 8) + (rows * row_bits + columns * column_bits)"
    " // 8)",
    "bytes",
)


@dataclass(frozen=True)
class Format:
    """How a linear layer is stored.

    Attributes:
        bits: of one weight.
        group_size: weights that share a scale along the input; 0 when there are no groups.
        group_bits, row_bits, column_bits: what each group, each output and each input adds.
        scope: `all` tensors, every `linear` layer of the text stacks, all `matrices` with embedding and head, or only
            `experts` (every linear layer of a model without any).
        asked: the name by which a request asks for it; "" for one that only a published config can have.
    """

    id: str
    label: str
    bits: int
    group_size: int = 0
    group_bits: float = 0.0
    row_bits: int = 0
    column_bits: int = 0
    scope: Literal["all", "linear", "matrices", "experts"] = "linear"
    min_compute_capability: float = 0.0
    source: str = ""
    asked: str = ""

    def operands(self, shape: tuple[int, ...]) -> dict[str, float]:
        """What `TENSOR_BYTES` needs for one tensor of this shape."""
        columns, rows = shape[-1], 1
        for size in shape[:-1]:
            rows *= size
        groups = -(-columns // self.group_size) if self.group_size else 0
        return {
            "elements": rows * columns,
            "bits": self.bits,
            "rows": rows,
            "groups": groups,
            "group_bits": self.group_bits,
            "row_bits": self.row_bits,
            "columns": columns,
            "column_bits": self.column_bits,
        }


@cache
def formats() -> dict[str, Format]:
    """Every format outside GGUF by its id, those that only published configs have included."""
    return {
        row["id"]: Format(
            row["id"],
            row["label"],
            int(row["bits"]),
            int(row["group_size"]),
            float(row["group_bits"]),
            int(row["row_bits"]),
            int(row["column_bits"]),
            row["scope"],  # type: ignore[arg-type]
            float(row["min_compute_capability"]),
            row["source"],
            row["asked"],
        )
        for row in table("formats")
    }


@dataclass(frozen=True)
class Scheme:
    """A format applied to a model: what is quantized, and the type of the rest.

    Attributes:
        format: of most quantized tensors.
        rest: type of everything else (`bf16`, `fp16`, `fp32`).
        published: whether it was read from the model's own `quantization_config`.
        mixed: tensors that a published config treats otherwise than the rule: by (stack, name), each format with the
            number of layers that have it.
        note: what the reader must know, or "".
    """

    format: Format
    rest: str = "bf16"
    has_experts: bool = False
    published: bool = False
    mixed: Mapping[tuple[str, str], tuple[tuple[Format, int], ...]] = field(
        default_factory=dict, compare=False, repr=False
    )
    note: str = ""
    _sizes: dict[tuple[str, tuple[int, ...], str], tuple[int, int]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def quantizes(self, tensor: Tensor, stack: str = "decoder") -> bool:
        """Whether the rule gives this tensor the format; the rest stays in `rest`."""
        scope = self.format.scope
        if scope == "all":
            return True
        if not tensor.is_matrix or stack not in TEXT_STACKS:
            return False
        if tensor.role in KEPT_ROLES:
            return scope == "matrices" and tensor.role in LOOKED_UP
        return not (scope == "experts" and self.has_experts and tensor.role not in EXPERT_ROLES)

    def format_of(self, tensor: Tensor, stack: str = "decoder") -> Format:
        """The format of a tensor, the commonest where layers differ."""
        mixed = self.mixed.get((stack, tensor.name))
        if mixed:
            return max(mixed, key=lambda item: item[1])[0]
        return self.format if self.quantizes(tensor, stack) else plain(self.rest)

    def parts(self, tensor: Tensor, shape: tuple[int, ...], stack: str = "decoder") -> tuple[int, int]:
        """Bytes of one copy of the tensor, cut to `shape` by a shard: of its weights, and of their scales."""
        key = (tensor.name, shape, stack)
        if key not in self._sizes:
            mixed = self.mixed.get((stack, tensor.name)) or ((self.format_of(tensor, stack), 1),)
            layers = sum(count for _, count in mixed)
            whole = (
                sum(
                    count * int(TENSOR_BYTES(tensor.name, count=1, **format.operands(shape)).value)
                    for format, count in mixed
                )
                // layers
            )
            weights = sum(count * (prod(shape) * format.bits // 8) for format, count in mixed) // layers
            self._sizes[key] = weights, whole - weights
        return self._sizes[key]

    def one_bytes(self, tensor: Tensor, shape: tuple[int, ...], stack: str = "decoder") -> int:
        """Bytes of one copy of the tensor, cut to `shape` by a shard; the mean over its layers where they differ."""
        return sum(self.parts(tensor, shape, stack))

    def bytes(self, tensor: Tensor, stack: str = "decoder") -> int:
        """Bytes of all copies of a tensor that is held whole; nothing for one that shares another's storage."""
        return 0 if tensor.tied else tensor.copies * self.one_bytes(tensor, tensor.shape, stack)

    @property
    def label(self) -> str:
        return f"{self.format.label} as published" if self.published else self.format.label


TEXT_STACKS = frozenset({"decoder", "encoder", "mtp"})
"""Quantizers leave vision and audio towers as they are, unless a published config says otherwise."""


@cache
def plain(dtype: str) -> Format:
    """The unquantized format of a 16- or 32-bit type."""
    return Format(dtype, dtype, BITS[dtype], scope="all", asked=dtype)


def asked() -> dict[str, Format]:
    """Formats that a request can ask for, by name."""
    return {name: format for name, format in formats().items() if format.asked == name}


def scheme(quantization: str, dtype: str, has_experts: bool) -> Scheme:
    """The scheme that a name asks for, applied to a model published in `dtype`.

    Raises:
        PlanError: for a name that is no format, offering the nearest.
    """
    known = asked()
    format = known.get(quantization.lower())
    if format is None:
        hint = did_you_mean(quantization, known)
        raise PlanError(
            f"There is no format {quantization[:40]!r} outside llama.cpp.{hint} Choose one of {', '.join(known)}.",
            "quantization",
        )
    return Scheme(format, format.id if format.scope == "all" else rest_type(dtype), has_experts)


def rest_type(dtype: str) -> str:
    """The 16-bit type in which a quantized model keeps the rest."""
    return dtype if dtype in ("bf16", "fp16") else "fp16"


def with_group(format: Format, bits: int, group_size: int) -> Format:
    """The same format with another width and group, as a published config may state; -1 is one group a row.

    A zero point packed beside the scale is as wide as a weight.
    """
    scale = format.group_bits - format.bits if format.group_bits == 16 + format.bits else format.group_bits
    zero = bits if scale != format.group_bits else 0
    if group_size < 1:
        return replace(format, bits=bits, group_size=0, group_bits=0, row_bits=int(scale + zero))
    return replace(format, bits=bits, group_size=group_size, group_bits=scale + zero)
