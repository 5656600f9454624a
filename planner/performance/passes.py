"""Seconds of one pass of a place: over one token of each sequence, over a part of a prompt, or over both at once.

    weights   max(bytes / (bandwidth * reached), FLOPs / (peak * reached))        once a pass
    attention max(bytes / (bandwidth * reached), FLOPs / (peak * reached))        for each sequence
    overhead  layers * launch + step + sequences * handling                        beside both
    link      exchanges * (latency + bytes / bandwidth)                            between ranks

Reached fractions and overheads are those of `planner.performance.rates`. The roofline is Williams, Waterman, Patterson
(2009), https://doi.org/10.1145/1498765.1498785.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.formula import Formula, Step
from planner.performance.links import Link, between
from planner.performance.places import Place
from planner.performance.rates import Rates
from planner.performance.work import Work

CALIBRATED = "data/calibration/speed.csv, fitted by python -m planner.calibrate.speed"

WEIGHTS = Formula("max(weight_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED)
ATTENTION = Formula(
    "sequences * max(cache_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED
)
PROMPT = Formula("max(cache_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED)
OVERHEAD = Formula("layers * layer_s + sparse_layers * sparse_layer_s + sequences * sequence_s", "s", CALIBRATED)
LINK = Formula(
    "exchanges * (latency_s + moved_bytes / (link_bandwidth * reached))",
    "s",
    "data/interconnects.csv; 2 all-reduces a layer, Megatron-LM, arXiv:1909.08053",
)
STAGED = Formula(
    "max(weight_bytes / link_bandwidth, flops / (peak_flops * computed))",
    "s",
    "weights fetched once a pass, ggml's scheduler for batches of 32 tokens or more",
)

STAGED_FROM = 32
"""Tokens in a pass from which llama.cpp computes host layers on a GPU (ggml-cuda's offload_op)."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """One place's time in a pass, by what it goes to, and how busy it keeps its memory and its arithmetic."""

    weights: float
    attention: float
    overhead: float
    link: float
    memory_bytes: float
    flops: float
    compute_bound: bool
    steps: tuple[Step, ...]

    @property
    def total(self) -> float:
        return self.weights + self.attention + self.overhead + self.link


def run(
    place: Place, rates: Rates, sequences: float, depth: float, prompt: float = 0.0, before: float = 0.0
) -> Seconds:
    """One token of each of `sequences` sequences that hold `depth` tokens, and `prompt` tokens of a prompt after
    `before` others.
    """
    work, tokens, name = place.work, sequences + prompt, place.gpu.name if place.gpu else "the host"
    asked = sequences + (1 if prompt else 0)
    computed = rates.compute * _sparse(work, rates)
    read = work.dense_bytes + work.touched_bytes(tokens * place.peers) + work.head_bytes
    flops = work.flops * tokens + work.head_flops * asked
    memory = {"bandwidth": rates.bandwidth_bytes_s, "peak_flops": rates.peak_flops}
    weights = WEIGHTS(
        f"Weights on {name}", weight_bytes=read, reached=rates.bandwidth, flops=flops, computed=computed, **memory
    )
    steps, attention, moved, scored = [weights], 0.0, read, flops
    if sequences:
        cache, scores = work.cache_bytes(depth), work.decode_score_flops(depth)
        decoding = ATTENTION(
            f"Attention on {name}",
            sequences=sequences,
            cache_bytes=cache,
            reached=rates.cache,
            flops=scores,
            computed=rates.attention,
            **memory,
        )
        steps.append(decoding)
        attention, moved, scored = float(decoding.value), moved + sequences * cache, scored + sequences * scores
    if prompt:
        cache, scores = (
            work.cache_bytes(before),
            work.prefill_score_flops(before + prompt) - work.prefill_score_flops(before),
        )
        reading = PROMPT(
            f"Attention of the prompt on {name}",
            cache_bytes=cache,
            reached=rates.cache,
            flops=scores,
            computed=rates.attention,
            **memory,
        )
        steps.append(reading)
        attention, moved, scored = attention + float(reading.value), moved + cache, scored + scores
    overhead = OVERHEAD(
        f"Launches and handling on {name}",
        layers=work.layers,
        layer_s=rates.layer_s,
        sparse_layers=work.sparse_layers,
        sparse_layer_s=rates.sparse_layer_s,
        sequences=sequences,
        sequence_s=rates.sequence_s,
    )
    steps.append(overhead)
    exchanges = _exchanges(place, rates, tokens)
    link = sum(float(step.value) for step in exchanges)
    bound = flops / (rates.peak_flops * computed) > read / (rates.bandwidth_bytes_s * rates.bandwidth)
    return Seconds(
        float(weights.value), attention, float(overhead.value), link, moved, scored, bound, (*steps, *exchanges)
    )


def fetched(work: Work, rates: Rates, link: Link, prompt: float, before: float) -> Seconds:
    """A part of a prompt through weights of the host, which a GPU with these rates fetches over its slot."""
    read = work.dense_bytes + work.touched_bytes(prompt) + work.head_bytes
    flops = work.flops * prompt + work.head_flops
    scores = work.prefill_score_flops(before + prompt) - work.prefill_score_flops(before)
    weights = STAGED(
        "Host weights fetched for a pass",
        weight_bytes=read,
        link_bandwidth=link.gb_per_s * 1e9,
        flops=flops,
        peak_flops=rates.peak_flops,
        computed=rates.compute * _sparse(work, rates),
    )
    attention = PROMPT(
        "Attention of the prompt over host layers",
        cache_bytes=0,
        bandwidth=rates.bandwidth_bytes_s,
        reached=rates.cache,
        flops=scores,
        peak_flops=rates.peak_flops,
        computed=rates.attention,
    )
    return Seconds(
        float(weights.value), float(attention.value), 0.0, 0.0, 0.0, flops + scores, False, (weights, attention)
    )


def _exchanges(place: Place, rates: Rates, tokens: float) -> list[Step]:
    """Sums of the ranks after each half of a layer; tokens sent to the experts of other replicas and back."""
    work, steps = place.work, []
    if place.gpu is None:
        return []
    for words, ranks, count, sent in (
        ("Exchanges", place.ranks, 2 * work.layers, tokens),
        (
            "Tokens to experts of other replicas and back",
            place.ranks * place.peers if place.peers > 1 else 1,
            2 * work.sparse_layers,
            tokens * place.peers,
        ),
    ):
        if ranks > 1 and count:
            link = between(place.gpu, ranks)
            steps.append(
                LINK(
                    f"{words} over {link.name}",
                    exchanges=count,
                    latency_s=link.exchange_s(ranks, 0, 1) + rates.link_s,
                    moved_bytes=2 * (ranks - 1) / ranks * 2 * sent * work.hidden,
                    link_bandwidth=link.gb_per_s * 1e9,
                    reached=rates.link,
                )
            )
    return steps


def _sparse(work: Work, rates: Rates) -> float:
    """Routed experts compute at a lower rate; their part of a token's FLOPs is taken as their part of the bytes it
    passes through.
    """
    if not work.experts:
        return 1.0
    routed = sum(size * share for size, share in work.experts)
    part = routed / max(routed + work.dense_bytes, 1)
    return 1 / (1 - part + part / rates.sparse_compute)
