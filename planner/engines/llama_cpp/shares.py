"""Splits that cut the matrices of a layer over GPUs, as llama.cpp's `--split-mode row` and `tensor` do.

By row: a layer lives on a GPU as without the split, with its cache, norms and experts; only the matrices that are
multiplied with every token are cut by rows over all GPUs, on backends that have split buffers. By tensor: all GPUs hold
a part of every matrix and of the cache's heads; norms, routers, shared experts and a tied output are copied to each.

    part of GPU i = floor(units * c_i) - floor(units * c_(i - 1)), c the cumulative shares

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-model.cpp (load_tensors,
llama_meta_device_get_split_state) and https://github.com/ggml-org/llama.cpp/blob/master/docs/multi-gpu.md, as of
October 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Architecture
from planner.case import Case
from planner.core.errors import PlanError
from planner.parallelism.layer_split import Split
from planner.quantization.gguf import GgufFile

ROW_BACKENDS = ("cuda", "rocm", "sycl")
"""Backends with split buffers; the others take `row` as `layer`."""

QUANTIZED = (
    "llama.cpp's guide of May 2026 says that a tensor split refuses a quantized cache: if your build does, use fp16 or"
    " the split by layers."
)


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums over the layers, without routed experts and of routed experts alone: in the file, and as GPUs hold
    them.
    """

    dense: tuple[int, ...]
    experts: tuple[int, ...]
    gpu_dense: tuple[int, ...]
    gpu_experts: tuple[int, ...]
    gpu_rows: tuple[int, ...]
    gpu_cut: tuple[int, ...]


def check(case: Case, flash: bool, latent: bool) -> None:
    """Refuse what a tensor split cannot do.

    Raises:
        PlanError: for flash attention off, or a model with a latent cache.
    """
    if case.request.split_mode != "tensor" or len(case.gpus) < 2:
        return
    if not flash:
        raise PlanError(
            "A tensor split needs flash attention, which is switched off; switch it on or split by layers.",
            "flash_attention",
        )
    if latent:
        raise PlanError("llama.cpp has no tensor split for models with a latent cache; split by layers.", "split_mode")


def shares_of(case: Case) -> tuple[float, ...]:
    """Each GPU's share: as asked, all on the first, equal for a tensor split, or by free memory; equal too where none
    has any.
    """
    request = case.request
    if request.backend == "cpu" or not case.gpus:
        return ()
    if request.split_mode == "none":
        return (1.0,) + (0.0,) * (len(case.gpus) - 1)
    if request.tensor_split:
        if (
            len(request.tensor_split) != len(case.gpus)
            or min(request.tensor_split) < 0
            or not sum(request.tensor_split)
        ):
            raise PlanError(
                f"The tensor split must give one share for each of the {len(case.gpus)} GPUs, not all of them 0.",
                "tensor_split",
            )
        return request.tensor_split
    if request.split_mode == "tensor":
        return (1.0,) * len(case.gpus)
    free = tuple(float(gpu.usable_bytes) for gpu in case.gpus)
    return free if any(free) else (1.0,) * len(free)


def part(size: int, shares: Sequence[float], index: int, units: int = 0) -> int:
    """A GPU's part of `size` bytes that may be cut after each of `units` equal pieces, or after any byte; the parts add
    up to the whole.
    """
    whole, pieces = sum(shares), units or size
    low, high = (int(pieces * sum(shares[:end]) / whole) for end in (index, index + 1))
    if index == len(shares) - 1:
        high = pieces
    return size * high // pieces - size * low // pieces if pieces else 0


def heads(model: Architecture) -> int:
    """Pieces that the cache can be cut into: the fewest heads of a layer that has any."""
    return min(
        (cache.heads for layer, _ in model.main.distinct for cache in layer.caches if cache.heads > 1), default=1
    )


def cut_everywhere(sums: Sums, where: Split, file: GgufFile, shares: Sequence[float], index: int) -> dict[str, int]:
    """What a GPU holds of the file with a tensor split, by part."""
    if not shares[index] or not where.gpu_layers:
        return {}
    first, last = where.host.stop, len(sums.gpu_cut) - 1
    count = last - first
    experts = sums.gpu_experts[last] - sums.gpu_experts[max(first, where.cpu_moe_layers)]
    cut = sums.gpu_cut[last] - sums.gpu_cut[first]
    return {
        f"its part of {count} layers": part(cut, shares, index),
        "its part of their experts": part(experts, shares, index),
        "what each GPU holds whole": (
            sums.gpu_dense[last] - sums.gpu_dense[first] - cut + (file.factor_bytes if count else 0)
        ),
        "norm and output": file.gpu_output_bytes if file.tied else part(file.gpu_output_bytes, shares, index),
    }
