"""The tape of one layer: its mixers and its ffn, operation by operation, from the architecture's own tensors.

A block is: norm, mixer, add; norm, ffn, add. A linear layer keeps its input if its weight is trained or carries an
adapter. Attention in blocks (SDPA, FlashAttention) keeps queries, keys, values, output and a row maximum; eager
attention keeps scores.
Sizes are bytes of one GPU: tokens * width * element bytes, widths divided by the tensor parallel degree where it cuts
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from planner.architecture.tensors import Ffn, Layer, Mixer, Tensor
from planner.parallelism.tensor_parallel import COLUMN, ROW
from planner.training.adapters import Trained, adapter_parameters
from planner.training.kernels import Kernels
from planner.training.tape import Ref, Tape

ATTENTION = frozenset(
    {"attention", "sliding_attention", "chunked_attention", "cross_attention", "mla", "compressed_attention"}
)
STAT = 4
"""Bytes of one fp32 statistic of a token: a norm's scale, a softmax's maximum."""


@dataclass(frozen=True)
class Setting:
    """What the sizes of a layer's tensors depend on besides the model.

    Attributes:
        sequences, length: of one micro-batch on one GPU.
        element: bytes of an activation.
        ranks: tensor parallel degree.
        padded: whether a batch carries a mask, for which keys and values are repeated for every query head.
        compiled: whether small operations are fused and recomputed.
        eager: whether attention keeps its scores.
        unpack: bytes a packed weight has when a kernel unpacks it.
        source: positions of the encoder that cross attention reads; 0 without one.
    """

    sequences: int
    length: int
    element: int
    kernels: Kernels
    trained: Trained
    ranks: int = 1
    padded: bool = True
    compiled: bool = False
    eager: bool = False
    unpack: int = 0
    source: int = 0

    @property
    def tokens(self) -> int:
        return self.sequences * self.length


@dataclass(frozen=True, slots=True)
class Merged:
    """Gradient bytes of some experts, and the copies of their weights that adapters are added to."""

    gradient: int
    kept: int


def layer_tape(layer: Layer, hidden: int, setting: Setting) -> Tape:
    """The operations of one layer from its entering stream to the stream that leaves it."""
    tape = Tape(setting.tokens * hidden * setting.element)
    maker = LayerMaker(tape, setting, hidden)
    norms = [tensor for tensor in layer.tensors if tensor.role == "norm" and len(tensor.shape) == 1]
    bare, after = setting.kernels.bare_norms, setting.kernels.after
    blocks = len(layer.mixers) + (layer.ffn is not None)
    count = 0 if after else len(norms) or bare
    parallel = not after and (count < blocks or setting.kernels.parallel)
    stream: Ref = tape.input
    entering = stream
    for index, part in enumerate((*layer.mixers, *((layer.ffn,) if layer.ffn else ()))):
        if count >= blocks or index == 0:
            entering = (
                maker.norm(tape.input if parallel else stream, hidden, norms[index] if index < len(norms) else None)
                if count
                else stream
            )
        output = maker.mixer(part, entering) if isinstance(part, Mixer) else maker.ffn(part, entering)
        if count > blocks and blocks + index < len(norms):
            output = maker.norm(output, hidden, norms[blocks + index])
        stream = tape.add(setting.tokens * hidden * setting.element, stream, output, shares=True)
        if after and index < len(norms):
            stream = maker.norm(stream, hidden, norms[index])
    return tape


class LayerMaker:
    """Puts the operations of one layer on a tape."""

    def __init__(self, tape: Tape, setting: Setting, hidden: int) -> None:
        self.tape, self.s, self.hidden = tape, setting, hidden

    def size(self, width: float, element: int | None = None) -> float:
        return self.s.tokens * width * (element or self.s.element)

    def cut(self, width: int) -> int:
        return -(-width // self.s.ranks)

    def norm(self, x: Ref, width: int, weight: Tensor | None, vectors: int = 1) -> Ref:
        """A normalisation over `vectors` parts of a token: what each way of writing it keeps, see `Kernels.norm`."""
        tape, s, wide = self.tape, self.s, self.size(width, 4)
        trained = weight is not None and s.trained.learns(weight)
        gradient = s.trained.gradient(weight) if weight is not None else 0
        stat = s.tokens * vectors * STAT
        if s.compiled or s.kernels.norm == "native":
            return tape.add(self.size(width), x, kept=[x], extra=stat, gradient=gradient)
        if s.element == 4:
            scaled = tape.add(wide, x, kept=[x], extra=stat, scratch=wide, backward_scratch=wide)
            return tape.add(
                wide,
                scaled,
                kept=[scaled] if trained else [],
                gradient=gradient,
                backward_scratch=wide if trained else 0,
            )
        wider = tape.add(wide, x)
        if s.kernels.norm == "fp32":
            return tape.add(self.size(width), tape.add(wide, wider, kept=[wider], extra=2 * stat))
        if s.kernels.norm == "centered":
            wider = tape.add(wide, wider)
        scaled = tape.add(
            wide,
            wider,
            *([x] if s.kernels.norm == "mixed" else []),
            kept=[wider, x] if s.kernels.norm == "mixed" else [wider],
            extra=stat,
            scratch=wide,
            backward_scratch=wide,
        )
        if s.kernels.norm in ("rms", "mixed"):
            narrow = tape.add(self.size(width), scaled)
            return tape.add(
                self.size(width),
                narrow,
                kept=[narrow] if trained else [],
                gradient=gradient,
                backward_scratch=self.size(width) if trained else 0,
            )
        product = tape.add(
            wide, scaled, kept=[scaled] if trained else [], gradient=gradient, backward_scratch=wide if trained else 0
        )
        return tape.add(self.size(width), product)

    def linear(self, x: Ref, weight: Tensor, inner: int, out: int, bias: Tensor | None = None) -> Ref:
        """A linear layer, with its adapter beside it if it has one."""
        tape, trained = self.tape, self.s.trained
        gradient = trained.gradient(weight) + (trained.gradient(bias) if bias else 0)
        unpacked = prod(weight.shape) // self.s.ranks * self.s.unpack if self.s.trained.packed(weight) else 0
        size = self.size(out)
        base = tape.add(
            size,
            x,
            kept=[x] if trained.learns(weight) else [],
            gradient=gradient // self.s.ranks,
            scratch=unpacked,
            backward_scratch=unpacked,
        )
        rank = trained.rank(weight)
        if not rank:
            return base
        small = tape.add(self.size(rank), x, kept=[x], gradient=rank * inner * trained.gradient_bytes)
        wide = tape.add(size, small, kept=[small], gradient=rank * out * trained.gradient_bytes)
        if trained.dora:
            return tape.add(
                size,
                base,
                wide,
                kept=[base, wide],
                scratch=size + prod(weight.shape) * self.s.element,
                backward_scratch=2 * size,
            )
        return tape.add(size, base, tape.add(size, wide), shares=True)

    def named(self, tensors: tuple[Tensor, ...], *roles: str) -> list[tuple[Tensor, Tensor | None]]:
        """Matrices of these roles, in their order, each with its bias."""
        biases = {tensor.name.removesuffix(".bias"): tensor for tensor in tensors if tensor.role == "bias"}
        return [
            (t, biases.get(t.name.removesuffix(".weight")))
            for role in roles
            for t in tensors
            if t.role == role and t.is_matrix
        ]

    def project(self, x: Ref, pair: tuple[Tensor, Tensor | None]) -> Ref:
        """A linear layer with the widths of its own tensor, cut by tensor parallel where its role is."""
        weight, bias = pair
        out, inner = prod(weight.shape[:-1]), weight.shape[-1]
        if weight.role in COLUMN:
            out = self.cut(out)
        elif weight.role in ROW:
            inner = self.cut(inner)
        return self.linear(x, weight, inner, out, bias)

    # mixers
    # ---------------------------------------------------------------------------------------------------------------

    def mixer(self, mixer: Mixer, x: Ref) -> Ref:
        if mixer.kind == "mla":
            return self.latent(mixer, x)
        if mixer.kind == "compressed_attention":
            return self.compressed(mixer, x)
        if mixer.kind in ATTENTION and mixer.heads:
            return self.attention(mixer, x)
        return self.recurrent(mixer, x)

    def attention(self, m: Mixer, x: Ref) -> Ref:
        tape, kernels = self.tape, self.s.kernels
        heads, kv_heads = self.cut(m.heads), max(self.cut(m.kv_heads or m.heads), 1)
        widths = {"q": heads * m.key_dim, "k": kv_heads * m.key_dim, "v": kv_heads * m.value_dim}
        reader = self.reading(m)
        fused = self.named(m.tensors, "qkv")
        repeated = self.s.padded and 1 < kv_heads < heads
        parts: dict[str, Ref] = {}
        if fused:
            whole = self.project(x, fused[0])
            parts = dict.fromkeys(("q", "k", "v"), whole)
        else:
            read = x if reader is self else tape.borrow(reader.size(self.hidden))
            for role in ("q", "k", "v"):
                pairs = self.named(m.tensors, role)
                maker = self if role == "q" else reader
                if pairs:
                    parts[role] = maker.project(x if role == "q" else read, pairs[0])
                else:  # values that are the keys, or keys and values of an earlier layer
                    parts[role] = parts["k"] if role == "v" else tape.borrow(self.size(widths["k"]))
        gate = parts["q"] if not fused and self._doubled(m) else None
        small = [tensor for tensor in m.tensors if tensor.role == "norm"]
        for role, tensor in zip(("q", "k"), [t for t in small if not t.name.endswith("bias")], strict=False):
            count = 1 if tensor.shape[0] != m.key_dim else heads if role == "q" else kv_heads
            parts[role] = self.norm(parts[role], widths[role], tensor, count)
        for role in ("q", "k") if kernels.rotary else ():
            if parts[role] not in tape.outside:
                size = self.size(widths[role])
                parts[role] = tape.add(size, parts[role], scratch=2 * size, backward_scratch=2 * size)
        if repeated:
            for role, dim in (("k", m.key_dim), ("v", m.value_dim)):
                parts[role] = tape.add(self.size(heads * dim), parts[role])
        mixed = self.scores(m, heads, parts["q"], parts["k"], parts["v"])
        if kernels.contiguous:
            mixed = tape.add(self.size(heads * m.value_dim), mixed)
        if gate is not None:
            opened = tape.add(self.size(heads * m.value_dim), gate, keeps_output=True)
            mixed = tape.add(self.size(heads * m.value_dim), mixed, opened, kept=[mixed, opened])
        output = self.named(m.tensors, "o")
        return self.project(mixed, output[0]) if output else mixed

    def reading(self, m: Mixer) -> LayerMaker:
        """Who projects keys and values: for cross attention the same on the encoder's positions."""
        if m.kind != "cross_attention" or not self.s.source:
            return self
        return LayerMaker(self.tape, replace(self.s, length=self.s.source), self.hidden)

    def _doubled(self, m: Mixer) -> bool:
        """Whether queries come with a gate for the output, as wide again."""
        return any(t.role == "q" and t.is_matrix and t.shape[0] == 2 * m.heads * m.key_dim for t in m.tensors)

    def scores(self, m: Mixer, heads: int, q: Ref, k: Ref, v: Ref) -> Ref:
        """Attention itself, in blocks or eager."""
        tape, s = self.tape, self.s
        out = self.size(heads * m.value_dim)
        keys = self.reading(m).s.length
        seen = min(keys, m.window or keys)
        learned = s.kernels.attention == "biased" and s.trained.full and m.kind != "cross_attention"
        if learned and not s.eager:
            wide = [
                tape.add(self.size(width, 4), part)
                for part, width in ((q, heads * m.key_dim), (k, heads * m.key_dim), (v, heads * m.value_dim))
            ]
            table = tape.add(s.tokens * heads * keys * 4, *wide[:2], kept=wide[:2], keeps_output=True)
            return tape.add(out, tape.add(self.size(heads * m.value_dim, 4), table, wide[2], kept=wide[2:]))
        if not s.eager and s.kernels.attention != "eager":
            mask = s.tokens * keys * s.element if s.padded and m.causal else 0
            return tape.add(out, q, k, v, kept=[q, k, v], keeps_output=True, extra=s.tokens * heads * STAT + mask)
        score = s.tokens * heads * (seen if not s.padded else keys) * s.element
        table = tape.add(score, q, k, kept=[q, k], extra=self.size(heads * m.key_dim))
        if s.kernels.softcap:
            table = tape.add(score, table, keeps_output=True, scratch=score)
        if s.element < 4 and s.kernels.wide_softmax:
            soft = tape.add(
                score * 4 / s.element, table, keeps_output=True, scratch=score, backward_scratch=score * 4 / s.element
            )
            table = tape.add(score, soft)
        else:
            table = tape.add(score, table, keeps_output=True)
        return tape.add(out, table, v, kept=[table, v])

    def latent(self, m: Mixer, x: Ref) -> Ref:
        """Multi-head latent attention: down to latents, up to all heads, then as any attention."""
        tape, heads = self.tape, self.cut(m.heads)
        small = [tensor for tensor in m.tensors if tensor.role == "norm"]
        q_norm = next((t for t in small if "q_a" in t.name), None)
        kv_norm = next((t for t in small if "kv_a" in t.name), None)
        downs = self.named(m.tensors, "q_a")
        query = x
        if downs:
            latent = self.project(x, downs[0])
            query = self.norm(latent, downs[0][0].shape[0], q_norm)
        q = self.project(query, self.named(m.tensors, "q_b", "q")[0])
        q = tape.add(self.size(heads * m.key_dim), q, scratch=self.size(heads * m.key_dim))
        kv_a, kv_b = self.named(m.tensors, "kv_a")[0], self.named(m.tensors, "kv_b")[0]
        shared = self.project(x, kv_a)
        shared = self.norm(shared, kv_b[0].shape[-1], kv_norm)
        both = self.project(shared, kv_b)
        k = tape.add(self.size(heads * m.key_dim), both)
        mixed = self.scores(m, heads, q, k, both)
        return self.project(mixed, self.named(m.tensors, "o")[0])

    def compressed(self, m: Mixer, x: Ref) -> Ref:
        """Attention to one shared head of keys that are their own values, with what chooses and compresses them kept at
        first order.
        """
        tape, heads = self.tape, self.cut(m.heads)
        norms = {t.shape[0]: t for t in m.tensors if t.role == "norm"}
        latent, shared = self.named(m.tensors, "q_a")[0], self.named(m.tensors, "kv_a")[0]
        query = self.norm(self.project(x, latent), latent[0].shape[0], norms.get(latent[0].shape[0]))
        q = self.project(query, self.named(m.tensors, "q_b")[0])
        q = tape.add(self.size(heads * m.key_dim), q, scratch=self.size(heads * m.key_dim))
        k = self.norm(self.project(x, shared), shared[0].shape[0], norms.get(shared[0].shape[0]))
        beside = [
            self.project(x, pair)
            for pair in self.named(m.tensors, "linear", "indexer")
            if pair[0].shape[-1] == self.hidden
        ]
        mixed = self.scores(m, heads, q, tape.add(self.size(m.key_dim), k, *beside, kept=beside), k)
        for pair in self.named(m.tensors, "o"):
            mixed = self.project(mixed, pair)
        return mixed

    def recurrent(self, m: Mixer, x: Ref) -> Ref:
        """A recurrent or convolutional mixer, at first order: every matrix's output is kept once in 16 bit and once,
        for the scan, in fp32.
        """
        tape = self.tape
        entering = [
            pair
            for pair in self.named(m.tensors, *sorted({t.role for t in m.tensors}))
            if pair[0].role not in ("ssm_out", "o", "conv", "ssm_a", "ssm_d")
        ]
        leaving = self.named(m.tensors, "ssm_out", "o")
        outs = [self.project(x, pair) for pair in entering if pair[0].shape[-1] == self.hidden]
        width = leaving[0][0].shape[-1] if leaving else self.hidden
        mixed = tape.add(
            self.size(width), *(outs or [x]), kept=outs or [x], keeps_output=True, extra=self.size(width, 4) * 3
        )
        return self.project(mixed, leaving[0]) if leaving else mixed

    # feed-forward
    # ---------------------------------------------------------------------------------------------------------

    def ffn(self, ffn: Ffn, x: Ref) -> Ref:
        if ffn.kind == "dense":
            return self.gated(ffn.tensors, x, ("gate", "up", "gate_up", "down"))
        output = self.experts(ffn, x)
        if ffn.width:
            shared = self.gated(ffn.tensors, x, ("shared_gate", "shared_up", "shared_gate_up", "shared_down"))
            output = self.tape.add(self.size(self.hidden), output, shared, shares=True)
        return output

    def gated(self, tensors: tuple[Tensor, ...], x: Ref, roles: tuple[str, str, str, str]) -> Ref:
        """Gate and up, their product, and down; or up, its activation, and down."""
        gate, up, gate_up, down = (self.named(tensors, role) for role in roles)
        if not down:
            return x
        width = self.cut(down[0][0].shape[-1])
        if gate_up:
            whole = self.project(x, gate_up[0])
            product = self.product(whole, whole, width)
        elif gate and up:
            first = self.project(x, gate[0])
            product = self.product(first, self.project(x, up[0]), width)
        else:
            product = self.activation(self.project(x, (up or gate)[0]), width)
        return self.project(product, down[0])

    def product(self, gate: Ref, up: Ref, width: float) -> Ref:
        if self.s.compiled:
            return self.tape.add(self.size(width), gate, up, kept=[gate, up])
        active = self.activation(gate, width, gated=True)
        return self.tape.add(self.size(width), active, up, kept=[active, up])

    def activation(self, x: Ref, width: float, gated: bool = False) -> Ref:
        more = self.s.kernels.gated_activation if gated else self.s.kernels.activation
        if more < 0:
            return self.tape.add(self.size(width), x, keeps_output=True)
        return self.tape.add(self.size(width), x, kept=[x], extra=0 if self.s.compiled else more * self.size(width))

    def merged(self, ffn: Ffn, roles: tuple[str, ...]) -> Merged:
        """What training these experts leaves: their gradients, or those of adapters, which PEFT adds to whole copies of
        the weights and keeps.
        """
        trained, ranks = self.s.trained, self.s.ranks
        tensors = [t for t in ffn.tensors if t.role in roles and t.is_matrix]
        adapted = [t for t in tensors if trained.rank(t)]
        gradient = sum(trained.gradient(t) for t in tensors) + sum(
            adapter_parameters(t, trained.rank(t)) * trained.gradient_bytes for t in adapted
        )
        return Merged(gradient // ranks, sum(t.elements for t in adapted) * self.s.element // ranks)

    def experts(self, ffn: Ffn, x: Ref) -> Ref:
        """Routed experts: tokens gathered for their experts, one grouped product after another, and the
        weighted sum.
        """
        tape, s, routed = self.tape, self.s, ffn.top_k
        gradient = {t.role: s.trained.gradient(t) for t in ffn.tensors}
        choice = tape.add(
            s.tokens * ffn.experts * STAT,
            x,
            keeps_output=True,
            extra=s.tokens * routed * 44,
            gradient=gradient.get("router", 0),
        )
        inner = next((t.shape[-1] for t in ffn.tensors if t.role in ("expert_gate_up", "expert_up")), self.hidden)
        gathered = tape.add(self.size(inner * routed), x)
        width = self.cut(ffn.expert_width) * routed
        up = self.merged(ffn, ("expert_gate", "expert_up", "expert_gate_up"))
        down = self.merged(ffn, ("expert_down",))
        first = tape.add(
            self.size(width * (2 if ffn.gated else 1)),
            gathered,
            kept=[gathered] if up.gradient else [],
            gradient=up.gradient,
            extra=up.kept,
            scratch=up.kept,
            backward_scratch=up.kept,
        )
        product = self.product(first, first, width) if ffn.gated else self.activation(first, width)
        out = tape.add(
            self.size(inner * routed),
            product,
            kept=[product] if down.gradient else [],
            gradient=down.gradient,
            extra=down.kept,
            scratch=down.kept,
            backward_scratch=down.kept,
        )
        weighted = tape.add(self.size(inner * routed), out, choice, kept=[out])
        return tape.add(self.size(self.hidden), weighted)
