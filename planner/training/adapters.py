"""What a method trains: all weights, or low-rank adapters on chosen matrices beside frozen ones.

An adapter of rank r on a matrix (out, in) is two matrices, r*in + out*r parameters (LoRA, arXiv:2106.09685); DoRA adds
a magnitude for each output (arXiv:2402.09353).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from planner.architecture.tensors import Architecture, Tensor
from planner.core.data import table
from planner.core.errors import PlanError, did_you_mean
from planner.quantization.formats import Scheme

EXPERTS = ("expert_gate", "expert_up", "expert_gate_up", "expert_down")

LINEAR = frozenset({
    "q", "k", "v", "qkv", "o", "q_a", "q_b", "kv_a", "kv_b", "indexer", "gate", "up", "down", "gate_up", "shared_gate",
    "shared_up",
    "shared_gate_up", "shared_down", "shared_expert_gate", "ssm_in", "ssm_out", "ssm_x", "ssm_dt", "linear",
    "projector", "router", *EXPERTS,
})  # fmt: skip
"""Roles of matrices that an adapter can stand on."""

CLASSIFIER = "classifier.weight"
"""The layer over labels: too small for an adapter, PEFT trains it whole (`modules_to_save`)."""

EVERYDAY = {
    "q_proj": ("q", "qkv"),
    "k_proj": ("k", "qkv"),
    "v_proj": ("v", "qkv"),
    "o_proj": ("o",),
    "gate_proj": ("gate", "gate_up"),
    "up_proj": ("up", "gate_up"),
    "down_proj": ("down",),
    "c_attn": ("qkv",),
    "c_proj": ("o", "down"),
    "query_key_value": ("qkv",),
}
"""Names that people use for any model, with the roles they mean where the model has no module of that name."""


@dataclass(frozen=True)
class Trained:
    """Which tensors are trained, and how: what the tape asks of every weight.

    Attributes:
        full: whether the weights themselves are.
        ranks: rank of the adapter on a matrix, by tensor name.
        gradient_bytes: of one trained number.
        whole: names of tensors that are trained whole beside adapters.
        frozen_scheme: the format of the frozen base, where it is packed.
    """

    full: bool
    gradient_bytes: int
    names: frozenset[str] = frozenset()
    lora_rank: int = 0
    dora: bool = False
    whole: frozenset[str] = frozenset()
    frozen: Scheme | None = None

    def learns(self, tensor: Tensor) -> bool:
        """Whether the tensor itself is trained, so that its layer keeps what goes in."""
        return not tensor.buffer and (self.full or tensor.name in self.whole)

    def gradient(self, tensor: Tensor) -> int:
        """Bytes of the gradient of the tensor itself; none for a frozen one, nor for a block that shares another's:
        that is added to.
        """
        if not self.learns(tensor) or (tensor.tied and tensor.role != "lm_head"):
            return 0
        return tensor.elements * self.gradient_bytes

    def rank(self, tensor: Tensor) -> int:
        return self.lora_rank if tensor.name in self.names and tensor.is_matrix else 0

    def packed(self, tensor: Tensor) -> bool:
        """Whether a kernel unpacks the tensor before it multiplies."""
        return self.frozen is not None and self.frozen.format.bits < 16 and self.frozen.quantizes(tensor)


def adapter_parameters(tensor: Tensor, rank: int, dora: bool = False) -> int:
    """Parameters of one adapter: rank * (in + out), and a magnitude for each output under DoRA.

    Gate and up of experts share one adapter of twice the rank on their joined matrix, half of which each of them
    counts.
    """
    out, inner = prod(tensor.shape[:-1]), tensor.shape[-1]
    if tensor.role in ("expert_gate", "expert_up", "expert_gate_up"):
        joined = tensor.role == "expert_gate_up"
        return tensor.copies * rank * (2 if joined else 1) * (inner + (out if joined else 2 * out))
    return tensor.copies * (rank * (inner + out) + (out if dora else 0))


def adapter_matrices(tensor: Tensor, rank: int, dora: bool = False) -> tuple[Tensor, ...]:
    """The adapter's own tensors: two matrices, and a magnitude under DoRA; none without a rank.

    Experts' pairs are counted as one.
    """
    if not rank:
        return ()
    if tensor.role in EXPERTS:
        return (Tensor(tensor.name, (adapter_parameters(tensor, rank, dora) // rank, rank), "linear"),)
    out, inner = prod(tensor.shape[:-1]), tensor.shape[-1]
    pair = (
        Tensor(f"{tensor.name}.A", (rank, inner), "linear", tensor.copies),
        Tensor(f"{tensor.name}.B", (out, rank), "linear", tensor.copies),
    )
    return (*pair, Tensor(f"{tensor.name}.magnitude", (out,), "scalar", tensor.copies)) if dora else pair


def targeted(model: Architecture, targets: str | Iterable[str]) -> frozenset[str]:
    """Names of the matrices that get an adapter, in every stack: names mean the same in a vision tower.

    Raises:
        PlanError: for a name that no linear module of the model has.
    """
    asked = (targets,) if isinstance(targets, str) else tuple(targets)
    every = [t for stack in model.loaded for t, _ in stack.counted if t.is_matrix]
    matrices = [t for t in every if t.role in LINEAR and t.name != CLASSIFIER]
    found: set[str] = set()
    for target in asked:
        if target == "all-linear":
            hits = all_linear(model, matrices)
        elif target == "lm_head":
            hits = [t for t in every if t.role == "lm_head"]
        else:
            hits = [t for t in matrices if module(t) == target or t.name.removesuffix(".weight").endswith("." + target)]
            hits = hits or [t for t in matrices if t.role in EVERYDAY.get(target, ())]
        if not hits:
            known = sorted({module(t) for t in matrices})
            raise PlanError(
                f"The model has no linear module {target[:40]!r}.{did_you_mean(target, known)} It has"
                f" {', '.join(known)}.",
                "lora_targets",
            )
        found.update(t.name for t in hits)
    return frozenset(found)


def all_linear(model: Architecture, matrices: Sequence[Tensor]) -> list[Tensor]:
    """What PEFT's "all-linear" adapts: linear layers.

    Experts are one parameter of three dimensions and no linear layer; for the families of `data/training_experts.csv`
    PEFT adapts them and their router as parameters, gate and up together, and then leaves dense layers of the same
    names alone.
    """
    row = next((row for row in table("training_experts") if row["model_type"] == model.model_type), None)
    experts, router = (row["experts"] == "1", row["router"] == "1") if row else (False, False)
    sparse = any(t.role in EXPERTS for t in matrices)
    left = {"router"} if sparse and not router else set()
    left |= (
        {"gate", "up", "gate_up", "down", "shared_gate", "shared_up", "shared_gate_up", "shared_down"}
        if experts
        else set(EXPERTS)
    )
    return [t for t in matrices if t.role not in left]


def module(tensor: Tensor) -> str:
    """The last part of a weight's path: `q_proj`."""
    return tensor.name.removesuffix(".weight").rsplit(".", 1)[-1]
