"""DeepSeek-V4: attention over a short window and over compressed blocks of everything before, with several residual
streams.
"""

from __future__ import annotations

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat
from planner.architecture.families.deepseek import latent_shape
from planner.architecture.families.moe import DEEPSEEK
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Cache, Layer, Mixer, Tensor
from planner.architecture.traits import Traits, experts, finish, norms

ROW = Traits(experts=DEEPSEEK)
HIGH = 2**20
SPARSE, HEAVY = "compressed_sparse_attention", "heavily_compressed_attention"


def streams(name: str, count: int, hidden: int, outputs: int, scales: int) -> tuple[Tensor, ...]:
    """A hyper-connection: a matrix over all residual streams, its offsets and scales."""
    return (
        Tensor(f"{name}fn", (outputs, count * hidden), "linear"),
        Tensor(f"{name}base", (outputs,), "scalar"),
        Tensor(f"{name}scale", (scales,), "scalar"),
    )


def compressor(name: str, rate: int, width: int, normed: int, hidden: int, role: str) -> tuple[Tensor, ...]:
    """What turns `rate` tokens into one cache entry: keys, gates and a position bias of `width`, a norm of `normed`."""
    kind = "indexer" if role == "indexer" else "linear"
    return (
        Tensor(f"{name}.position_bias", (rate, width), "position_embedding"),
        *parts.linear(f"{name}.kv_proj", width, hidden, kind),  # type: ignore[arg-type]
        *parts.linear(f"{name}.gate_proj", width, hidden, kind),  # type: ignore[arg-type]
        *parts.norm(f"{name}.kv_norm", normed),
    )


def kinds_of(config: Config, layers: int) -> list[tuple[str, int]]:
    """Kind and compression rate of each layer:

    `compress_ratios` gives the rate (0 is the window alone), or `layer_types` the kind.
    """
    ratios = config.list("compress_ratios", length=layers)
    if ratios is not None:
        rates = [
            Config({"compress_ratios": ratio}).int("compress_ratios", low=0, high=HIGH) for ratio in ratios[:layers]
        ]
        return [(patterns.SLIDING if not rate else SPARSE if rate < 64 else HEAVY, rate) for rate in rates]
    kinds = patterns.listed(config, layers) or [
        HEAVY if index < 2 or index % 2 == 0 else SPARSE for index in range(layers)
    ]
    rates_by_kind = config.section("compress_rates") or Config({})
    return [
        (
            kind,
            rates_by_kind.int(kind, default={SPARSE: 4, HEAVY: 128}[kind], high=HIGH) if kind in (SPARSE, HEAVY) else 0,
        )
        for kind in kinds
    ]


def mixer(config: Config, s: Shape, kind: str, rate: int) -> Mixer:
    """One key-value head that is key and value at once; queries and output go through low ranks, the output in
    groups.
    """
    dim, rq = config.int("head_dim", default=512), config.int("q_lora_rank", default=1024)
    groups, ro = config.int("o_groups", default=8, high=HIGH), config.int("o_lora_rank", default=1024)
    name, window = "self_attn", config.int(*fields.WINDOW, default=128)
    tensors = (
        Tensor(f"{name}.sinks", (s.heads,), "scalar"),
        *parts.linear(f"{name}.q_a_proj", rq, s.hidden, "q_a"),
        *parts.norm(f"{name}.q_a_norm", rq),
        *parts.linear(f"{name}.q_b_proj", s.heads * dim, rq, "q_b"),
        *parts.linear(f"{name}.kv_proj", dim, s.hidden, "kv_a"),
        *parts.norm(f"{name}.kv_norm", dim),
        *parts.linear(f"{name}.o_a_proj", groups * ro, s.heads * dim // groups, "o"),
        *parts.linear(f"{name}.o_b_proj", s.hidden, groups * ro, "o"),
    )
    caches: tuple[Cache, ...] = (Cache("latent", dim, window=window),)
    if rate:
        width = 2 * dim if kind == SPARSE else dim
        tensors += compressor(f"{name}.compressor", rate, width, dim, s.hidden, "linear")
        caches += (Cache("latent", dim, every=rate),)
    if kind == SPARSE:
        heads, index_dim = config.int("index_n_heads", default=64, high=HIGH), config.int("index_head_dim", default=128)
        path = f"{name}.compressor.indexer"
        tensors += compressor(path, rate, 2 * index_dim, index_dim, s.hidden, "indexer")
        tensors += parts.linear(f"{path}.q_b_proj", heads * index_dim, rq, "indexer") + parts.linear(
            f"{path}.weights_proj", heads, s.hidden, "indexer"
        )
        caches += (Cache("indexer", index_dim, every=rate),)
    return Mixer("compressed_attention", tensors, caches, s.heads, 1, dim, dim, window)


@family("deepseek_v4")
def deepseek_v4(config: Config) -> Architecture:
    """Every layer has experts; the first few pick them by a table over the vocabulary instead of a router's score."""
    s = latent_shape(config)
    count = config.int("hc_mult", default=4, high=64)
    mixing = tuple(
        t for part in ("attn_hc.", "ffn_hc.") for t in streams(part, count, s.hidden, (2 + count) * count, 3)
    )
    around = norms(ROW, s.hidden, *ROW.norms) + mixing
    ffn = experts(config, ROW, s, shared_width=config.int("moe_intermediate_size"))
    kinds = kinds_of(config, s.layers)
    layers = repeat(
        s.layers, lambda index: kinds[index], lambda kind, rate: Layer((mixer(config, s, kind, rate),), ffn, around)
    )
    return finish(config, ROW, s, layers, after=streams("model.hc_head.hc_", count, s.hidden, count, 1))
