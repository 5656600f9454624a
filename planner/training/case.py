"""A training request with every name resolved, and how its GPUs share the work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from planner.architecture.tensors import Architecture, Stack
from planner.catalog.gpus import Gpu
from planner.catalog.taken import LITERALLY, Taken
from planner.core.errors import PlanError
from planner.parallelism.degrees import allowed
from planner.plan import resolve_gpus
from planner.quantization.formats import Scheme, scheme
from planner.training.adapters import Trained, targeted
from planner.training.request import Sharding, Task, TrainRequest
from planner.training.states import Widths, widths
from planner.training.task import encoder_of, task_of, with_head

BASES = ("nf4", "nf4-dq", "int8", "gptq-int4")
"""Formats of a frozen base that adapters can be trained on."""

DTYPE = {"fp32": "fp32", "fp16-mixed": "fp16"}


@dataclass(frozen=True)
class TrainCase:
    """A request with its names resolved: the architecture and one entry for each physical GPU."""

    request: TrainRequest
    name: str
    architecture: Architecture
    gpus: tuple[Gpu, ...]
    ram_bytes: int
    taken: Taken = LITERALLY

    def with_request(self, **fields: Any) -> TrainCase:
        """The same case with some request fields replaced (not the model), validated again."""
        request = TrainRequest.model_validate({**self.request.model_dump(), **fields})
        return replace(self, request=request, gpus=resolve_gpus(request.gpus) if "gpus" in fields else self.gpus)

    @cached_property
    def task(self) -> Task:
        """What the model is trained for.

        Raises:
            PlanError: for a task that is not planned, or that the model cannot do.
        """
        return task_of(self.architecture, self.request.task)

    @cached_property
    def model(self) -> Architecture:
        """The model with the head that the task gives it."""
        return with_head(self.architecture, self.task)

    @cached_property
    def encoder(self) -> Stack | None:
        """The stack that reads what the decoder answers to; None for a model of one stack."""
        return (
            next((stack for stack in self.model.stacks if stack.name == "encoder"), None)
            if encoder_of(self.model)
            else None
        )

    @cached_property
    def source(self) -> int:
        """Positions of a sequence in the encoder: as many as its table has where that is fixed (speech), else the
        sequence length.
        """
        if self.encoder is None:
            return 0
        table = next((tensor for tensor in self.encoder.before if tensor.role == "position_embedding"), None)
        return table.shape[0] if table else self.request.seq_len

    @cached_property
    def tensor(self) -> int:
        """Tensor parallel degree.

        Raises:
            PlanError: when it does not divide the heads or the GPUs.
        """
        degree = self.request.tensor_parallel or 1
        if not allowed(self.architecture, degree):
            raise PlanError(
                f"Tensor parallel {degree} does not divide the model's heads; use a degree that does, such as 1 or 2.",
                "tensor_parallel",
            )
        return degree

    @cached_property
    def pipeline(self) -> int:
        degree, layers = self.request.pipeline_parallel or 1, len(self.architecture.main.layers)
        if degree > layers:
            raise PlanError(
                f"The model has {layers} layers, fewer than {degree} pipeline stages; set it to {layers} or less.",
                "pipeline_parallel",
            )
        return degree

    @cached_property
    def replicas(self) -> int:
        """Data-parallel ranks: GPUs / (tensor * pipeline).

        Raises:
            PlanError: when the GPUs do not divide evenly.
        """
        group, count = self.tensor * self.pipeline, max(len(self.gpus), 1)
        if count % group:
            raise PlanError(
                f"{count} GPUs do not divide into groups of {self.tensor} x {self.pipeline}; change the number of GPUs"
                " or a degree.",
                "gpus",
            )
        return count // group

    @cached_property
    def sharding(self) -> Sharding:
        """How the replicas share states: as asked, DDP by default, none for a single one."""
        asked = self.request.sharding
        if self.replicas == 1 and asked in (None, "ddp"):
            return "none"
        return "ddp" if asked in (None, "none") and self.replicas > 1 else asked or "none"

    @cached_property
    def nodes(self) -> int:
        return -(-len(self.gpus) // self.request.gpus_per_node)

    @cached_property
    def widths(self) -> Widths:
        """Bytes of a number; DeepSpeed keeps fp32 masters and moments for every 16-bit model."""
        if self.sharding.startswith("zero") and self.request.precision == "bf16":
            full = self.request.method == "full"
            deep = widths(self.request.model_copy(update={"precision": "bf16-mixed", "method": "full"}))
            return deep if full else replace(deep, weight=2)
        return widths(self.request)

    @cached_property
    def scheme(self) -> Scheme | None:
        """The format of a packed frozen base; None when the base is in the working precision.

        Raises:
            PlanError: for a format that adapters cannot be trained on.
        """
        asked = self.request.quantization
        if asked == "auto":
            if self.request.method != "qlora":
                return None
            asked = "nf4"
        if asked in ("bf16", "fp16", "fp32"):
            return None
        if asked not in BASES:
            raise PlanError(
                f"Adapters are planned on {', '.join(BASES)} or 16-bit bases, not on {asked[:40]}; choose one of them.",
                "quantization",
            )
        return scheme(
            asked,
            DTYPE.get(self.request.precision, "bf16"),
            any(layer.ffn and layer.ffn.experts for layer, _ in self.architecture.main.distinct),
        )

    @cached_property
    def trained(self) -> Trained:
        """What is trained, and what the tape asks of each weight."""
        request, model = self.request, self.model
        width = self.widths.gradient
        if request.method == "full":
            return Trained(True, width)
        outer = (*model.main.before, *model.main.after)
        roles = ("embedding", "lm_head") if request.train_embeddings else ()
        whole = frozenset(t.name for t in outer if t.role in roles or t.name.startswith("classifier."))
        return Trained(
            False,
            width,
            targeted(model, request.lora_targets) - whole,
            request.lora_rank,
            request.method == "dora",
            whole,
            self.scheme,
        )

    @cached_property
    def tokens(self) -> int:
        """Tokens of one micro-batch on one GPU."""
        return self.request.micro_batch * self.request.seq_len
