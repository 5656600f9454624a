"""Seconds of one pass: over one token of each sequence, or over a part of a prompt.

    weights   max(bytes / (bandwidth * reached), FLOPs / (peak * reached))        once a pass
    attention max(bytes / (bandwidth * reached), FLOPs / (peak * reached))        for each sequence
    overhead  layers * launch + step + sequences * handling                        beside both
    link      exchanges * (latency + bytes / bandwidth)                            between ranks

Reached fractions and overheads are those of `planner.performance.rates`. The roofline is Williams, Waterman, Patterson (2009),
https://doi.org/10.1145/1498765.1498785.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.formula import Formula, Step
from planner.performance.links import Link, between, pcie
from planner.performance.places import Place
from planner.performance.rates import Rates
from planner.performance.work import Work

CALIBRATED = "data/calibration/speed.csv, fitted by python -m planner.calibrate.speed"

WEIGHTS = Formula("max(weight_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED)
ATTENTION = Formula("sequences * max(cache_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED)
OVERHEAD = Formula("layers * layer_s + sparse_layers * sparse_layer_s + sequences * sequence_s", "s", CALIBRATED)
LINK = Formula(
    "exchanges * (latency_s + moved_bytes / (link_bandwidth * reached))", "s", "data/interconnects.csv; 2 all-reduces a layer, Megatron-LM, arXiv:1909.08053"
)
STAGED = Formula(
    "max(weight_bytes / link_bandwidth, flops / (peak_flops * computed))", "s", "weights fetched once a pass, ggml's scheduler for batches of 32 tokens or more"
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


def decode(place: Place, rates: Rates, sequences: float, depth: float) -> Seconds:
    """One token of each of `sequences` sequences that hold `depth` tokens."""
    work = place.work
    read = work.dense_bytes + work.head_bytes + work.touched_bytes(sequences)
    flops = (work.flops + work.head_flops) * sequences
    cache, scores = work.cache_bytes(depth), work.decode_score_flops(depth)
    return _seconds(place, rates, sequences, sequences, read, flops, cache, scores, True)


def prefill(place: Place, rates: Rates, tokens: float, before: float, gpu: tuple[Rates, Link] | None = None) -> Seconds:
    """`tokens` tokens of one prompt, of which `before` are already in the cache.

    `gpu` is the device and the slot over which a place on the host is fetched, when there is one.
    """
    work = place.work
    read = work.dense_bytes + work.touched_bytes(tokens) + work.head_bytes
    flops = work.flops * tokens + work.head_flops
    cache = work.cache_bytes(before)
    scores = work.prefill_score_flops(before + tokens) - work.prefill_score_flops(before)
    if gpu is not None and place.staged and tokens >= STAGED_FROM:
        fetched, link = gpu
        weights = STAGED(
            "Host weights fetched for a pass", weight_bytes=read, link_bandwidth=link.gb_per_s * 1e9, flops=flops, peak_flops=fetched.peak_flops,
            computed=fetched.compute,
        )  # fmt: skip
        return Seconds(float(weights.value), scores / (fetched.peak_flops * fetched.attention), 0.0, 0.0, 0.0, flops + scores, False, (weights,))
    return _seconds(place, rates, 1, tokens, read, flops, cache, scores, False)


def _seconds(place: Place, rates: Rates, sequences: float, tokens: float, read: float, flops: float, cache: float, scores: float, decoding: bool) -> Seconds:
    work, name = place.work, place.gpu.name if place.gpu else "the host"
    computed = rates.compute * _sparse(work, rates)
    weights = WEIGHTS(
        f"Weights on {name}", weight_bytes=read, bandwidth=rates.bandwidth_bytes_s, reached=rates.bandwidth, flops=flops, peak_flops=rates.peak_flops,
        computed=computed,
    )  # fmt: skip
    attention = ATTENTION(
        f"Attention on {name}", sequences=sequences, cache_bytes=cache, bandwidth=rates.bandwidth_bytes_s, reached=rates.cache, flops=scores,
        peak_flops=rates.peak_flops, computed=rates.attention,
    )  # fmt: skip
    overhead = OVERHEAD(
        f"Launches and handling on {name}", layers=work.layers, layer_s=rates.layer_s, sparse_layers=work.sparse_layers, sparse_layer_s=rates.sparse_layer_s,
        sequences=sequences if decoding else 0, sequence_s=rates.sequence_s,
    )  # fmt: skip
    steps, link_s = [weights, attention, overhead], 0.0
    if place.ranks > 1 and place.gpu:
        link = between(place.gpu, place.ranks)
        exchange = LINK(
            f"Exchanges over {link.name}", exchanges=2 * work.layers, latency_s=link.exchange_s(place.ranks, 0, 1) + rates.link_s,
            moved_bytes=2 * (place.ranks - 1) / place.ranks * 2 * tokens * work.hidden, link_bandwidth=link.gb_per_s * 1e9, reached=rates.link,
        )  # fmt: skip
        steps.append(exchange)
        link_s = float(exchange.value)
    bound = flops / (rates.peak_flops * computed) > read / (rates.bandwidth_bytes_s * rates.bandwidth)
    return Seconds(
        float(weights.value), float(attention.value), float(overhead.value), link_s, read + sequences * cache, flops + sequences * scores, bound, tuple(steps)
    )


def _sparse(work: Work, rates: Rates) -> float:
    """Routed experts compute at a lower rate; their part of a token's FLOPs is taken as their part of the bytes it passes through."""
    if not work.experts:
        return 1.0
    routed = sum(size * share for size, share in work.experts)
    part = routed / max(routed + work.dense_bytes, 1)
    return 1 / (1 - part + part / rates.sparse_compute)


def slot(place: Place) -> Link | None:
    return pcie(place.gpu) if place.gpu else None
