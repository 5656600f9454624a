"""What each device holds for a layout of llama.cpp: weights, cache, compute buffers and context, with the arithmetic of
each.
"""

from __future__ import annotations

from planner.architecture.tensors import Architecture, Stack
from planner.core.formula import Formula, total
from planner.core.remember import latest
from planner.core.units import mem
from planner.engines.llama_cpp import cache as llama_cache
from planner.engines.llama_cpp import compute as llama_compute
from planner.engines.llama_cpp import shares as llama_shares
from planner.engines.llama_cpp.cache import Cells
from planner.engines.llama_cpp.layout import Layout
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Quantity, WeightFile
from planner.parallelism.layer_split import Span

OUTPUT = Formula("4 * vocab * slots", "bytes", "llama.cpp src/llama-context.cpp: a row of logits for each slot")


def placed(layout: Layout) -> Memory:
    """Everything on its device."""
    where, file, on_host = layout.split, layout.file, host(layout)
    devices = []
    for index, gpu in enumerate(layout.case.gpus if layout.shares else ()):
        cache, state = cached_on(layout, index)
        devices.append(
            DeviceMemory(
                gpu.name,
                index,
                gpu.capacity_bytes,
                gpu.usable_bytes,
                weights=summed("Weights", layout.parts_of(index, where)),
                kv_cache=cache,
                state=state,
                activation=layout.compute_of(index, where),
                overhead=layout.overhead_of(index, where),
            )
        )
    return Memory(
        WeightFile(
            file.file_type,
            exact(total("Tensors of the file", [file.tensor_bytes])),
            layout.file_range,
            file.bits_per_weight,
        ),
        tuple(devices),
        on_host,
        note=note(layout, on_host),
        gpu_layers=where.gpu_layers if devices else None,
        cpu_moe_layers=where.cpu_moe_layers,
        layer_shares=layout.own_shares,
    )


def exact(step: object) -> Quantity:
    return Quantity.exact(step)  # type: ignore[arg-type]


def summed(label: str, parts: dict[str, int]) -> Quantity:
    found = {name: size for name, size in parts.items() if size}
    return Quantity.exact(total(f"{label}: " + ", ".join(found), list(found.values()))) if found else NOTHING


def cached_on(layout: Layout, index: int) -> tuple[Quantity, Quantity]:
    """Cache and state of a GPU: those of its layers, or with a tensor split its heads of all layers."""
    if layout.mode != "tensor":
        return cached(layout, layout.split.devices[index])
    whole = cached(layout, Span(layout.split.host.stop, len(layout.layers)))
    return tuple(  # type: ignore[return-value]
        (
            Quantity.exact(
                *quantity.steps, total("Heads on this GPU", [layout.cut(quantity.expected, index, layout.heads)])
            )
            if quantity.steps
            else NOTHING
        )
        for quantity in whole
    )


def cached(layout: Layout, span: Span) -> tuple[Quantity, Quantity]:
    """Cache and state of whole layers."""
    return _cached(layout.model, span.start, span.stop, layout.cells)


@latest
def _cached(model: Architecture, start: int, stop: int, cells: Cells) -> tuple[Quantity, Quantity]:
    distinct = Stack("decoder", 0, model.main.layers[start:stop]).distinct
    growing, fixed = llama_cache.cache_steps(distinct, cells)
    both = []
    for label, steps in (("KV cache", growing), ("Recurrent state", fixed)):
        both.append(Quantity.exact(*steps, total(label, [int(step.value) for step in steps])) if steps else NOTHING)
    return both[0], both[1]


def host(layout: Layout) -> HostMemory:
    where, file = layout.split, layout.file
    span = where.host
    end = max(where.cpu_moe_layers, span.stop)
    parts = {
        "input embedding": -(-file.embedding_bytes // 32) * 32,
        f"{span.layers} layers": layout.sums.dense[span.stop],
        f"experts of {end} layers": layout.sums.experts[end],
        "norm and output": file.output_bytes if span.output else 0,
    }
    cache, state = cached(layout, span)
    steps = [
        *llama_compute.host_steps(layout.model, layout.run(layout.copies(where))),
        OUTPUT("Logits for the caller", vocab=layout.model.vocab_size, slots=layout.cells.slots),
    ]
    compute = Quantity.between(0.8, 1.3, *steps, total("Host buffers", [int(step.value) for step in steps]))
    kept = (
        Quantity.exact(*cache.steps, *state.steps, total("Cache of host layers", [cache.expected, state.expected]))
        if cache.steps or state.steps
        else NOTHING
    )
    return HostMemory(summed("Weights", parts), kept, compute)


def note(layout: Layout, on_host: HostMemory) -> str:
    """What lies in system memory that would rather be on a GPU, with all that it takes there."""
    where = layout.split
    if not layout.shares or where.whole:
        return llama_shares.QUANTIZED if layout.mode == "tensor" and layout.cells.block[0] > 1 else ""
    layers, left = len(layout.layers), mem(on_host.total.expected)
    gpus = "the GPU" if len(layout.case.gpus) == 1 else "the GPUs"
    if where.host.layers == 0 and not where.host.output:
        return (
            f"All {layers} layers fit on {gpus} without the experts of the first {where.cpu_moe_layers}; those run from"
            f" system memory and take {left} of it."
        )
    return (
        f"{where.gpu_layers} of {layers + 1} layers fit on {gpus}, the output counted as one; the rest run from system"
        f" memory and take {left} of it."
    )
