"""How fast a training run goes: seconds of a micro-batch, of a step, and tokens a second.

    micro-batch = root of the squares of (arithmetic + traffic + unpacking), launches and gathering of shards, +
    exchanges of tensor parallel step = micro-batch * accumulation * pipeline bubble + summing of gradients + optimizer

Arithmetic is FLOPs over a fraction of the peak; traffic is what element-wise kernels move, a multiple of what the
layers produce; launches are what the processor needs to start the kernels, which bounds small batches. The fractions
are in `data/calibration/training_speed.csv`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step
from planner.performance.links import between, pcie
from planner.training.case import TrainCase
from planner.training.flops import Work, work
from planner.training.held import Held
from planner.training.layers import layer_tape
from planner.training.memory import setting_of, timed_parts
from planner.training.request import TrainRequest
from planner.training.states import optimizers

SHARDED = ("zero3", "fsdp", "fsdp-grad-op", "fsdp-no-sync")
"""Ways that gather weights from the other replicas."""

FITTED = "data/calibration/training_speed.csv"
ARITHMETIC = Formula("tokens * flops / ranks / (tflops * 1e12 * reached)", "s", FITTED)
TRAFFIC = Formula("bytes_moved * passes / (gb_per_s * 1e9)", "s", FITTED)
UNPACKING = Formula(
    "packed * bytes_each * times / (gb_per_s * 1e9)",
    "s",
    "a packed weight is read, written in 16 bit and read again, each time a matrix is used",
)
LAUNCHES = Formula("kernels * times * launch_us * 1e-6", "s", FITTED)
GATHERING = Formula(
    "shard_bytes * rounds * (replicas - 1) / replicas / (link_gb_per_s * 1e9 * link_reached)",
    "s",
    "ZeRO (arXiv:1910.02054), section 7",
)
MICRO = Formula(
    "((arithmetic + traffic + unpacking) ** 2 + launches**2 + gathering**2) ** 0.5 + exchanges",
    "s",
    "they overlap, but not wholly",
)
SUMMING = Formula(
    "2 * gradient_bytes * (replicas - 1) / replicas / (link_gb_per_s * 1e9 * link_reached) * exposed",
    "s",
    "a ring all-reduce, mostly under the backward pass",
)
OPTIMIZER = Formula("moved_bytes / (gb_per_s * 1e9)", "s", "each state is read and written once a step")
STEP = Formula(
    "micro * (accumulation + stages - 1) + summing + optimizer",
    "s",
    "1F1B pipeline (arXiv:2104.04473): stages - 1 micro-batches of filling and draining",
)
RATE = Formula("tokens * accumulation * replicas / seconds", "tokens/s")


@dataclass(frozen=True)
class Fitted:
    """Coefficients of the calibration; see its columns."""

    reached: float
    power: float
    most: float
    passes: float
    launch_us: float
    nf4_times: float
    gptq_times: float
    link_reached: float
    exposed: float
    low: float
    high: float


def fitted() -> Fitted:
    row = {line["coefficient"]: float(line["value"]) for line in table("calibration/training_speed")}
    return Fitted(**row)


@dataclass(frozen=True)
class TrainSpeed:
    """Seconds and tokens a second; `busy` is the part of the time in which the GPU computes."""

    step_s: Estimate
    tokens_per_s: Estimate
    tokens_per_step: int
    mfu: float
    busy: float
    limit: str


def speed(case: TrainCase, coefficients: Fitted | None = None) -> TrainSpeed | None:
    """The speed of the slowest GPU; None without one."""
    if not case.gpus:
        return None
    c = coefficients or fitted()
    case, trained_on = batched(case)
    request, token = case.request, work(case)
    gpu = min(case.gpus, key=peak_tflops)
    share = 1 / (case.tensor * case.pipeline)
    bandwidth = gpu.bandwidth_gb_per_s
    arithmetic = ARITHMETIC(
        "Arithmetic of a micro-batch",
        tokens=case.tokens,
        flops=token.flops,
        ranks=case.tensor * case.pipeline,
        tflops=peak_tflops(gpu, request.precision),
        reached=reached(gpu, c),
    )
    produced, kernels = _produced(case, token)
    traffic = TRAFFIC(
        "Traffic of element-wise kernels",
        bytes_moved=int(produced * share),
        passes=c.passes * fused(request),
        gb_per_s=bandwidth,
    )
    passes = 3 if request.checkpointing == "full" else 2
    held = timed_parts(case)
    gptq = case.scheme is not None and case.scheme.format.id.startswith("gptq")
    unpacking = UNPACKING(
        "Unpacking of weights",
        packed=int(held.packed * share),
        bytes_each=4.5,
        times=passes * (c.gptq_times if gptq else c.nf4_times),
        gb_per_s=bandwidth,
    )
    launches = LAUNCHES(
        "Launches",
        kernels=int(kernels * share),
        times=(passes + 1) * (0.5 if request.compile else 1),
        launch_us=c.launch_us,
    )
    link = between(gpu, len(case.gpus)).gb_per_s if len(case.gpus) > 1 else pcie(gpu).gb_per_s
    gathering = GATHERING(
        "Gathering of shards",
        shard_bytes=_gathered(case, held),
        rounds=_rounds(case),
        replicas=max(case.replicas, 2),
        link_gb_per_s=link,
        link_reached=c.link_reached,
    )
    stream = case.tokens * case.model.main.hidden_size * case.widths.activation
    exchanges = 0.0
    if case.tensor > 1:
        rounds = 4 + 2 * (request.checkpointing == "full")
        exchanges = (
            len(case.model.main.layers)
            / case.pipeline
            * rounds
            * 2
            * stream
            * (case.tensor - 1)
            / case.tensor
            / (between(gpu, case.tensor).gb_per_s * 1e9 * c.link_reached)
        )
    compute = float(arithmetic.value) + float(traffic.value) + float(unpacking.value)
    micro = MICRO(
        "One micro-batch",
        arithmetic=float(arithmetic.value),
        traffic=float(traffic.value),
        unpacking=float(unpacking.value),
        launches=float(launches.value),
        gathering=float(gathering.value),
        exchanges=exchanges,
    )
    gradient = int(held.trainable * share * case.widths.gradient)
    summed = case.replicas > 1 and case.sharding in ("ddp", "zero1", "zero2")
    summing = SUMMING(
        "Summing of gradients",
        gradient_bytes=gradient if summed else 0,
        replicas=case.replicas,
        link_gb_per_s=link,
        link_reached=c.link_reached,
        exposed=c.exposed,
    )
    optimizer = _optimizer(case, held, gpu, share)
    step = STEP(
        "One step",
        micro=float(micro.value),
        accumulation=request.gradient_accumulation,
        stages=case.pipeline,
        summing=float(summing.value),
        optimizer=float(optimizer.value),
    )
    rate = RATE(
        "Tokens a second",
        tokens=trained_on,
        accumulation=request.gradient_accumulation,
        replicas=case.replicas,
        seconds=float(step.value),
    )
    steps = (*token.steps, arithmetic, traffic, unpacking, launches, gathering, micro, summing, optimizer, step)
    useful = token.flops * float(rate.value) / len(case.gpus) / (peak_tflops(gpu, request.precision) * 1e12)
    limits = {"compute": compute, "launches": float(launches.value), "link": float(gathering.value)}
    busy = min(compute / float(micro.value), 1.0) if micro.value else 0.0
    return TrainSpeed(
        Estimate.between(1 / c.high, 1 / c.low, *steps),
        Estimate.between(c.low, c.high, *steps, rate),
        case.tokens * request.gradient_accumulation * case.replicas,
        useful,
        busy,
        max(limits, key=lambda name: limits[name]),
    )


def batched(case: TrainCase) -> tuple[TrainCase, float]:
    """The case with the sequences that a micro-batch really holds, and the tokens of it that are no padding.

    Samples that are not packed are padded to the longest of their batch: with lengths spread about as widely as their
    mean, the longest of b is about mean * (1 + ln(b) / 3), at most the limit.
    """
    request = case.request
    if request.packing or request.tokens_per_sample is None or request.tokens_per_sample >= request.seq_len:
        return case, float(case.tokens)
    mean = request.tokens_per_sample
    longest = min(mean * (1 + log(request.micro_batch) / 3), request.seq_len)
    return case.with_request(seq_len=max(round(longest), 1)), request.micro_batch * mean


def fused(request: TrainRequest) -> float:
    """What is left of element-wise traffic where kernels are fused: by the compiler, or by the library that also fuses
    the loss.
    """
    return 0.7 if request.compile else 0.5 if request.fused_cross_entropy else 1.0


def reached(gpu: Gpu, c: Fitted) -> float:
    """Fraction of the peak that matrix products reach: less, the less power a card has for each TFLOP/s, since its
    clock falls under load.

    min(most, reached * (watts / TFLOP/s) ^ power); the two ends are an A100 at 0.69 and an H100 at 0.53, both by
    published MFU.
    """
    peak = peak_tflops(gpu)
    return round(min(c.most, c.reached * (gpu.tdp_w / peak) ** c.power), 4) if gpu.tdp_w and peak else c.reached


def peak_tflops(gpu: Gpu, precision: str = "bf16") -> float:
    """Dense peak of the arithmetic that training does in this precision, in TFLOP/s; the shader rate where there are no
    matrix units.
    """
    plain = gpu.fp32_tflops or gpu.bandwidth_gb_per_s / 20
    if precision == "fp32":
        return plain
    if precision == "fp8" and gpu.fp8_tflops:
        return gpu.fp8_tflops
    half = gpu.fp16_tflops if precision == "fp16-mixed" else gpu.bf16_tflops
    return half or (plain if gpu.fp16_tflops is None or precision != "fp16-mixed" else gpu.fp16_tflops)


def _produced(case: TrainCase, token: Work) -> tuple[int, int]:
    """Bytes that the operations of all layers and of the loss put out in one micro-batch, and how many operations they
    are.
    """
    setting, main, encoder = setting_of(case), case.model.main, case.encoder
    stacks = [(main, setting), *([(encoder, replace(setting, length=case.source, source=0))] if encoder else [])]
    size = count = 0
    for stack, one in stacks:
        for layer, times in stack.distinct:
            tape = layer_tape(layer, stack.hidden_size, one)
            size += times * sum(tape.sizes)
            count += times * (len(tape.ops) + 3 * sum(case.trained.packed(tensor) for tensor in layer.all_tensors))
    logits = case.tokens * case.model.vocab_size * (4 if case.request.fused_cross_entropy else 14) if token.head else 0
    return (size + logits) * (3 if case.request.checkpointing == "full" else 2), count + 20


def _gathered(case: TrainCase, held: Held) -> int:
    """Bytes of weights that a replica collects from the others, or from the host, in one pass."""
    if case.sharding in SHARDED or case.request.offload == "weights":
        return (held.frozen + held.trained) // (case.tensor * case.pipeline)
    return 0


def _rounds(case: TrainCase) -> int:
    """How often shards travel in a micro-batch: forward, backward, and gradients on their way back where weights are
    trained.
    """
    return 2 + (case.request.method == "full")


def _optimizer(case: TrainCase, held: Held, gpu: Gpu, share: float) -> Step:
    spread = case.replicas if case.sharding in ("zero1", "zero2", *SHARDED) else 1
    each = (
        case.widths.weight
        + case.widths.gradient
        + 2 * case.widths.master
        + 4 * (case.widths.moment or case.widths.gradient) * optimizers()[case.request.optimizer].moments / 2
    )
    if case.request.offload in ("optimizer", "weights"):
        return OPTIMIZER(
            "Optimizer on the host",
            moved_bytes=int(held.trainable * each * share),
            gb_per_s=(case.request.system.ram_gb_per_s or 80) / 2,
        )
    return OPTIMIZER(
        "Optimizer", moved_bytes=int(held.trainable * each * share / spread), gb_per_s=gpu.bandwidth_gb_per_s
    )
