"""The size of a GGUF before it exists: the tensors as llama.cpp's converter writes them, each in the type its mix gives it.

The converter keeps what is small in 32 bit (norms, biases, routers, convolutions), merges a layer's experts into one tensor,
splits latent attention's kv_b in two, and leaves out a tied output. bytes = sum over tensors of elements / block * block bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property

from planner.architecture.tensors import Architecture, Tensor
from planner.data import table
from planner.formula import Formula, total
from planner.memory.quantity import Quantity
from planner.memory.remember import remembered
from planner.quantization.gguf_mix import Facts, base_types, block, fitting, type_of, usual_imatrix
from planner.quantization.gguf_tensors import ON_HOST, FileTensor, of_layer, written

ALIGNMENT = 32
"""Tensors of a file begin at multiples of this."""

GPU_ALIGNMENT, GPU_ROW = 128, 512
"""On a GPU tensors begin at multiples of 128 bytes, and the last row of a quantized one is filled up to 512 numbers (ggml-cuda.cu)."""

NAMES = {"fp16": "F16", "f16": "F16", "bf16": "BF16", "fp32": "F32", "f32": "F32", "mxfp4": "MXFP4_MOE"}


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """One layer: its routed experts and everything else, in the file and as a GPU holds them; and its largest tensor of each.

    `gpu_rows` are of `gpu_dense` the matrices, which a split by rows cuts; `gpu_cut` those that a tensor split cuts.
    """

    dense: int
    experts: int
    gpu_dense: int
    gpu_experts: int
    largest_dense: int = 0
    largest_experts: int = 0
    gpu_rows: int = 0
    gpu_cut: int = 0


@dataclass(frozen=True)
class GgufFile:
    """A file that was never written.

    Attributes:
        tensor_bytes: data of all tensors, exact.
        layers: bytes of each layer in order.
        embedding_bytes: tables that stay on the host.
        factor_bytes: frequency factors of the rotary angles, which every GPU with layers holds.
        output_bytes: what follows the layers, and what stands before them and is no table; in the file without a tied matrix.
        gpu_output_bytes: the same as a GPU holds it; a tied model's matrix is the embedding, held a second time.
        tied: whether the file has no output matrix of its own.
        tensors: how many tensors it holds.
        parameters: numbers stored.
        vocab_size: entries of the tokenizer, which make most of the header.
        header_bytes: of the header, where it was read.
    """

    file_type: str
    tensor_bytes: int
    layers: tuple[LayerBytes, ...]
    embedding_bytes: int
    factor_bytes: int
    output_bytes: int
    gpu_output_bytes: int
    tied: bool
    tensors: int
    parameters: int
    vocab_size: int
    padding_bytes: int
    plain_vocabulary: bool
    header_bytes: int | None = None

    @property
    def bits_per_weight(self) -> float:
        return 8 * self.tensor_bytes / max(self.parameters, 1)

    @cached_property
    def file_bytes(self) -> Quantity:
        """The file on disk: tensors, padding to 32 bytes each, and a header that is mostly the vocabulary.

        A header takes 21 to 61 bytes an entry, by the tokenizer (`data/gguf_headers.csv`), and 70 bytes a tensor; the rest, the
        chat template above all, is a few kilobytes.
        """
        if self.header_bytes is not None:
            return Quantity.exact(total("File: header, tensors, padding", [self.header_bytes, self.tensor_bytes, self.padding_bytes]))
        step = FILE(
            "File", tensors=self.tensor_bytes, padding=self.padding_bytes, vocab=self.vocab_size,
            per_entry=per_entry(self.vocab_size, self.plain_vocabulary), count=self.tensors,
        )  # fmt: skip
        size = int(step.value)
        header = size - self.tensor_bytes
        return Quantity(size - header // 8, size, size + header // 8, (step,))


FILE = Formula("tensors + padding + vocab * per_entry + count * 70 + 4096", "bytes", "data/gguf_headers.csv: measured headers")


@cache
def per_entry(vocab: int, plain: bool) -> float:
    """Bytes of the header for each entry of a vocabulary, by its size and whether it has merges."""
    for row in table("gguf_headers"):
        if int(row["vocab_from"]) <= vocab <= int(row["vocab_to"]) and (plain or row["plain"] == "any"):
            return float(row["bytes_per_entry"])
    return 40.0


def file_types() -> tuple[str, ...]:
    """Every file type, best known first."""
    return tuple(base_types())


def canonical(name: str) -> str | None:
    """The file type that a name means, in its own spelling; None when it means none."""
    return NAMES.get(name.lower()) or (name.upper() if name.upper() in base_types() else None)


def own_type(model: Architecture) -> str | None:
    """The file type of the GGUF that a model was read from; None for a model that was not."""
    read = model.quantization or {}
    return str(read["file_type"]) if read.get("quant_method") == "gguf" else None


def read_header_bytes(model: Architecture) -> int:
    return int(str((model.quantization or {})["header_bytes"]))


@remembered
def gguf_file(architecture: Architecture, file_type: str, imatrix: bool | None = None) -> GgufFile:
    """The file that llama.cpp would write for this model in this type.

    Args:
        imatrix: whether it is made with an importance matrix; None is what publishers usually do for the type.
    """
    writer = _Writer(architecture, file_type, usual_imatrix(file_type) if imatrix is None else imatrix)
    return writer.file()


Size = tuple[int, int]
"""Bytes in the file, and as a GPU holds them."""


def largest(sizes: list[tuple[bool, Size]]) -> Size:
    """Bytes of the largest tensor outside the experts and of the largest that holds experts."""
    return (max((size[1] for expert, size in sizes if not expert), default=0), max((size[1] for expert, size in sizes if expert), default=0))


def plus(sizes: Iterable[Size]) -> Size:
    file = gpu = 0
    for size in sizes:
        file, gpu = file + size[0], gpu + size[1]
    return file, gpu


@dataclass(slots=True)
class _Plan:
    """A kind of layer: the bytes of what is the same in each, and the tensors whose type depends on where the layer stands."""

    dense: Size
    experts: Size
    moving: list[FileTensor]
    padding: int
    largest: Size
    cuts: Size


def cuts(sizes: list[tuple[FileTensor, Size]], sparse: bool) -> Size:
    """Bytes of the matrices outside the experts, as a GPU holds them, and of those that a tensor split cuts: not the shared experts'."""
    matrices = [(tensor.category, size[1]) for tensor, size in sizes if not tensor.expert and tensor.keeps != "F32"]
    return sum(size for _, size in matrices), sum(size for category, size in matrices if not (sparse and category.startswith("ffn")))


class _Writer:
    """One pass over the tensors in file order, with the running counters that the mixes depend on."""

    def __init__(self, model: Architecture, file_type: str, imatrix: bool) -> None:
        main, differs = model.main, model.converter
        self.model, self.file_type = model, file_type
        self.layers = main.layers + tuple(layer for stack in model.stacks if stack.name == "mtp" for layer in stack.layers if "keeps_mtp" in differs)
        self.as_stored = file_type == own_type(model)
        self.kinds = {key: of_layer(model, layer, self.as_stored) for key, layer in {id(layer): layer for layer in self.layers}.items()}
        mixers = [mixer for layer in (main.layers[:1] if "kv_heads_by_layer" in differs else main.layers) for mixer in layer.mixers]
        attention = next((mixer for mixer in mixers if mixer.kv_heads and any(cache.per == "token" for cache in mixer.caches)), None)
        gqa = attention.heads // attention.kv_heads if attention else 0
        experts = max((layer.ffn.experts for layer in main.layers if layer.ffn), default=0)
        deep = len(main.layers)
        is_70b = deep == differs.get("size_70b_always") or (deep == differs.get("size_70b") and gqa != 1)
        self.facts = Facts(gqa, experts, is_70b, "falcon" in differs, imatrix)
        self.values = sum(1 for layer in self.layers for tensor in self.kinds[id(layer)] if tensor.category == "attn_v" and not tensor.keeps)
        predictors = sum(len(stack.layers) for stack in model.stacks if stack.name == "mtp") if "counts_mtp" in differs else 0
        self.depth = len(self.layers) + predictors
        self.counted = {"attn_v": 0, "ffn_down": 0, "ffn_gate": 0, "ffn_up": 0}
        self.tensors = self.padding = self.parameters = 0

    def file(self) -> GgufFile:
        main, model = self.model.main, self.model
        embedding = plus(self.sizes(tensor) for tensor in main.before if tensor.role in ON_HOST)
        inner = plus(self.sizes(tensor) for tensor in main.before if tensor.role not in ON_HOST)
        factors = plus(self.add(FileTensor("other", length, length, "F32")) for length in model.rope_factors)
        layers = self.all_layers()
        head = next((tensor for tensor in main.after if tensor.role == "lm_head"), None)
        tied = head is None or head.tied
        after = plus([inner, *(self.sizes(tensor) for tensor in main.after if not tensor.tied)])
        shared = plus(self.sizes(tensor, count=False) for tensor in main.before if tensor.role == "embedding") if head is not None and head.tied else (0, 0)
        total = embedding[0] + factors[0] + after[0] + sum(layer.dense + layer.experts for layer in layers)
        return GgufFile(
            self.file_type, total, layers, embedding[0], factors[1], after[0], after[1] + shared[1], tied, self.tensors, self.parameters, self.vocabulary,
            self.padding, "plain_vocabulary" in model.converter, read_header_bytes(model) if self.as_stored else None,
        )  # fmt: skip

    @property
    def vocabulary(self) -> int:
        return min(self.model.vocab_size, self.model.converter.get("vocabulary", self.model.vocab_size))

    def all_layers(self) -> tuple[LayerBytes, ...]:
        plans: dict[int, _Plan] = {}
        found = []
        for index, layer in enumerate(self.layers):
            pieces = self.kinds[id(layer)]
            if id(layer) not in plans:
                fixed = [tensor for tensor in pieces if not self.moves(tensor)]
                measured = [(tensor, self.size(tensor)) for tensor in fixed]
                sizes = [(tensor.expert, size) for tensor, size in measured]
                plans[id(layer)] = _Plan(
                    plus(size for expert, size in sizes if not expert), plus(size for expert, size in sizes if expert),
                    [tensor for tensor in pieces if self.moves(tensor)], sum(-size[0] % ALIGNMENT for _, size in sizes), largest(sizes),
                    cuts(measured, any(tensor.expert for tensor in pieces)),
                )  # fmt: skip
            plan = plans[id(layer)]
            moving = [(tensor, self.size(tensor, index)) for tensor in plan.moving]
            sizes = [(tensor.expert, size) for tensor, size in moving]
            dense = plus([plan.dense, *(size for expert, size in sizes if not expert)])
            experts = plus([plan.experts, *(size for expert, size in sizes if expert)])
            most = tuple(max(pair) for pair in zip(plan.largest, largest(sizes), strict=True))
            rows, cut = plus([plan.cuts, cuts(moving, any(tensor.expert for tensor in pieces))])
            found.append(LayerBytes(dense[0], experts[0], dense[1], experts[1], most[0], most[1], rows, cut))
            self.tensors += len(pieces)
            self.parameters += sum(tensor.elements for tensor in pieces)
            self.padding += plan.padding + sum(-size[0] % ALIGNMENT for _, size in sizes)
        return tuple(found)

    def moves(self, tensor: FileTensor) -> bool:
        return not tensor.keeps and (tensor.category in ("attn_v", "ffn_down") or (tensor.category in ("ffn_gate", "ffn_up") and self.file_type == "IQ3_XS"))

    def sizes(self, tensor: Tensor, count: bool = True) -> Size:
        """Bytes of a tensor outside the layers; `count` is off for a second look at one already in the file."""
        if tensor.role in ("embedding", "lm_head") and len(tensor.shape) == 2:
            tensor = replace(tensor, shape=(min(tensor.shape[0], self.vocabulary), tensor.shape[1]))
        return plus(self.add(piece) if count else self.size(piece) for piece in written(self.model, tensor, None, self.as_stored))

    def add(self, tensor: FileTensor) -> Size:
        size = self.size(tensor)
        self.tensors += 1
        self.parameters += tensor.elements
        self.padding += -size[0] % ALIGNMENT
        return size

    def size(self, tensor: FileTensor, index: int = 0) -> Size:
        elements, bytes_ = block(self.type(tensor, index))
        size = tensor.elements // elements * bytes_
        filled = size + (-tensor.row % GPU_ROW // elements * bytes_ if elements > 1 else 0)
        return size, filled + -filled % GPU_ALIGNMENT

    def type(self, tensor: FileTensor, index: int) -> str:
        """The ggml type of a tensor."""
        base = base_types()[self.file_type]
        if tensor.keeps == "16" and self.file_type != "F32":
            return "F16"
        if tensor.keeps:
            return "F32" if tensor.keeps == "16" else tensor.keeps
        category = "output" if tensor.category == "token_embd" and self.model.tied else tensor.category
        if self.file_type == "MXFP4_MOE" and tensor.stacked:
            return "MXFP4"
        if category == "output" and block(base)[0] > 1 and (self.facts.falcon or tensor.row % block(base)[0]):
            return fitting("Q8_0", tensor.row)
        position, count = self.position(category, index)
        return fitting(type_of(self.file_type, category, self.facts, position, count), tensor.row)

    def position(self, category: str, index: int) -> tuple[int, int]:
        """Which of how many: values are counted as they come, the feed-forward's by layer where there are experts."""
        if category not in self.counted or (category != "attn_v" and self.facts.experts > 1 and not (category == "ffn_down" and counts_downs(self.file_type))):
            return index, self.depth
        self.counted[category] += 1
        return self.counted[category] - 1, self.values if category == "attn_v" else self.depth


def counts_downs(file_type: str) -> bool:
    """Whether the mix counts down projections one by one even where a layer has several, as the lowest bits do."""
    return file_type.startswith(("IQ1", "IQ2"))
