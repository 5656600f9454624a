"""How many ways a model is cut: tensor, pipeline, data and expert parallel degrees, from a request and its GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture
from planner.engines.base import Case
from planner.errors import PlanError


@dataclass(frozen=True, slots=True)
class Degrees:
    """Degrees of parallelism: a replica takes tensor * pipeline GPUs, and there are `data` replicas.

    `expert` is the number of ranks over which whole experts are spread; 1 cuts every expert by the tensor degree instead.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    @property
    def gpus(self) -> int:
        return self.tensor * self.pipeline * self.data


def head_counts(architecture: Architecture) -> tuple[int, ...]:
    """Heads that tensor parallel must divide: queries of every attention; recurrent mixers that are cut by heads too."""
    return tuple(sorted({mixer.heads for layer, _ in architecture.main.distinct for mixer in layer.mixers if mixer.heads}))


def allowed(architecture: Architecture, tensor: int) -> bool:
    """Whether every rank gets the same number of heads, and of key-value heads unless each is repeated the same number of times."""
    shared = {mixer.kv_heads for layer, _ in architecture.main.distinct for mixer in layer.mixers if mixer.kv_heads and mixer.heads != mixer.kv_heads}
    return all(heads % tensor == 0 for heads in head_counts(architecture)) and all(heads % tensor == 0 or tensor % heads == 0 for heads in shared)


def resolve_degrees(case: Case, title: str) -> tuple[Degrees, str]:
    """The degrees that the request names, the rest filled in, and a note where not every GPU is used.

    The default is what the engines' guides advise: tensor parallel over all GPUs of a replica, or the largest degree that
    divides the heads.

    Raises:
        PlanError: when there are no GPUs, too few of them, or the heads or layers do not divide; the nearest valid degree is named.
    """
    request, model, count = case.request, case.architecture, len(case.gpus)
    if not count:
        raise PlanError(f"{title} is planned on GPUs; add one, or choose llama.cpp to run on the CPU.", "gpus")
    pipeline, data = request.pipeline_parallel or 1, request.data_parallel or 1
    layers = len(model.main.layers)
    if pipeline > layers:
        raise PlanError(f"The model has {layers} layers, fewer than {pipeline} pipeline stages; set it to {layers} or less.", "pipeline_parallel")
    note = ""
    tensor = request.tensor_parallel
    if tensor is None:
        room = max(count // (pipeline * data), 1)
        tensor = next(n for n in range(room, 0, -1) if allowed(model, n))
        if tensor < room:
            note = f"{room} GPUs do not divide the model's {_listed(head_counts(model))} heads: {title} runs with tensor parallel {tensor}."
    elif not allowed(model, tensor):
        valid = [n for n in range(1, max(head_counts(model)) + 1) if allowed(model, n)]
        closest = min(valid, key=lambda n: (abs(n - tensor), n))
        raise PlanError(f"Tensor parallel {tensor} does not divide the model's {_listed(head_counts(model))} heads; use {closest}.", "tensor_parallel")
    degrees = Degrees(tensor, pipeline, data, request.expert_parallel or 1)
    if degrees.gpus > count:
        raise PlanError(
            f"Tensor {tensor} x pipeline {pipeline} x data {data} needs {degrees.gpus} GPUs and {count} are given; add GPUs or lower a degree.", "gpus"
        )
    return degrees, note


def stage_layers(layers: int, stages: int) -> tuple[int, ...]:
    """Layers of each pipeline stage: equal shares, the remainder on the stages before the last, which holds the head.

    The rule of vLLM's `get_pp_indices` (vllm/distributed/utils.py).
    """
    share, rest = divmod(layers, stages)
    counts = [share] * stages
    for back in range(2, rest + 2):
        counts[-back] += 1
    return tuple(counts)


def _listed(numbers: tuple[int, ...]) -> str:
    return " and ".join(str(number) for number in numbers)
