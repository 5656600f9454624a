"""The question about fine-tuning: `TrainRequest`, the twin of `PlanRequest` on the same base."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from planner.errors import PlanError
from planner.request import MOST_GPUS, MOST_TOKENS, Question

Method = Literal["full", "lora", "qlora", "dora"]
Optimizer = Literal[
    "adamw", "adamw-fused", "adamw-foreach", "adamw-8bit", "paged-adamw-8bit", "adafactor", "lion", "sgd", "muon", "galore",
]  # fmt: skip
Precision = Literal["fp32", "bf16", "bf16-mixed", "fp16-mixed", "fp8"]
Checkpointing = Literal["none", "selective", "full"]
Sharding = Literal["none", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-grad-op"]
Offload = Literal["none", "optimizer", "weights", "activations"]


class TrainRequest(Question):
    """A question about training: this method, this batch and length, this optimizer and sharding, on these GPUs.

    Defaults are those of TRL's SFTTrainer where it has one (its batch of 8 samples of at most 1,024 tokens, AdamW fused, checkpointing
    on, three epochs), and LoRA in bf16, as most runs are.
    """

    method: Method = "lora"
    micro_batch: int = Field(default=8, ge=1, le=1_000_000, description="sequences that one GPU takes at once")
    seq_len: int = Field(default=1_024, ge=1, le=MOST_TOKENS, description="tokens that a sequence holds, padded or packed")
    packing: bool = Field(default=False, description="whether samples are joined to fill a sequence, without padding")
    gradient_accumulation: int = Field(default=1, ge=1, le=1_000_000)
    optimizer: Optimizer = "adamw-fused"
    precision: Precision = "bf16"
    checkpointing: Checkpointing = "full"
    lora_rank: int = Field(default=16, ge=1, le=65_536)
    lora_targets: str | tuple[str, ...] = Field(default="all-linear", description='"all-linear", or names of modules')
    train_embeddings: bool = Field(default=False, description="whether LoRA also trains the embedding and the head whole")
    sharding: Sharding | None = Field(default=None, description="default: none on one GPU, DDP on several")
    offload: Offload = "none"
    tensor_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)
    pipeline_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)
    gpus_per_node: int = Field(default=8, ge=1, le=MOST_GPUS)
    fused_cross_entropy: bool = Field(default=False, description="whether the loss is taken chunk by chunk, without all logits at once")
    flash_attention: bool = True
    compile: bool = False

    samples: int | None = Field(default=None, ge=1, le=10**12)
    tokens_per_sample: float | None = Field(default=None, gt=0, le=MOST_TOKENS)
    epochs: float = Field(default=3, gt=0, le=10_000)

    @field_validator("lora_targets", mode="before")
    @classmethod
    def _targets(cls, value: Any) -> Any:
        """Names in a list, or in one text with commas; "all-linear" alone stays as it is."""
        if isinstance(value, str) and value != "all-linear":
            value = [name.strip() for name in value.strip("[] ").replace('"', "").split(",")]
        if isinstance(value, list | tuple):
            if not value or len(value) > 64 or not all(isinstance(name, str) and 0 < len(name) <= 80 for name in value):
                raise PlanError("lora_targets is all-linear, or up to 64 names of modules such as q_proj, v_proj.", "lora_targets")
            return value[0] if tuple(value) == ("all-linear",) else tuple(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.quantization != "auto" and self.method == "full":
            raise PlanError("Full fine-tuning trains the weights themselves, which cannot be quantized; remove quantization, or use qlora.", "quantization")
        return self
