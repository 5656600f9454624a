"""The results that llama.cpp computes layer by layer, as far as they need memory: what each mixer and feed-forward
leaves behind.

Every function adds the results of one block to a graph and returns its output. Sizes are for `u` tokens, 4 bytes a
number.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-graph.cpp and src/models, as of October 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Ffn, Layer, Mixer, Role, Stack
from planner.engines.llama_cpp.allocator import Graph
from planner.engines.llama_cpp.graph_latent import latent
from planner.engines.llama_cpp.graph_pass import Pass

RECURRENT = ("mamba", "mamba2")


@dataclass
class Builder(Pass):
    """A graph under construction for one device, block by block."""

    def layer(self, layer: Layer, stream: int) -> int:
        """A layer from the residual stream to the residual stream."""
        normed = self.node(self.hidden, stream)
        if layer.ffn is not None and len(layer.mixers) == 1 and (layer.parallel or norms(layer) == 1):
            return self.side_by_side(layer.mixers[0], layer.ffn, normed, stream, norms(layer) > 1)
        outs = (
            self.both(layer.mixers, normed, stream)
            if len(layer.mixers) > 1
            else [self.mixer(mixer, normed) for mixer in layer.mixers]
        )
        mixed = outs[0] if outs else stream
        for other in outs[1:]:
            mixed = self.node(self.hidden, mixed, other, inplace=True)
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

    def side_by_side(self, m: Mixer, ffn: Ffn, normed: int, stream: int, own_norm: bool) -> int:
        """Attention and feed-forward of the same stream: the attention's last matrix waits until the feed-forward is
        done, but in families that add it first.
        """
        attended = self.attend(m, normed)
        if self.projects_first:
            mixed = self.projected(m, *attended)
            return self.node(
                self.hidden, self.node(self.hidden, mixed, self.ffn(ffn, normed), inplace=True), stream, inplace=True
            )
        out = self.ffn(ffn, self.node(self.hidden, stream) if own_norm else normed)
        out = self.node(self.hidden, out, stream, inplace=True)
        return self.node(self.hidden, out, self.projected(m, *attended), inplace=True)

    def both(self, mixers: tuple[Mixer, ...], normed: int, stream: int) -> list[int]:
        """Attention and a recurrence of the same stream, each through a norm of its own: both reach their caches before
        either is projected.
        """
        if [m.kind in RECURRENT for m in mixers] != [False, True] or mixers[0].kind == "mla":
            return [self.mixer(mixer, normed) for mixer in mixers]
        attended = self.attend(mixers[0], normed)
        scanned = self.scan(mixers[1], self.node(self.hidden, stream))
        return [self.projected(mixers[0], *attended), self.gated(mixers[1], *scanned)]

    def mixer(self, m: Mixer, normed: int) -> int:
        if m.kind == "mla":
            return latent(self, m, normed)
        if m.kind in RECURRENT:
            return self.gated(m, *self.scan(m, normed))
        if m.kind in ("gated_delta_net", "kda"):
            return self.delta(m, normed)
        if m.kind == "short_conv":
            return self.short_conv(normed)
        return self.attention(m, normed)

    def attention(self, m: Mixer, normed: int) -> int:
        return self.projected(m, *self.attend(m, normed))

    def projected(self, m: Mixer, done: int, gate: int | None) -> int:
        """The attention's last steps: values of a quantized cache are rotated back, a gate is applied, and the last
        matrix.
        """
        out = m.heads * m.value_dim
        if self.rotates(m):
            done = self.node(out, done)
        if gate is not None:
            done = self.node(out, done, self.node(out, gate), inplace=True)
        return self.node(self.hidden, done)

    def rotates(self, m: Mixer) -> bool:
        """Whether queries, keys and values are rotated to lose less in a quantized cache, which heads of multiples of
        64 are.
        """
        return bool(self.flash and self.unpack and m.key_dim % 64 == 0 and m.value_dim % 64 == 0)

    def attend(self, m: Mixer, normed: int) -> tuple[int, int | None]:
        """What the heads gathered, and the gate where the queries carry one."""
        q, k, v = m.heads * m.key_dim, m.kv_heads * m.key_dim, m.kv_heads * m.value_dim
        out = m.heads * m.value_dim
        found = {tensor.role: tensor for tensor in m.tensors if tensor.is_matrix}
        gate: int | None = None
        turns = self.rotates(m)
        if "qkv" in found:
            query = key = value = self.node(q + k + v, normed)
        else:
            whole = found["q"].shape[0] if "q" in found else q
            query = self.node(whole, normed)
            gate = query if whole > q else None
            key = value = -1
        query = self.node(q, query) if m.rotary or gate is not None else query
        query = self.node(q, query) if turns else query
        if m.caches:
            value = self.node(v, normed) if value < 0 else value
            value = self.node(v, value) if turns else value
            key = self.node(k, normed) if key < 0 else key
            key = self.node(k, key) if m.rotary else key
            key = self.node(k, key) if turns else key
            self.read(key)
            self.read(value)
        n = self.cells[m.window]
        if self.flash and self.unpack:
            done = self.node(out, query, extra=self.unpack * n * self.streams * m.kv_heads * (m.key_dim + m.value_dim))
        elif self.flash:
            done = self.node(out, query)
        else:
            scores = self.node(m.heads * n, query)
            scores = self.node(m.heads * n, scores, inplace=True)
            values = self.node(out, scores)
            done = self.node(out, values)
        return done, gate

    def scan(self, m: Mixer, normed: int) -> tuple[int, int, int]:
        """A state-space mixer up to its new state: what came in, what the convolution made of it, and the scan's
        result.
        """
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
        return taken, x, y

    def gated(self, m: Mixer, taken: int, x: int, y: int) -> int:
        """Its rest: the skip connection, the gate, and the last matrix."""
        shapes = {tensor.role: tensor.shape for tensor in m.tensors if tensor.is_matrix}
        inner = shapes["ssm_out"][-1]
        skip = self.node(inner, x, inplace=shapes["conv"][0] == inner)
        y = self.graph.add(4 * self.u * inner, y, skip, front=True)
        y = self.node(inner, self.node(inner, taken), y)
        return self.node(self.hidden, y)

    def delta(self, m: Mixer, normed: int) -> int:
        keys, values = m.kv_heads * m.key_dim, m.heads * m.value_dim
        state = m.heads * m.key_dim * m.value_dim
        conv = 2 * keys + values
        mixed = self.node(conv, normed)
        before = self.node(conv, mixed, extra=12 * conv * self.slots)
        self.read(before)
        x = self.node(conv, before)
        x = self.node(conv, x, inplace=True)
        query, key = self.node(keys, x), self.node(keys, x)
        decay, beta = self.node(m.heads, normed), self.node(m.heads, normed)
        out = self.node(values, query, key, x, beta, decay, extra=4 * state * self.slots)
        self.read(out)
        normal = self.graph.add(4 * self.u * values, out, front=True)
        done = self.node(values, normal, self.node(values, normed), inplace=True)
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


def norms(layer: Layer) -> int:
    """Norms of a layer outside its attention."""
    return sum(1 for tensor in layer.tensors if tensor.role == "norm")


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


def build(stack: Stack, layers: Sequence[Layer], to: Builder, logits: int, vocab: int, further: int = 0) -> Graph:
    """The results of these layers, and of logits for so many tokens if the output is here too.

    `further` numbers a token are held for layers beyond the first of each kind: those that unmask what an indexer chose
    exist for all from the start.
    """
    inner = sample(layers)
    to.zeros = [
        to.node(min(to.cells[mixer.window], mixer.selects))
        for layer in inner
        for mixer in layer.mixers
        if mixer.selects
    ]
    lasting = [to.node(further)] if further else []
    stream = to.node(stack.hidden_size)
    lasting.append(to.graph.add(1))
    table = next((tensor for tensor in stack.before if tensor.role == "per_layer_embedding"), None)
    if table is not None:
        looked_up = to.node(table.shape[-1])
        projected = to.node(table.shape[-1], to.node(table.shape[-1], stream))
        lasting.append(to.node(table.shape[-1], to.node(table.shape[-1], projected, looked_up, inplace=True)))
    for layer in inner:
        stream = to.layer(layer, stream)
    if logits:
        last = to.graph.add(4 * logits * stack.hidden_size, stream)
        last = to.graph.add(4 * logits * stack.hidden_size, last)
        to.graph.add(4 * logits * vocab, last)
    to.read(*lasting)
    return to.graph
