"""How many ways a model is cut: tensor, pipeline, data and expert parallel degrees, from a request and its GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture
from planner.case import Case
from planner.core.errors import PlanError
from planner.core.remember import remembered
from planner.parallelism.blocks import BESIDE_EXPERTS, EVERY, EXPERTS_ALONE, whole, widths
from planner.quantization.published import scheme_for


@dataclass(frozen=True, slots=True)
class Degrees:
    """Degrees of parallelism: a replica takes tensor * pipeline GPUs, and there are `data` replicas.

    `expert` is the number of ranks over which whole experts are spread; 1 cuts every expert by the tensor degree
    instead.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    @property
    def gpus(self) -> int:
        return self.tensor * self.pipeline * self.data


def head_counts(architecture: Architecture) -> tuple[int, ...]:
    """Heads that tensor parallel must divide: queries of every attention; recurrent mixers that are cut by
    heads too.
    """
    return tuple(
        sorted({mixer.heads for layer, _ in architecture.main.distinct for mixer in layer.mixers if mixer.heads})
    )


def allowed(architecture: Architecture, tensor: int) -> bool:
    """Whether every rank gets the same number of heads, and of key-value heads unless each is repeated the same number
    of times.
    """
    shared = {
        mixer.kv_heads
        for layer, _ in architecture.main.distinct
        for mixer in layer.mixers
        if mixer.kv_heads and mixer.heads != mixer.kv_heads
    }
    return all(heads % tensor == 0 for heads in head_counts(architecture)) and all(
        heads % tensor == 0 or tensor % heads == 0 for heads in shared
    )


def resolve_degrees(case: Case, title: str) -> tuple[Degrees, str]:
    """The degrees that the request names, the rest filled in, and a note where they are not quite as asked.

    The default is what the engines' guides advise: tensor parallel over the GPUs of a replica, or the largest degree
    that divides the heads; over more than one machine of eight GPUs, a pipeline stage for each. Where cutting experts
    would split groups of weights that share a scale, and wherever one layer of experts spans machines, experts are kept
    whole, as such models are served.

    Raises:
        PlanError: when there are no GPUs, too few of them, or the heads, layers, experts or groups do not divide; the
            nearest valid degree is named.
    """
    request, model, count = case.request, case.architecture, len(case.gpus)
    if not count:
        raise PlanError(f"{title} is planned on GPUs; add one, or choose llama.cpp to run on the CPU.", "gpus")
    data, expert = request.data_parallel or 1, request.expert_parallel or 1
    _check_experts(model, expert, count)
    pipeline = request.pipeline_parallel or _nodes(request.tensor_parallel, count // data, len(model.main.layers))
    layers = len(model.main.layers)
    if pipeline > layers:
        raise PlanError(
            f"The model has {layers} layers, fewer than {pipeline} pipeline stages; set it to {layers} or less.",
            "pipeline_parallel",
        )
    cuts = _cuts(model, request.quantization, expert > 1)
    note, tensor = "", request.tensor_parallel
    if tensor is None:
        room = max(count // (pipeline * data), 1)
        tensor = next(n for n in range(room, 0, -1) if cuts.valid(n) or cuts.spread(n))
        if tensor < room:
            note = (
                f"{room} GPUs do not divide the model's {cuts.what(room)}: {title} runs with tensor parallel {tensor}."
            )
    wide = cuts.experts and tensor > NODE_GPUS
    if not (cuts.valid(tensor) or cuts.spread(tensor) or wide):
        closest = min(
            (n for n in range(1, max(head_counts(model), default=1) + 1) if cuts.valid(n)),
            key=lambda n: (abs(n - tensor), n),
        )
        raise PlanError(
            f"Tensor parallel {tensor} does not divide the model's {cuts.what(tensor)}; use {closest}.",
            "tensor_parallel",
        )
    if expert == 1 and (not cuts.valid(tensor) or not cuts.experts_cut(tensor * data)):
        expert = min(tensor * data, cuts.experts)
        note = (
            f"Cut {tensor * data} ways, experts would not divide: they are kept whole and spread over {expert} ranks"
            " (expert parallel)."
        )
    if expert > tensor * data:
        raise PlanError(
            f"Experts are spread over tensor x data parallel GPUs, here {tensor} x {data}, not over {expert}; set"
            f" data_parallel to {max(expert // tensor, 1)} or expert_parallel to {tensor * data}.",
            "expert_parallel",
        )
    degrees = Degrees(tensor, pipeline, data, expert)
    if degrees.gpus > count:
        raise PlanError(
            f"Tensor {tensor} x pipeline {pipeline} x data {data} needs {degrees.gpus} GPUs and {count} are given; add"
            " GPUs or lower a degree.",
            "gpus",
        )
    return degrees, note


def replicate_attention(case: Case) -> Case:
    """The case with the data parallel degree that its expert parallel degree needs, where the request leaves it open.

    Experts spread over more ranks than tensor parallel has, or over more than one machine, stand beside attention that
    is whole on every rank (or tensor parallel group) and serves requests of its own: expert parallel = tensor * data.
    """
    request, ranks = case.request, len(case.gpus) // (case.request.pipeline_parallel or 1)
    expert, tensor = (
        request.expert_parallel or 1,
        request.tensor_parallel or (1 if (case.request.expert_parallel or 1) > NODE_GPUS else 0),
    )
    if request.data_parallel or not tensor or expert <= tensor or expert % tensor or expert > ranks:
        return case
    return case.with_request(tensor_parallel=tensor, data_parallel=expert // tensor)


@remembered
def _cuts(model: Architecture, quantization: str, experts_whole: bool) -> _Cuts:
    return _Cuts(model, quantization, experts_whole)


class _Cuts:
    """Which tensor parallel degrees a model and its format allow."""

    def __init__(self, model: Architecture, quantization: str, experts_whole: bool) -> None:
        self.model, scheme = model, scheme_for(model, quantization)
        self.known: dict[int, bool] = {}
        self.sizes = widths(self.model, scheme, BESIDE_EXPERTS if experts_whole else EVERY)
        self.dense, self.wide = widths(self.model, scheme, BESIDE_EXPERTS), widths(self.model, scheme, EXPERTS_ALONE)
        self.experts = max((layer.ffn.experts for layer, _ in self.model.main.distinct if layer.ffn), default=0)

    def valid(self, n: int) -> bool:
        if n not in self.known:
            self.known[n] = allowed(self.model, n) and whole(self.sizes, n)
        return self.known[n]

    def experts_cut(self, n: int) -> bool:
        """Whether every expert can be cut n ways: over the ranks of all replicas, which answer for each other's
        tokens.
        """
        return whole(self.wide, n)

    def spread(self, n: int) -> bool:
        """Whether the degree works once experts are kept whole."""
        return self.experts > 0 and allowed(self.model, n) and whole(self.dense, n)

    def what(self, n: int) -> str:
        """What a degree does not divide, in words."""
        if not allowed(self.model, n):
            return f"{_listed(head_counts(self.model))} heads"
        size, group = next(pair for pair in self.sizes if not whole((pair,), n))
        return f"width of {size:,} into whole groups of {group} weights that share a scale"


NODE_GPUS = 8
"""GPUs that share a machine and its fast links."""


def _nodes(tensor: int | None, gpus: int, layers: int) -> int:
    """Pipeline stages when none are asked for: one for each machine, where tensor parallel is left open and the GPUs
    fill more than one.
    """
    return min(gpus // NODE_GPUS, layers) if tensor is None and gpus > NODE_GPUS and gpus % NODE_GPUS == 0 else 1


def _check_experts(model: Architecture, expert: int, count: int) -> None:
    if expert == 1:
        return
    experts = max((layer.ffn.experts for layer, _ in model.main.distinct if layer.ffn), default=0)
    if not experts:
        raise PlanError("The model has no experts to spread; leave expert_parallel out.", "expert_parallel")
    if expert > min(experts, count):
        limit = f"the model has {experts} experts" if experts < count else f"{count} GPUs are given"
        raise PlanError(f"Expert parallel {expert} is too much: {limit}; use {min(experts, count)}.", "expert_parallel")


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
