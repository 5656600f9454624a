"""The size of a GGUF before it exists: the tensors as llama.cpp's converter writes them, each in the type its mix gives
it.

The converter keeps what is small in 32 bit (norms, biases, routers, convolutions), merges a layer's experts into one
tensor, splits latent attention's kv_b in two, and leaves out a tied output. bytes = sum over tensors of elements /
block * block bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

from planner.architecture.tensors import Architecture, Tensor
from planner.core.data import table
from planner.core.formula import Formula, total
from planner.core.remember import remembered
from planner.memory.quantity import Quantity
from planner.quantization.gguf_layers import LayerBytes, Size, layer_bytes, pieces_of, plus, sized
from planner.quantization.gguf_mix import (
    NEWEST,
    base_type,
    base_types,
    block,
    fitting,
    matters,
    moves,
    type_of,
    usual_imatrix,
    variants,
)
from planner.quantization.gguf_tensors import ON_HOST, FileTensor, of_layer, written

ALIGNMENT = 32
"""Tensors of a file begin at multiples of this."""

NAMES = {"fp16": "F16", "f16": "F16", "bf16": "BF16", "fp32": "F32", "f32": "F32", "mxfp4": "MXFP4_MOE"}


@dataclass(frozen=True)
class GgufFile:
    """A file that was never written.

    Attributes:
        tensor_bytes: data of all tensors, exact.
        layers: bytes of each layer in order.
        embedding_bytes: tables that stay on the host.
        factor_bytes: frequency factors of the rotary angles, which every GPU with layers holds.
        output_bytes: what follows the layers, and what stands before them and is no table; in the file without a tied
            matrix.
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

        A header takes 21 to 61 bytes an entry, by the tokenizer (`data/gguf_headers.csv`), and 70 bytes a tensor; the
        rest, the chat template above all, is a few kilobytes.
        """
        if self.header_bytes is not None:
            return Quantity.exact(
                total("File: header, tensors, padding", [self.header_bytes, self.tensor_bytes, self.padding_bytes])
            )
        step = FILE(
            "File", tensors=self.tensor_bytes, padding=self.padding_bytes, vocab=self.vocab_size,
            per_entry=per_entry(self.vocab_size, self.plain_vocabulary), count=self.tensors,
        )  # fmt: skip
        size = int(step.value)
        header = size - self.tensor_bytes
        return Quantity(size - header // 8, size, size + header // 8, (step,))


FILE = Formula(
    "tensors + padding + vocab * per_entry + count * 70 + 4096", "bytes", "data/gguf_headers.csv: measured headers"
)


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
    return NAMES.get(name.lower()) or (
        name.upper() if name.upper() in base_types() or name.upper() in variants() else None
    )


def own_type(model: Architecture) -> str | None:
    """The file type of the GGUF that a model was read from; None for a model that was not."""
    read = model.quantization or {}
    return str(read["file_type"]) if read.get("quant_method") == "gguf" else None


def read_header_bytes(model: Architecture) -> int:
    return int(str((model.quantization or {})["header_bytes"]))


@remembered
def gguf_file(architecture: Architecture, file_type: str, imatrix: bool | None = None, since: int = NEWEST) -> GgufFile:
    """The file that llama.cpp would write for this model in this type.

    Args:
        imatrix: whether it is made with an importance matrix; None is what publishers usually do for the type.
        since: the first build with the rules to follow (`gguf_mix.era`); the newest rules by default.
    """
    writer = _Writer(architecture, file_type, usual_imatrix(file_type) if imatrix is None else imatrix, since)
    return writer.file()


def file_range(architecture: Architecture, file_type: str, imatrix: bool | None, since: int) -> Quantity:
    """The file's size, over both kinds of files where nobody says whether it was made with an importance matrix and the
    mix depends on it.
    """
    size = gguf_file(architecture, file_type, imatrix, since).file_bytes
    if imatrix is not None or not matters(file_type) or file_type == own_type(architecture):
        return size
    other = gguf_file(architecture, file_type, not usual_imatrix(file_type), since).file_bytes
    return Quantity(min(size.low, other.low), size.expected, max(size.high, other.high), size.steps)


@dataclass(slots=True)
class Kind:
    """A kind of layer in one file type: the tensors whose type depends on where the layer stands, the others' sizes,
    and the layers met so far.

    `made` is by the types of the moving tensors: the layer's bytes, and its padding in the file.
    """

    moving: list[FileTensor]
    fixed: list[tuple[FileTensor, Size]]
    made: dict[tuple[str, ...], tuple[LayerBytes, int]]


class _Writer:
    """One pass over the tensors in file order, with the running counters that the mixes depend on."""

    def __init__(self, model: Architecture, file_type: str, imatrix: bool, build: int) -> None:
        self.model, self.file_type, self.base = model, file_type, base_type(file_type)
        self.as_stored = file_type == own_type(model)
        self.pieces = pieces_of(model, self.as_stored, imatrix, build)
        self.facts = self.pieces.facts
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
        shared = (
            plus(self.sizes(tensor, count=False) for tensor in main.before if tensor.role == "embedding")
            if head is not None and head.tied
            else (0, 0)
        )
        total = embedding[0] + factors[0] + after[0] + sum(layer.dense + layer.experts for layer in layers)
        return GgufFile(
            self.file_type, total, layers, embedding[0], factors[1], after[0], after[1] + shared[1], tied, self.tensors,
            self.parameters, self.vocabulary,
            self.padding, "plain_vocabulary" in model.converter, read_header_bytes(model) if self.as_stored else None,
        )  # fmt: skip

    @property
    def vocabulary(self) -> int:
        return min(self.model.vocab_size, self.model.converter.get("vocabulary", self.model.vocab_size))

    def all_layers(self) -> tuple[LayerBytes, ...]:
        kinds: dict[int, Kind] = {}
        found = []
        for index, layer in enumerate(self.pieces.layers):
            key = id(layer)
            pieces = self.pieces.kinds[key]
            kind = kinds.get(key)
            if kind is None:
                moving = [tensor for tensor in pieces if self.moves(tensor)]
                kind = kinds[key] = Kind(
                    moving,
                    [(tensor, sized(tensor, self.type(tensor, 0))) for tensor in pieces if not self.moves(tensor)],
                    {},
                )
            types = tuple([self.type(tensor, index) for tensor in kind.moving])
            made = kind.made.get(types)
            if made is None:
                sizes = [
                    *kind.fixed,
                    *((tensor, sized(tensor, name)) for tensor, name in zip(kind.moving, types, strict=True)),
                ]
                made = kind.made[types] = (layer_bytes(sizes), sum(-size[0] % ALIGNMENT for _, size in sizes))
            found.append(made[0])
            self.tensors += len(pieces)
            self.parameters += self.pieces.totals[key]
            self.padding += made[1]
        return self.with_encoder(found)

    def with_encoder(self, layers: list[LayerBytes]) -> tuple[LayerBytes, ...]:
        """The layers with those of an encoder beside them: llama.cpp loads `enc.blk.N` where it loads `blk.N`, and what
        is deeper with the last.
        """
        encoder = next(
            (stack for stack in self.model.stacks if stack.name == "encoder" and stack is not self.model.main), None
        )
        if encoder is None:
            return tuple(layers)
        found = list(layers)
        parts = [
            (index, piece)
            for index, layer in enumerate(encoder.layers)
            for piece in of_layer(self.model, layer, self.as_stored)
        ]
        ends = [
            piece
            for tensor in (*encoder.before, *encoder.after)
            if not tensor.tied
            for piece in written(self.model, tensor, None, self.as_stored)
        ]
        for index, piece in [*parts, *((len(found) - 1, piece) for piece in ends)]:
            place, size = min(index, len(found) - 1), self.add(piece)
            found[place] = replace(
                found[place], dense=found[place].dense + size[0], gpu_dense=found[place].gpu_dense + size[1]
            )
        return tuple(found)

    def moves(self, tensor: FileTensor) -> bool:
        return not tensor.keeps and moves(self.file_type, tensor.category, self.facts)

    def sizes(self, tensor: Tensor, count: bool = True) -> Size:
        """Bytes of a tensor outside the layers; `count` is off for a second look at one already in the file."""
        if tensor.role in ("embedding", "lm_head") and len(tensor.shape) == 2:
            tensor = replace(tensor, shape=(min(tensor.shape[0], self.vocabulary), tensor.shape[1]))
        return plus(
            self.add(piece) if count else self.size(piece)
            for piece in written(self.model, tensor, None, self.as_stored)
        )

    def add(self, tensor: FileTensor) -> Size:
        size = self.size(tensor)
        self.tensors += 1
        self.parameters += tensor.elements
        self.padding += -size[0] % ALIGNMENT
        return size

    def size(self, tensor: FileTensor) -> Size:
        return sized(tensor, self.type(tensor, 0))

    def type(self, tensor: FileTensor, index: int) -> str:
        """The ggml type of a tensor."""
        if tensor.keeps == "16" and self.file_type != "F32":
            return "F16"
        if tensor.keeps:
            return "F32" if tensor.keeps == "16" else tensor.keeps
        category = "output" if tensor.category == "token_embd" and self.model.tied else tensor.category
        if self.file_type == "MXFP4_MOE" and tensor.stacked:
            return "MXFP4"
        if category == "output" and block(self.base)[0] > 1 and (self.facts.falcon or tensor.row % block(self.base)[0]):
            return fitting("Q8_0", tensor.row)
        position, count = self.position(category, index)
        return fitting(type_of(self.file_type, category, self.facts, position, count), tensor.row)

    def position(self, category: str, index: int) -> tuple[int, int]:
        """Which of how many: values are counted as they come, the feed-forward's by layer where there are experts."""
        if category not in self.counted or (
            category != "attn_v"
            and self.facts.experts > 1
            and not (category == "ffn_down" and counts_downs(self.file_type))
        ):
            return index, self.pieces.depth
        self.counted[category] += 1
        return self.counted[category] - 1, self.pieces.values if category == "attn_v" else self.pieces.depth


def counts_downs(file_type: str) -> bool:
    """Whether the mix counts down projections one by one even where a layer has several, as the lowest bits do."""
    return file_type.startswith(("IQ1", "IQ2"))
