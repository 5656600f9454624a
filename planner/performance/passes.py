"""Seconds of one pass of a place: over one token of each sequence, over a part of a prompt, or over both at once.

    weights   ((bytes / (bandwidth * reached)) ** p + (FLOPs / (peak * reached)) ** p) ** (1 / p)      once a pass
    attention max(bytes / (bandwidth * reached), FLOPs / (peak * reached))        for each sequence
    overhead  layers * launch + step + sequences * handling                        beside both
    recurrent tokens * layers * time of one                                        states advance token by token
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

WEIGHTS = Formula(
    "((weight_bytes / (bandwidth * reached)) ** blend + (flops / (peak_flops * computed)) ** blend) ** (1 / blend)",
    "s",
    CALIBRATED,
)
PADDED = Formula(
    "routed_flops * (1 + tile_rows / rows)",
    "FLOP",
    "the matrices of routed experts, each with the few rows that chose it, padded to a tile",
)
ATTENTION = Formula(
    "sequences * max(cache_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED
)
PROMPT = Formula("max(cache_bytes / (bandwidth * reached), flops / (peak_flops * computed))", "s", CALIBRATED)
OVERHEAD = Formula(
    "layers * layer_s + sparse_layers * sparse_layer_s + state_layers * state_layer_s + sequences * sequence_s",
    "s",
    CALIBRATED,
)
RECURRENT = Formula("tokens * state_layers * state_token_s", "s", "states of a prompt advance token by token")
LINK = Formula(
    "exchanges * (latency_s + moved_bytes / (link_bandwidth * reached))",
    "s",
    "data/interconnects.csv; 2 all-reduces a layer, Megatron-LM, arXiv:1909.08053",
)
STAGED = Formula(
    "weight_bytes / link_bandwidth + weight_bytes / copy_bandwidth + flops / (peak_flops * computed)",
    "s",
    "weights made ready and fetched once a pass, then multiplied: ggml's scheduler for batches of 32 tokens or more",
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
    place: Place,
    rates: Rates,
    sequences: float,
    depth: float,
    prompt: float = 0.0,
    before: float = 0.0,
    each: float = 1.0,
) -> Seconds:
    """`each` tokens (one, or more that were drafted) of each of `sequences` sequences that hold `depth` tokens, and
    `prompt` tokens of a prompt after `before` others.
    """
    work, name = place.work, place.gpu.name if place.gpu else "the host"
    tokens = sequences * each + prompt
    read = work.dense_bytes + work.touched_bytes(rates.different(tokens * place.peers)) + work.head_bytes
    flops = work.flops * tokens + work.head_flops * (sequences * each + (1 if prompt else 0))
    memory = {"bandwidth": rates.bandwidth_bytes_s, "peak_flops": rates.peak_flops}
    padded = padding(work, rates, tokens * place.peers, rates.tile_rows if prompt else rates.decode_tile_rows)
    routed = [] if padded is None else [padded]
    shaped = flops + (float(padded.value) / place.peers - work.routed_flops * tokens if padded else 0.0)
    weights = WEIGHTS(
        f"Weights on {name}",
        weight_bytes=read,
        reached=rates.bandwidth,
        flops=shaped,
        computed=rates.compute,
        blend=rates.blend,
        **memory,
    )
    steps, attention, moved, scored = [*routed, weights], 0.0, read, flops
    if sequences:
        cache = work.cache_bytes(depth) + rates.latent_reads * work.repeated_bytes(depth)
        scores = each * work.decode_score_flops(depth)
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
        if work.state_layers:
            states = RECURRENT(
                f"Recurrent states of the prompt on {name}",
                tokens=prompt,
                state_layers=work.state_layers,
                state_token_s=rates.state_token_s,
            )
            steps.append(states)
            attention += float(states.value)
    overhead = OVERHEAD(
        f"Launches and handling on {name}",
        layers=work.layers,
        layer_s=rates.layer_s,
        sparse_layers=work.sparse_layers,
        sparse_layer_s=rates.sparse_layer_s,
        state_layers=work.state_layers,
        state_layer_s=rates.state_layer_s,
        sequences=sequences,
        sequence_s=rates.sequence_s,
    )
    steps.append(overhead)
    exchanges = _exchanges(place, rates, tokens)
    link = sum(float(step.value) for step in exchanges)
    bound = shaped / (rates.peak_flops * rates.compute) > read / (rates.bandwidth_bytes_s * rates.bandwidth)
    return Seconds(
        float(weights.value), attention, float(overhead.value), link, moved, scored, bound, (*steps, *exchanges)
    )


def padding(work: Work, rates: Rates, tokens: float, tile_rows: float) -> Step | None:
    """FLOPs of the routed experts in a pass over `tokens` tokens, each expert's matrix padded by `tile_rows` rows."""
    if not work.routed_flops:
        return None
    rows = work.rows_per_expert(tokens, rates.different(tokens))
    return PADDED(
        "Routed experts", routed_flops=work.routed_flops * tokens, tile_rows=tile_rows, rows=rows if rows else 1.0
    )


def fetched(work: Work, rates: Rates, link: Link, prompt: float, before: float) -> Seconds:
    """A part of a prompt through weights of the host, which a GPU with these rates fetches over its slot.

    Attention computes there too: what the weights' products are handed to is assigned to the same device, and a cache
    in system memory is sent along.
    """
    read = work.dense_bytes + work.touched_bytes(rates.different(prompt)) + work.head_bytes
    flops = work.flops * prompt + work.head_flops
    scores = work.prefill_score_flops(before + prompt) - work.prefill_score_flops(before)
    padded = padding(work, rates, prompt, rates.tile_rows)
    weights = STAGED(
        "Host weights fetched for a pass",
        weight_bytes=read,
        link_bandwidth=link.gb_per_s * 1e9,
        copy_bandwidth=rates.copy_bytes_s,
        flops=flops + (float(padded.value) - work.routed_flops * prompt if padded else 0.0),
        peak_flops=rates.peak_flops,
        computed=rates.compute,
    )
    attention = PROMPT(
        "Attention of the prompt over host layers",
        cache_bytes=work.cache_bytes(before),
        bandwidth=link.gb_per_s * 1e9,
        reached=1,
        flops=scores,
        peak_flops=rates.peak_flops,
        computed=rates.attention,
    )
    states = RECURRENT(
        "Recurrent states of the prompt over host layers",
        tokens=prompt,
        state_layers=work.state_layers,
        state_token_s=rates.state_token_s,
    )
    overhead = OVERHEAD(
        "Launches for host layers",
        layers=work.layers,
        layer_s=rates.layer_s,
        sparse_layers=work.sparse_layers,
        sparse_layer_s=rates.sparse_layer_s,
        state_layers=work.state_layers,
        state_layer_s=rates.state_layer_s,
        sequences=0,
        sequence_s=0.0,
    )
    return Seconds(
        float(weights.value),
        float(attention.value) + float(states.value),
        float(overhead.value),
        0.0,
        0.0,
        flops + scores,
        False,
        (*(() if padded is None else (padded,)), weights, attention, states, overhead),
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
