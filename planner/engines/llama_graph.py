"""The results that llama.cpp computes layer by layer, as far as they need memory: what each mixer and feed-forward leaves behind.

Every function adds the results of one block to a graph and returns its output. Sizes are for `u` tokens, 4 bytes a number.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-graph.cpp and src/models, as of October 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Ffn, Layer, Mixer, Role, Stack
from planner.engines.graph_allocator import Graph


@dataclass
class Builder:
    """A graph under construction for one device.

    Attributes:
        u: tokens of a pass.
        cells: of the cache by window, in one stream.
        streams: of the cache.
        slots: sequences, each with a state.
        flash: whether flash attention runs.
        unpack: bytes that a number of a quantized cache takes when unpacked, 0 for others; what meets a quantized cache is rotated.
    """

    graph: Graph
    hidden: int
    u: int
    cells: dict[int | None, int]
    streams: int
    slots: int
    flash: bool
    unpack: int

    def node(self, width: int, *reads: int, inplace: bool = False, extra: int = 0) -> int:
        return self.graph.add(4 * self.u * width + extra, *reads, inplace=inplace)

    def read(self, *reads: int) -> None:
        self.graph.add(0, *reads)

    def layer(self, layer: Layer, stream: int) -> int:
        """A layer from the residual stream to the residual stream."""
        normed = self.node(self.hidden, stream)
        alone = layer.ffn is not None and sum(1 for tensor in layer.tensors if tensor.role == "norm") == 1 and bool(layer.mixers)
        outs = []
        for mixer in layer.mixers:
            outs.append(self.mixer(mixer, normed))
        mixed = outs[0] if outs else stream
        for other in outs[1:]:
            mixed = self.node(self.hidden, mixed, other, inplace=True)
        if alone and layer.ffn:
            out = self.ffn(layer.ffn, normed)
            mixed = self.node(self.hidden, out, mixed, inplace=True)
            return self.node(self.hidden, mixed, stream, inplace=True)
        if outs:
            stream = self.node(self.hidden, mixed, stream, inplace=True)
            normed = self.node(self.hidden, stream) if layer.ffn else stream
        if layer.ffn is None:
            return stream
        if layer.ffn.experts and sum(1 for tensor in layer.ffn.tensors if tensor.role == "gate") and layer.ffn.width:
            dense = self.dense(normed, layer.ffn.width, layer.ffn.gated, "gate_up" in roles(layer.ffn))
            own = self.node(self.hidden, stream)
            routed = self.moe(layer.ffn, own, shared=False)
            out = self.node(self.hidden, dense, routed, inplace=True)
        else:
            out = self.ffn(layer.ffn, normed)
        return self.node(self.hidden, out, stream, inplace=True)

    def mixer(self, m: Mixer, normed: int) -> int:
        if m.kind == "mla":
            return self.latent(m, normed)
        if m.kind in ("mamba", "mamba2"):
            return self.mamba(m, normed)
        if m.kind in ("gated_delta_net", "kda"):
            return self.delta(m, normed)
        if m.kind == "short_conv":
            return self.short_conv(normed)
        return self.attention(m, normed)

    def attention(self, m: Mixer, normed: int) -> int:
        q, k, v = m.heads * m.key_dim, m.kv_heads * m.key_dim, m.kv_heads * m.value_dim
        out = m.heads * m.value_dim
        found = {tensor.role: tensor for tensor in m.tensors if tensor.is_matrix}
        gate: int | None = None
        if "qkv" in found:
            fused = self.node(q + k + v, normed)
            query = self.node(q, fused)
            key = self.node(k, fused)
            value = fused
        else:
            whole = found["q"].shape[0] if "q" in found else q
            query = self.node(whole, normed)
            gate = query if whole > q else None
            query = self.node(q, query)
            value = self.node(v, normed) if m.caches else query
            key = self.node(k, self.node(k, normed)) if m.caches else query
        if m.caches:
            self.read(key)
            self.read(value)
        n = self.cells[m.window]
        if self.flash and self.unpack:
            query = self.node(q, query)
            done = self.node(out, query, extra=self.unpack * n * self.streams * m.kv_heads * (m.key_dim + m.value_dim))
            done = self.node(out, done)
        elif self.flash:
            done = self.node(out, query)
        else:
            scores = self.node(m.heads * n, query)
            scores = self.node(m.heads * n, scores, inplace=True)
            values = self.node(out, scores)
            done = self.node(out, values)
        if gate is not None:
            opened = self.node(out, gate)
            done = self.node(out, done, opened, inplace=True)
        return self.node(self.hidden, done)

    def latent(self, m: Mixer, normed: int) -> int:
        """Latent attention in the space of the latent: every head attends to the one cached vector."""
        found = {tensor.role: tensor for tensor in m.tensors if tensor.is_matrix}
        latent = found["kv_b"].shape[-1] if "kv_b" in found else m.key_dim
        kept = next((cache.elements for cache in m.caches if cache.name == "latent"), latent)
        rotary = kept - latent
        query = normed
        if "q_a" in found:
            query = self.node(found["q_a"].shape[0], normed)
            query = self.node(found["q_a"].shape[0], query, inplace=True)
        n = self.cells[m.window]
        full = self.node(m.heads * m.key_dim, query)
        both = self.node(kept, normed)
        turned = self.node(m.heads * rotary, full)
        key_turned = self.node(rotary, both)
        key = self.node(latent, both)
        absorbed = self.node(m.heads * latent, full)
        query = self.node(m.heads * kept, absorbed, turned)
        keys = self.node(kept, key, key_turned)
        self.read(keys)
        self.read(key)
        if self.flash:
            done = self.node(m.heads * latent, query, extra=self.unpack * n * self.streams * kept)
        else:
            scores = self.node(m.heads * n, query)
            scores = self.node(m.heads * n, scores, inplace=True)
            values = self.graph.add(2 * n * self.streams * latent)
            done = self.node(m.heads * latent, scores, values)
        out = self.node(m.heads * m.value_dim, done)
        out = self.node(m.heads * m.value_dim, out)
        return self.node(self.hidden, out)

    def mamba(self, m: Mixer, normed: int) -> int:
        shapes = {tensor.role: tensor.shape for tensor in m.tensors if tensor.is_matrix}
        state = next(cache.elements for cache in m.caches if cache.name == "state")
        wide, inner = shapes["ssm_in"][0], shapes["ssm_out"][-1]
        conv = shapes["conv"][0]
        taken = self.node(wide, normed)
        before = self.node(conv, taken, extra=16 * conv * self.slots)
        self.read(before)
        x = self.node(conv, before)
        if m.kind == "mamba":
            low = self.node(shapes["ssm_x"][0], x)
            step = self.node(inner, low)
        else:
            low = x
            step = self.node(m.heads, taken)
        y = self.node(inner, x, step, low, extra=4 * state * self.slots)
        self.read(y)
        skip = self.node(inner, x, inplace=conv == inner)
        y = self.node(inner, y, skip)
        if m.kind == "mamba":
            gate = self.node(inner, taken)
            y = self.node(inner, gate, y)
        else:
            y = self.node(inner, taken, y)
        return self.node(self.hidden, y)

    def delta(self, m: Mixer, normed: int) -> int:
        keys, values = m.kv_heads * m.key_dim, m.heads * m.value_dim
        state = m.heads * m.key_dim * m.value_dim
        conv = 2 * keys + values
        mixed = self.node(conv, normed)
        gate = self.node(values, normed)
        beta = self.node(m.heads, normed)
        decay = self.node(m.heads, normed)
        before = self.node(conv, mixed, extra=12 * conv * self.slots)
        self.read(before)
        x = self.node(conv, before)
        x = self.node(conv, x, inplace=True)
        query, key = self.node(keys, x), self.node(keys, x)
        out = self.node(values, query, key, x, beta, decay, extra=4 * state * self.slots)
        self.read(out)
        normal = self.node(values, out)
        done = self.node(values, normal, gate, inplace=True)
        return self.node(self.hidden, done)

    def short_conv(self, normed: int) -> int:
        three = self.node(3 * self.hidden, normed)
        x = self.node(self.hidden, three)
        before = self.node(self.hidden, x, extra=8 * self.hidden * self.slots)
        self.read(before)
        y = self.node(self.hidden, before)
        y = self.node(self.hidden, three, y)
        return self.node(self.hidden, y)

    def ffn(self, ffn: Ffn, normed: int) -> int:
        if ffn.experts:
            return self.moe(ffn, normed)
        return self.dense(normed, ffn.width, ffn.gated, "gate_up" in roles(ffn))

    def dense(self, normed: int, width: int, gated: bool, fused: bool) -> int:
        if not gated:
            inner = self.node(width, normed)
        elif fused:
            inner = self.node(width, self.node(2 * width, normed))
        else:
            gate = self.node(width, normed)
            inner = self.node(width, gate, self.node(width, normed))
        return self.node(self.hidden, inner)

    def moe(self, ffn: Ffn, normed: int, shared: bool = True) -> int:
        """Routed experts: a choice, the chosen experts' results side by side, weighted and added."""
        k, width = ffn.top_k, ffn.expert_width
        down = next(tensor for tensor in ffn.tensors if tensor.role == "expert_down")
        size = down.shape[0]
        logits = self.node(ffn.experts, normed)
        chosen = self.node(ffn.experts, logits)
        weights = self.node(k, logits, chosen)
        if not ffn.gated:
            inner = self.node(k * width, normed, chosen)
        elif "expert_gate_up" in roles(ffn):
            inner = self.node(k * width, self.node(2 * k * width, normed, chosen))
        else:
            gate = self.node(k * width, normed, chosen)
            inner = self.node(k * width, gate, self.node(k * width, normed, chosen))
        results = self.node(k * size, inner, chosen)
        weighted = self.node(k * size, results, weights, inplace=k < 2)
        out = self.node(size, weighted, results, weights)
        if shared and ffn.width:
            beside = self.dense(normed, ffn.width, ffn.gated, "shared_gate_up" in roles(ffn))
            out = self.node(self.hidden, out, beside, inplace=True)
        else:
            self.read(normed)
        return out


def roles(ffn: Ffn) -> set[Role]:
    return {tensor.role for tensor in ffn.tensors}


def sample(layers: Sequence[Layer], most: int = 2) -> list[Layer]:
    """The first layers of each kind, in order: the buffer does not grow beyond them."""
    seen: dict[int, int] = {}
    found = []
    for layer in layers:
        seen[id(layer)] = seen.get(id(layer), 0) + 1
        if seen[id(layer)] <= most:
            found.append(layer)
    return found


def build(stack: Stack, layers: Sequence[Layer], to: Builder, logits: int, vocab: int) -> Graph:
    """The results of these layers, and of logits for so many tokens if the output is here too."""
    stream = to.node(stack.hidden_size)
    inputs = to.graph.add(1)
    lasting = [inputs]
    table = next((tensor for tensor in stack.before if tensor.role == "per_layer_embedding"), None)
    if table is not None:
        looked_up = to.node(table.shape[-1])
        projected = to.node(table.shape[-1], to.node(table.shape[-1], stream))
        lasting.append(to.node(table.shape[-1], to.node(table.shape[-1], projected, looked_up, inplace=True)))
    for layer in sample(layers):
        stream = to.layer(layer, stream)
    if logits:
        last = to.graph.add(4 * logits * stack.hidden_size, stream)
        last = to.graph.add(4 * logits * stack.hidden_size, last)
        to.graph.add(4 * logits * vocab, last)
    to.read(*lasting)
    return to.graph
