"""Latent attention in llama.cpp's graphs: every head attends to the one cached vector, or to those of its cells that an
indexer chose.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/models/deepseek2.cpp and glm-dsa.cpp, as of October 2026.
"""

from __future__ import annotations

from planner.architecture.tensors import Mixer
from planner.engines.llama_cpp.graph_pass import Pass


def latent(to: Pass, m: Mixer, normed: int) -> int:
    """Latent attention in the space of the latent: every head attends to the one cached vector."""
    found = {tensor.role: tensor for tensor in m.tensors if tensor.is_matrix}
    latent = found["kv_b"].shape[-1] if "kv_b" in found else m.key_dim
    kept = next((cache.elements for cache in m.caches if cache.name == "latent"), latent)
    rotary = kept - latent
    query = normed
    indexer = sorted(tensor.shape[0] for tensor in m.tensors if tensor.role == "indexer")
    if len(indexer) > 2:
        to.read(to.node(indexer[1], to.node(indexer[1], to.node(indexer[1], normed))))
    if "q_a" in found:
        query = to.node(found["q_a"].shape[0], normed)
        query = to.node(found["q_a"].shape[0], query, inplace=True)
    low = query
    n = to.cells[m.window]
    full = to.node(m.heads * m.key_dim, query)
    both = to.node(kept, normed)
    turned = to.node(m.heads * rotary, full)
    key_turned = to.node(rotary, both)
    key = to.node(latent, both)
    absorbed = to.node(m.heads * latent, full)
    query = to.node(m.heads * kept, absorbed, turned)
    keys = to.node(kept, key, key_turned)
    to.read(keys)
    to.read(key)
    mask = [selection(to, m, indexer, normed, low, n)] if m.selects else []
    if to.flash:
        done = to.node(m.heads * latent, query, *mask, extra=to.unpack * n * to.streams * kept)
    else:
        scores = to.node(m.heads * n, query)
        scores = to.node(m.heads * n, scores, *mask, inplace=True)
        values = to.graph.add(2 * n * to.streams * latent)
        done = to.node(m.heads * latent, scores, values)
    out = to.node(m.heads * m.value_dim, done)
    out = to.node(m.heads * m.value_dim, out)
    return to.node(to.hidden, out)


def selection(to: Pass, m: Mixer, indexer: list[int], normed: int, low: int, n: int) -> int:
    """The mask that leaves each token the cells that an indexer chose for it: this layer's, or the one before's where
    it has none.
    """
    zeros = to.zeros.pop()
    if len(indexer) > 2:
        heads, wide = indexer[0], indexer[-1]
        query = to.node(wide, to.node(wide, low))
        score = to.node(n, query, to.node(heads, normed))
        to.chosen = to.node(min(n, m.selects), to.node(min(n, m.selects), score))
    filled = to.graph.add((2 if to.flash else 4) * to.u * n)
    to.read(zeros, to.chosen, filled)
    return filled
