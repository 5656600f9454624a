"""The question about fine-tuning: `TrainRequest`, the twin of `PlanRequest` on the same base."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from planner.core.errors import PlanError
from planner.request import MOST_GPUS, MOST_TOKENS, Question, declared

Method = Literal["full", "lora", "qlora", "dora"]
Task = Literal["sft", "pretrain", "dpo", "grpo", "reward", "embedding", "classification"]
Optimizer = Literal[
    "adamw",
    "adamw-fused",
    "adamw-foreach",
    "adamw-8bit",
    "paged-adamw-8bit",
    "adafactor",
    "lion",
    "sgd",
    "muon",
    "galore",
]
Precision = Literal["fp32", "bf16", "bf16-mixed", "fp16-mixed", "fp8"]
Checkpointing = Literal["none", "selective", "full"]
Sharding = Literal["none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-grad-op", "fsdp-no-sync"]
Offload = Literal["none", "optimizer", "weights", "activations"]


class TrainRequest(Question):
    """A question about training: this method, this batch and length, this optimizer and sharding, on these GPUs.

    Defaults are those of TRL's SFTTrainer where it has one (its batch of 8 samples of at most 1,024 tokens, AdamW
    fused, checkpointing on, three epochs), and LoRA in bf16, as most runs are.
    """

    method: Method = declared("what is trained: all weights, or adapters beside frozen ones", "lora")
    task: Task | None = declared("what the model is trained for", unset="sft; classification for an encoder")
    micro_batch: int = declared("sequences that one GPU takes at once", 8, unit="sequences", ge=1, le=1_000_000)
    seq_len: int = declared(
        "tokens that a sequence holds, padded or packed",
        1_024,
        label="Sequence length",
        unit="tokens",
        ge=1,
        le=MOST_TOKENS,
    )
    packing: bool = declared("whether samples are joined to fill a sequence, without padding", False)
    gradient_accumulation: int = declared(
        "micro-batches before each step of the optimizer", 1, unit="micro-batches", ge=1, le=1_000_000
    )
    optimizer: Optimizer = declared("what turns gradients into steps, and what it keeps", "adamw-fused")
    precision: Precision = declared("number type of the weights; -mixed keeps fp32 master weights", "bf16")
    checkpointing: Checkpointing = declared("which activations are computed again instead of kept", "full")
    lora_rank: int = declared("rank of the adapters", 16, label="LoRA rank", ge=1, le=65_536)
    lora_targets: str | tuple[str, ...] = declared(
        '"all-linear", or names of modules', "all-linear", label="LoRA targets"
    )
    train_embeddings: bool = declared("whether LoRA also trains the embedding and the head whole", False)
    sharding: Sharding | None = declared(
        "what the GPUs share out among themselves", unset="none on one GPU, DDP on several"
    )
    offload: Offload = declared("what waits in system memory", "none")
    tensor_parallel: int | None = declared("GPUs that share every layer", unit="GPUs", unset="1", ge=1, le=MOST_GPUS)
    pipeline_parallel: int | None = declared(
        "stages of consecutive layers", unit="stages", unset="1", ge=1, le=MOST_GPUS
    )
    gpus_per_node: int = declared("GPUs in one machine", 8, unit="GPUs", ge=1, le=MOST_GPUS)
    fused_cross_entropy: bool = declared("whether the loss is taken chunk by chunk, without all logits at once", False)
    flash_attention: bool = declared("attention without its whole matrix of scores", True)
    compile: bool = declared("whether torch.compile is on", False)

    samples: int | None = declared("samples of the data set", unit="samples", ge=1, le=10**12)
    tokens_per_sample: float | None = declared(
        "mean length of a sample", unit="tokens", unset="the sequence length", gt=0, le=MOST_TOKENS
    )
    epochs: float = declared("passes over the data set", 3, unit="epochs", gt=0, le=10_000)

    @field_validator("lora_targets", mode="before")
    @classmethod
    def _targets(cls, value: Any) -> Any:
        """Names in a list, or in one text with commas; "all-linear" alone stays as it is."""
        if isinstance(value, str) and value != "all-linear":
            value = [name.strip() for name in value.strip("[] ").replace('"', "").split(",")]
        if isinstance(value, list | tuple):
            if not value or len(value) > 64 or not all(isinstance(name, str) and 0 < len(name) <= 80 for name in value):
                raise PlanError(
                    "lora_targets is all-linear, or up to 64 names of modules such as q_proj, v_proj.", "lora_targets"
                )
            return value[0] if tuple(value) == ("all-linear",) else tuple(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.quantization != "auto" and self.method == "full":
            raise PlanError(
                "Full fine-tuning trains the weights themselves, which cannot be quantized; remove quantization, or use"
                " qlora.",
                "quantization",
            )
        return self
