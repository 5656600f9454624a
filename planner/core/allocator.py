"""What PyTorch's caching allocator charges for a tensor.

Up to 10 MiB, tensors share blocks. A larger one gets a block rounded up to 2 MiB, whose rest is used for others only
when it is larger than 1 MiB (c10/cuda/CUDACachingAllocator.cpp: kRoundLarge, kSmallSize). The rest that stays counts as
allocated: weights as engines log them are a little larger than their tensors.
"""

from __future__ import annotations

MIB = 2**20
SHARED_BELOW = 10 * MIB
ROUND = 2 * MIB
SPLIT_ABOVE = MIB


def block_bytes(size: int) -> int:
    """Bytes that `torch.cuda.memory_allocated` counts for one tensor of `size` bytes."""
    if size < SHARED_BELOW:
        return size
    block = -(-size // ROUND) * ROUND
    return block if block - size <= SPLIT_ABOVE else size
