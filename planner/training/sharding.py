"""How replicas share what each would hold: which part of weights, gradients and optimizer states one GPU keeps.

    DDP     everything whole, and gradients once more in the buckets that are summed over the GPUs ZeRO-1  optimizer
    states in n parts; ZeRO-2 gradients too; ZeRO-3 and FSDP weights too, gathered layer by layer FSDP grad-op gathers
    weights once a step and keeps them between forward and backward FSDP no-sync exchanges gradients only at the step,
    so that micro-batches that accumulate keep them whole: what HF's Trainer does (`no_sync`, huggingface/accelerate
    docs/source/concept_guides/gradient_synchronization.md); torchtune, torchtitan, Composer and Axolotl's FSDP 2 sum
    after each micro-batch and keep them in parts

(ZeRO, arXiv:1910.02054; PyTorch FSDP, arXiv:2304.11277; torch/nn/parallel/distributed.py.)
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.training.request import Sharding


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts that one GPU keeps, 1 meaning all.

    Attributes:
        gathered: whether layers are put together only while they work.
        root: whether embedding and head stay together through the step.
        buckets: copies of all gradients that communication holds.
        bucket_numbers: numbers of a communication bucket of fixed size.
    """

    weights: float = 1.0
    gradients: float = 1.0
    optimizer: float = 1.0
    gathered: bool = False
    root: bool = False
    buckets: int = 0
    bucket_numbers: int = 0


ZERO_BUCKET = 500_000_000
"""DeepSpeed's reduce_bucket_size and allgather_bucket_size."""


def shares(sharding: Sharding, ranks: int, accumulates: bool = False) -> Shares:
    """The parts of one of `ranks` replicas; without a sum after each micro-batch gradients stay whole while they
    accumulate.
    """
    part = 1 / ranks
    table: dict[str, Shares] = {
        "none": Shares(),
        "ddp": Shares(buckets=1),
        "zero1": Shares(optimizer=part, bucket_numbers=ZERO_BUCKET),
        "zero2": Shares(gradients=part, optimizer=part, bucket_numbers=ZERO_BUCKET),
        "zero3": Shares(part, part, part, gathered=True, bucket_numbers=ZERO_BUCKET),
        "fsdp": Shares(part, part, part, gathered=True, root=True),
        "fsdp-grad-op": Shares(1.0, part, part),
        "fsdp-no-sync": Shares(part, 1.0 if accumulates else part, part, gathered=True, root=True),
    }
    return table[sharding]
