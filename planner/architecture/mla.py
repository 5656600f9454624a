"""Multi-head latent attention: keys and values of all heads come out of one small latent, which alone is cached.

Queries: hidden*rq + rq + rq*heads*(dn + dr), or hidden*heads*(dn + dr) without a query latent. Keys and values:
hidden*(r + dr) + r + r*heads*(dn + dv). Output: heads*dv*hidden. Cache: r + dr numbers a token, once for all heads, so
that tensor parallel cannot split it (DeepSeek-V2, arXiv:2405.04434). A sparse indexer adds its own key to the cache
(DeepSeek-V3.2).
"""

from __future__ import annotations

from planner.architecture import fields
from planner.architecture.config import Config
from planner.architecture.parts import linear, norm
from planner.architecture.tensors import Cache, Mixer, Tensor


def mla(
    config: Config,
    hidden: int,
    *,
    indexer: bool = False,
    window: int | None = None,
    prefix: str = "",
    name: str = "self_attn",
    query: tuple[str, int] = ("q_b_proj", 0),
    extra: tuple[Tensor, ...] = (),
) -> Mixer:
    """One latent attention from the DeepSeek field names, each with `prefix` before it (`swa_` in some families).

    Args:
        indexer: it has a sparse indexer of its own (`index_n_heads`, `index_head_dim`).
        query: name of the matrix that makes queries, and how many more outputs it has (a gate).
    """

    def read(key: str, default: int | None = None, low: int = 1) -> int:
        return config.int(*((prefix + key, key) if prefix else (key,)), default=default, low=low)

    heads = config.int(*((prefix + "num_attention_heads",) if prefix else ()), *fields.HEADS, high=2**20)
    rq, r = read("q_lora_rank", 0, low=0), read("kv_lora_rank")
    nope, rope = read("qk_nope_head_dim"), read("qk_rope_head_dim", low=0)
    value = read("v_head_dim", nope)
    bias = config.flag("attention_bias", default=False)
    made, gate = query
    if rq:
        tensors = linear(f"{name}.q_a_proj", rq, hidden, "q_a", bias) + norm(f"{name}.q_a_layernorm", rq)
        tensors += linear(f"{name}.{made}", heads * (nope + rope) + gate, rq, "q_b")
    else:
        tensors = linear(f"{name}.q_proj", heads * (nope + rope) + gate, hidden, "q")
    tensors += linear(f"{name}.kv_a_proj_with_mqa", r + rope, hidden, "kv_a", bias) + norm(f"{name}.kv_a_layernorm", r)
    tensors += linear(f"{name}.kv_b_proj", heads * (nope + value), r, "kv_b")
    tensors += linear(f"{name}.o_proj", hidden, heads * value, "o", bias)
    caches: tuple[Cache, ...] = (Cache("latent", r + rope, window=window),)
    if indexer:
        index_heads, index_dim = config.int("index_n_heads", high=2**20), config.int("index_head_dim")
        path = f"{name}.indexer"
        tensors += linear(f"{path}.wq_b", index_heads * index_dim, rq or hidden, "indexer") + linear(
            f"{path}.wk", index_dim, hidden, "indexer"
        )
        tensors += norm(f"{path}.k_norm", index_dim, True) + linear(
            f"{path}.weights_proj", index_heads, hidden, "indexer"
        )
        caches += (Cache("indexer", index_dim),)
    selects = config.int("index_topk", default=2_048) if config.has("index_n_heads") else 0
    return Mixer("mla", tensors + extra, caches, heads, heads, nope + rope, value, window, selects=selects)
