"""What loading the weights takes of the system's memory, by how the file is read, and of the disk.

A mapped file (GGUF by default, safetensors) is read through the page cache, which the system takes back when it needs
memory: besides what stays in RAM to compute with, a loader holds one tensor at a time. A pickled checkpoint is read
shard by shard; one that is read whole, as the first LLaMA loaders did, is in memory once before anything moves to the
GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture
from planner.core.formula import Formula, Step
from planner.memory.quantity import Memory

SHARD_BYTES = 5 * 10**9
"""The largest shard that Transformers writes unless told otherwise.
Source: https://huggingface.co/docs/transformers/main_classes/model, `save_pretrained`, `max_shard_size`."""
BYTES_16_BIT = 2

MAPPED = Formula(
    "staying_bytes + largest_tensor_bytes",
    "bytes",
    "what computes in RAM, and the tensor that is on its way to the GPU",
)
SHARD = Formula("staying_bytes + min(shard_bytes, checkpoint_bytes)", "bytes", "torch.load reads a shard whole")
WHOLE = Formula("parameters * bytes_a_parameter", "bytes", "the 16-bit checkpoint in memory at once")


@dataclass(frozen=True, slots=True)
class Loading:
    """Memory of the system while loading, by loader, and the disk that the files take; in bytes."""

    mapped: Step
    shard: Step
    whole: Step
    disk_bytes: int

    @property
    def mapped_bytes(self) -> int:
        return int(self.mapped.value)

    @property
    def shard_bytes(self) -> int:
        return int(self.shard.value)

    @property
    def whole_bytes(self) -> int:
        return int(self.whole.value)


def loading(memory: Memory, architecture: Architecture) -> Loading:
    """How much of the system's memory each way of reading the weights takes."""
    file, parameters = memory.weights.file_bytes.expected, architecture.parameters
    largest = max(
        (tensor.elements // tensor.copies for stack in architecture.loaded for tensor, _ in stack.counted), default=0
    )
    staying = memory.host.total.expected
    return Loading(
        MAPPED("RAM to load a mapped file", staying_bytes=staying, largest_tensor_bytes=BYTES_16_BIT * largest),
        SHARD(
            "RAM to load pickled shards",
            staying_bytes=staying,
            shard_bytes=SHARD_BYTES,
            checkpoint_bytes=BYTES_16_BIT * parameters,
        ),
        WHOLE("RAM to load a checkpoint read whole", parameters=parameters, bytes_a_parameter=BYTES_16_BIT),
        file,
    )
