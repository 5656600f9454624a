"""Layer by layer: on which device each lies and what it holds there, for the picture of a split."""

from __future__ import annotations

from dataclasses import dataclass

from planner.engines.llama_cpp.layout import Layout

HOST = "System RAM"


@dataclass(frozen=True, slots=True)
class Unit:
    """The input embedding, a layer, or the output.

    `device` is the index of a GPU, or -1 for system memory; `experts_bytes` lie in `experts_device`.
    """

    name: str
    device: int
    weights_bytes: int
    experts_bytes: int
    experts_device: int
    cache_bytes: int


def units(layout: Layout) -> tuple[Unit, ...]:
    """Every unit from the input to the output."""
    where, file, sums, caches = layout.split, layout.file, layout.sums, layout.cache_sums
    found = [Unit("Input embedding", -1, file.embedding_bytes, 0, -1, 0)]
    owners = [-1] * len(layout.layers)
    output = -1
    for index, span in enumerate(where.devices):
        owners[span.start : span.stop] = [index] * span.layers
        output = index if span.output else output
    for index, owner in enumerate(owners):
        dense = sums.dense[index + 1] - sums.dense[index]
        experts = sums.experts[index + 1] - sums.experts[index]
        at = -1 if index < where.cpu_moe_layers else owner
        found.append(Unit(f"Layer {index}", owner, dense, experts, at, caches[index + 1] - caches[index]))
    last = file.gpu_output_bytes if output >= 0 else file.output_bytes
    return (*found, Unit("Output", output, last, 0, output, 0))


def name_of(layout: Layout, device: int) -> str:
    """A device as the picture names it."""
    return HOST if device < 0 else f"{device}: {layout.case.gpus[device].name}"
