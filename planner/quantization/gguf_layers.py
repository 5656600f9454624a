"""What the files of a model have in common whatever their type, and the bytes of a layer once the types of its tensors
are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.architecture.tensors import Architecture, Layer
from planner.core.remember import remembered
from planner.quantization.gguf_mix import Facts, block
from planner.quantization.gguf_tensors import FileTensor, of_layer

GPU_ALIGNMENT, GPU_ROW = 128, 512
"""On a GPU tensors begin at multiples of 128 bytes, and the last row of a quantized one is filled up to 512 numbers
(ggml-cuda.cu).
"""


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """One layer: its routed experts and everything else, in the file and as a GPU holds them; and its largest tensor of
    each.

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


Size = tuple[int, int]
"""Bytes in the file, and as a GPU holds them."""


def plus(sizes: Iterable[Size]) -> Size:
    file = gpu = 0
    for size in sizes:
        file, gpu = file + size[0], gpu + size[1]
    return file, gpu


def sized(tensor: FileTensor, type_: str) -> Size:
    """Bytes of a tensor in a ggml type."""
    elements, bytes_ = block(type_)
    size = tensor.elements // elements * bytes_
    filled = size + (-tensor.row % GPU_ROW // elements * bytes_ if elements > 1 else 0)
    return size, filled + -filled % GPU_ALIGNMENT


def layer_bytes(sizes: list[tuple[FileTensor, Size]]) -> LayerBytes:
    """A layer from its tensors; shared experts are matrices that a tensor split leaves whole."""
    experts = [size for tensor, size in sizes if tensor.expert]
    dense = [size for tensor, size in sizes if not tensor.expert]
    matrices = [(tensor.category, size[1]) for tensor, size in sizes if not tensor.expert and tensor.keeps != "F32"]
    (file, gpu), (routed, gpu_routed) = plus(dense), plus(experts)
    return LayerBytes(
        file,
        routed,
        gpu,
        gpu_routed,
        max((size[1] for size in dense), default=0),
        max((size[1] for size in experts), default=0),
        sum(size for _, size in matrices),
        sum(size for category, size in matrices if not (experts and category.startswith("ffn"))),
    )


@dataclass(frozen=True)
class Pieces:
    """What a model's files have in common, whatever their type: the tensors of each kind of layer, and what the mixes
    ask of the model.

    `kinds` and `totals` are by the layer's id: its tensors in file order, and how many numbers they hold.
    """

    layers: tuple[Layer, ...]
    kinds: dict[int, list[FileTensor]]
    totals: dict[int, int]
    facts: Facts
    values: int
    depth: int


@remembered
def pieces_of(model: Architecture, as_stored: bool, imatrix: bool, build: int) -> Pieces:
    """A model's layers as the converter writes them; `as_stored` keeps the types of the file that it was read from."""
    main, differs = model.main, model.converter
    layers = main.layers + tuple(
        layer for stack in model.stacks if stack.name == "mtp" for layer in stack.layers if "keeps_mtp" in differs
    )
    kinds = {key: of_layer(model, layer, as_stored) for key, layer in {id(layer): layer for layer in layers}.items()}
    totals = {key: sum(tensor.elements for tensor in pieces) for key, pieces in kinds.items()}
    mixers = [
        mixer
        for layer in (main.layers[:1] if "kv_heads_by_layer" in differs else main.layers)
        for mixer in layer.mixers
    ]
    attention = next(
        (mixer for mixer in mixers if mixer.kv_heads and any(cache.per == "token" for cache in mixer.caches)), None
    )
    gqa = attention.heads // attention.kv_heads if attention else 0
    experts = max((layer.ffn.experts for layer in main.layers if layer.ffn), default=0)
    deep = len(main.layers)
    is_70b = deep == differs.get("size_70b_always") or (deep == differs.get("size_70b") and gqa != 1)
    valued = {
        key: sum(1 for tensor in pieces if tensor.category == "attn_v" and not tensor.keeps)
        for key, pieces in kinds.items()
    }
    predictors = (
        sum(len(stack.layers) for stack in model.stacks if stack.name == "mtp") if "counts_mtp" in differs else 0
    )
    facts = Facts(gqa, experts, is_70b, "falcon" in differs, imatrix, build)
    return Pieces(layers, kinds, totals, facts, sum(valued[id(layer)] for layer in layers), len(layers) + predictors)
