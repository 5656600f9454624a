"""The size of a GGUF before it exists: the tensors as llama.cpp's converter writes them, each in the type its mix gives it.

The converter keeps what is small in 32 bit (norms, biases, routers, convolutions), merges a layer's experts into one tensor,
splits latent attention's kv_b in two, and leaves out a tied output. bytes = sum over tensors of elements / block * block bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

from planner.architecture.tensors import Architecture, Layer, Role, Tensor
from planner.memory.quantity import Quantity
from planner.quantization.gguf_mix import Facts, base_types, block, fitting, type_of, usual_imatrix

CATEGORY: dict[Role, str] = {
    "embedding": "token_embd", "lm_head": "output",
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "qkv": "attn_v", "o": "attn_output",
    "gate": "ffn_gate", "expert_gate": "ffn_gate", "shared_gate": "ffn_gate",
    "up": "ffn_up", "expert_up": "ffn_up", "shared_up": "ffn_up", "gate_up": "ffn_up", "expert_gate_up": "ffn_up", "shared_gate_up": "ffn_up",
    "down": "ffn_down", "expert_down": "ffn_down", "shared_down": "ffn_down",
}  # fmt: skip
"""How llama.cpp's rules see a role; what is not here takes the base type."""

IN_32_BIT: frozenset[Role] = frozenset({
    "norm", "bias", "scalar", "router", "shared_expert_gate", "conv", "ssm_a", "ssm_d", "position_embedding",
})  # fmt: skip
"""Roles that the converter writes as F32 whatever the file type."""

EXPERT_ROLES: frozenset[Role] = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})

ON_HOST: frozenset[Role] = frozenset({"embedding", "position_embedding", "per_layer_embedding"})
"""Tables that are only looked up: llama.cpp keeps them in system memory."""

ALIGNMENT = 32

NAMES = {"fp16": "F16", "f16": "F16", "bf16": "BF16", "fp32": "F32", "f32": "F32", "mxfp4": "MXFP4_MOE"}


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """One layer of the file: its routed experts, and everything else."""

    dense: int
    experts: int


@dataclass(frozen=True)
class GgufFile:
    """A file that was never written.

    Attributes:
        tensor_bytes: data of all tensors, exact.
        layers: bytes of each layer in order.
        embedding_bytes: tables that stay on the host.
        output_bytes: final norm and output matrix; a tied model's matrix is the embedding, held a second time on the GPU.
        tied: whether the file has no output matrix of its own.
        tensors: how many tensors it holds.
        parameters: numbers stored.
        vocab_size: entries of the tokenizer, which make most of the header.
    """

    file_type: str
    tensor_bytes: int
    layers: tuple[LayerBytes, ...]
    embedding_bytes: int
    output_bytes: int
    tied: bool
    tensors: int
    parameters: int
    vocab_size: int
    padding_bytes: int

    @property
    def bits_per_weight(self) -> float:
        return 8 * self.tensor_bytes / max(self.parameters, 1)

    @cached_property
    def file_bytes(self) -> Quantity:
        """The file on disk: tensors, padding to 32 bytes each, and a header that is mostly the vocabulary.

        A header takes 22 bytes an entry in a small SentencePiece vocabulary and up to 62 in a large one with merges; measured
        headers of 0.7 MB (32 k) to 11 MB (256 k) lie between.
        """
        data = self.tensor_bytes + self.padding_bytes
        per_entry = 22 if self.vocab_size <= 64_000 else 48
        low, high = (18, 30) if self.vocab_size <= 64_000 else (35, 65)
        tensors = 80 * self.tensors
        return Quantity(data + low * self.vocab_size + tensors, data + per_entry * self.vocab_size + tensors, data + high * self.vocab_size + tensors)


def file_types() -> tuple[str, ...]:
    """Every file type, best known first."""
    return tuple(base_types())


def canonical(name: str) -> str | None:
    """The file type that a name means, in its own spelling; None when it means none."""
    return NAMES.get(name.lower()) or (name.upper() if name.upper() in base_types() else None)


@lru_cache(maxsize=4_096)
def gguf_file(architecture: Architecture, file_type: str, imatrix: bool | None = None) -> GgufFile:
    """The file that llama.cpp would write for this model in this type.

    Args:
        imatrix: whether it is made with an importance matrix; None is what publishers usually do for the type.
    """
    writer = _Writer(architecture, file_type, usual_imatrix(file_type) if imatrix is None else imatrix)
    return writer.file()


class _Writer:
    """One pass over the tensors in file order, with the running counters that the mixes depend on."""

    def __init__(self, model: Architecture, file_type: str, imatrix: bool) -> None:
        main = model.main
        self.model, self.file_type = model, file_type
        self.layers = main.layers + tuple(layer for stack in model.stacks if stack.name == "mtp" for layer in stack.layers if "keeps_mtp" in model.converter)
        attention = next((mixer for layer in main.layers for mixer in layer.mixers if mixer.kv_heads and mixer.caches), None)
        heads, kv_heads = (attention.heads, attention.kv_heads) if attention else (1, 1)
        experts = max((layer.ffn.experts for layer in main.layers if layer.ffn), default=0)
        self.facts = Facts(heads / kv_heads, experts, len(main.layers) == 80 and heads != kv_heads, "falcon" in model.converter, imatrix)
        self.values = sum(1 for layer in self.layers for tensor in layer.all_tensors if CATEGORY.get(tensor.role) == "attn_v" and tensor.is_matrix)
        self.value_index = 0
        self.down_index = 0
        self.tensors = 0
        self.padding = 0
        self.parameters = 0

    def file(self) -> GgufFile:
        main = self.model.main
        embedding = sum(self.size(tensor, 0) for tensor in main.before if tensor.role in ON_HOST)
        inner = sum(self.size(tensor, 0) for tensor in main.before if tensor.role not in ON_HOST)
        layers = [self.layer(layer, index) for index, layer in enumerate(self.layers)]
        head = next((tensor for tensor in main.after if tensor.role == "lm_head"), None)
        tied = head is None or head.tied
        after = sum(self.size(tensor, 0) for tensor in main.after if not tensor.tied)
        shared = self.size(head, 0, count=False) if head is not None and head.tied else 0
        total = embedding + inner + sum(layer.dense + layer.experts for layer in layers) + after
        return GgufFile(
            self.file_type, total, tuple(layers), embedding, inner + after + shared, tied, self.tensors, self.parameters, self.model.vocab_size, self.padding,
        )  # fmt: skip

    def layer(self, layer: Layer, index: int) -> LayerBytes:
        experts = dense = 0
        for tensor in layer.all_tensors:
            if tensor.tied:
                continue
            size = self.size(tensor, index)
            if tensor.role in EXPERT_ROLES:
                experts += size
            else:
                dense += size
        return LayerBytes(dense, experts)

    def size(self, tensor: Tensor, index: int, count: bool = True) -> int:
        """Bytes of a tensor with all its copies; `count` is off for a second look at one already in the file."""
        shape = tensor.shape
        elements = tensor.copies * prod(shape)
        if count:
            self.tensors += 1
            self.parameters += elements
        size = elements // block(name)[0] * block(name)[1] if (name := self.type(tensor, index)) else elements * 4
        if count:
            self.padding += -size % ALIGNMENT
        return size

    def type(self, tensor: Tensor, index: int) -> str:
        """The ggml type of a tensor; F32 for what the converter never shrinks."""
        if tensor.role in IN_32_BIT or sum(1 for size in tensor.shape if size > 1) < 2:
            return "F32"
        category = CATEGORY.get(tensor.role, "other")
        if tensor.role == "embedding" and self.model.tied:
            category = "output"
        if self.file_type == "MXFP4_MOE" and tensor.role in EXPERT_ROLES:
            return "MXFP4"
        position, count = self.position(category, index)
        name = type_of(self.file_type, category, self.facts, position, count)
        row = tensor.shape[-1]
        if category == "output" and name == "Q6_K" and (self.facts.falcon or row % block(base_types()[self.file_type])[0]):
            name = "Q8_0"
        return fitting(name, row)

    def position(self, category: str, index: int) -> tuple[int, int]:
        """Which of how many: values and dense down projections are counted as they come, experts by their layer."""
        if category == "attn_v":
            self.value_index += 1
            return self.value_index - 1, self.values
        if category == "ffn_down" and self.facts.experts <= 1:
            self.down_index += 1
            return self.down_index - 1, len(self.layers)
        return index, len(self.layers)
