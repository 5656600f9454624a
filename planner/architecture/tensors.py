"""A model is its tensors: the description that every other module sums over.

An `Architecture` is a few stacks of layers (the text decoder, perhaps an encoder, a vision or an audio tower, the
multi-token-prediction layers). A layer is one or more *mixers*, which move information between tokens, and at most one
*ffn*, which works on each token alone. Each is a short list of named tensors, plus what it caches.

Identical layers are the same object: sums run over `Stack.distinct()` and cost the same for 2 layers as for 200.
Nothing here knows a `model_type`; a parser in `families/` is the last to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Literal

Role = Literal[
    # before and after the layers
    "embedding", "position_embedding", "per_layer_embedding", "lm_head",
    # attention
    "q", "k", "v", "qkv", "o", "q_a", "q_b", "kv_a", "kv_b", "indexer",
    # feed-forward: dense, routed experts, shared expert
    "gate", "up", "down", "gate_up",
    "expert_gate", "expert_up", "expert_down", "expert_gate_up",
    "shared_gate", "shared_up", "shared_gate_up", "shared_down", "shared_expert_gate", "router",
    # recurrent and convolutional mixers
    "ssm_in", "ssm_out", "ssm_x", "ssm_dt", "ssm_a", "ssm_d", "conv",
    # towers and small tensors
    "patch_embedding", "projector", "linear", "norm", "bias", "scalar",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named weight, or `copies` of it when experts repeat it.

    Attributes:
        name: path inside its layer as the checkpoint spells it, for example `self_attn.q_proj.weight`.
        shape: as stored; a linear layer is (out_features, in_features).
        role: what it does, which decides its format, its shard and its cost.
        copies: how many of them a layer holds (experts).
        used: how many of the copies one token passes through; None means all.
        tied: shares storage that is counted elsewhere (a head the input embedding's, a block another layer's), so it
            adds no parameters.
        buffer: saved with the model but no parameter (masks, a router's correction bias).
        stored: the type that a weight file gives it, where the model was read from one (`Q4_K`).
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    copies: int = 1
    used: int | None = None
    tied: bool = False
    buffer: bool = False
    stored: str = ""

    @property
    def elements(self) -> int:
        """Numbers stored: copies * product of the shape."""
        return self.copies * prod(self.shape)

    @property
    def parameters(self) -> int:
        """Trainable numbers of its own: none for a tied tensor or a buffer."""
        return 0 if self.tied or self.buffer else self.elements

    @property
    def active(self) -> int:
        """Parameters that one token passes through: `used` of the copies."""
        return self.parameters if self.used is None else self.parameters // self.copies * self.used

    @property
    def is_matrix(self) -> bool:
        """Whether it has two dimensions or more, as everything that can be quantized."""
        return len(self.shape) > 1


@dataclass(frozen=True, slots=True)
class Cache:
    """What one layer keeps between steps, for each token or for each sequence.

    Attributes:
        name: `k`, `v`, `latent`, `indexer`, `conv` or `state`.
        elements: numbers kept per token (or per sequence).
        per: `token` grows with the context, `sequence` does not, `image` grows with the image tokens, `source`
            with the positions of the encoder.
        heads: equal parts that tensor parallel can spread; 1 means that every rank holds it whole.
        window: at most this many tokens are kept; None means all.
        every: one entry for each `every` tokens (compressed attention).
        dtype: `cache` follows the cache's type, `model` the model's, `fp32` is always 4 bytes.
    """

    name: Literal["k", "v", "latent", "indexer", "conv", "state"]
    elements: int
    per: Literal["token", "sequence", "image", "source"] = "token"
    heads: int = 1
    window: int | None = None
    every: int = 1
    dtype: Literal["cache", "model", "fp32"] = "cache"


MixerKind = Literal[
    "attention", "sliding_attention", "chunked_attention", "cross_attention", "mla", "compressed_attention",
    "mamba", "mamba2", "gated_delta_net", "kda", "lightning", "short_conv", "xlstm", "rg_lru", "rwkv",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mixer:
    """The part of a layer that moves information between tokens.

    `heads`, `kv_heads`, `key_dim` and `value_dim` are those of the score computation, so that FLOPs and activations
    follow from them for every kind. Recurrent kinds give their own heads and state sizes. `rotary` is off where queries
    and keys carry no position, as in the full layers of models that turn only those of their windows. `selects` is how
    many cached tokens each token attends to at most, chosen by an indexer; 0 is all.
    """

    kind: MixerKind
    tensors: tuple[Tensor, ...]
    caches: tuple[Cache, ...] = ()
    heads: int = 0
    kv_heads: int = 0
    key_dim: int = 0
    value_dim: int = 0
    window: int | None = None
    causal: bool = True
    rotary: bool = True
    selects: int = 0


@dataclass(frozen=True, slots=True)
class Ffn:
    """The part of a layer that works on each token alone.

    `width` is the inner size of the dense (or shared) path, `expert_width` of one routed expert.
    """

    kind: Literal["dense", "moe"]
    tensors: tuple[Tensor, ...]
    width: int
    gated: bool = True
    experts: int = 0
    top_k: int = 0
    expert_width: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """Mixers, an optional ffn, and the norms and small tensors around them;

    `parallel` where both read the same stream and each has a norm of its own.
    """

    mixers: tuple[Mixer, ...]
    ffn: Ffn | None
    tensors: tuple[Tensor, ...] = ()
    parallel: bool = False

    @property
    def all_tensors(self) -> tuple[Tensor, ...]:
        mixed = tuple(t for mixer in self.mixers for t in mixer.tensors)
        return mixed + (self.ffn.tensors if self.ffn else ()) + self.tensors

    @property
    def caches(self) -> tuple[Cache, ...]:
        return tuple(cache for mixer in self.mixers for cache in mixer.caches)


StackName = Literal["decoder", "encoder", "vision", "audio", "projector", "mtp"]


@dataclass(frozen=True)
class Stack:
    """Layers of one kind of token, with what comes before the first and after the last.

    Attributes:
        name: `decoder` is the language model; a pure encoder (BERT) has an `encoder` instead.
        hidden_size: width of the residual stream.
        layers: in order; identical layers are the same object.
        before, after: embeddings; final norm, head, projector.
        prefix: what stands before `<i>.<tensor name>` in the checkpoint, for example `model.layers.`.
    """

    name: StackName
    hidden_size: int
    layers: tuple[Layer, ...]
    before: tuple[Tensor, ...] = ()
    after: tuple[Tensor, ...] = ()
    prefix: str = "model.layers."

    @cached_property
    def distinct(self) -> tuple[tuple[Layer, int], ...]:
        """Each different layer with how often it occurs, in order of first appearance."""
        counts: dict[int, int] = {}
        by_id: dict[int, Layer] = {}
        for layer in self.layers:
            counts[id(layer)] = counts.get(id(layer), 0) + 1
            by_id[id(layer)] = layer
        return tuple((by_id[key], count) for key, count in counts.items())

    @cached_property
    def counted(self) -> tuple[tuple[Tensor, int], ...]:
        """Each tensor with how many layers hold it."""
        outer = tuple((tensor, 1) for tensor in self.before + self.after)
        return outer + tuple((tensor, n) for layer, n in self.distinct for tensor in layer.all_tensors)

    @cached_property
    def parameters(self) -> int:
        return sum(tensor.parameters * n for tensor, n in self.counted)

    @cached_property
    def active(self) -> int:
        return sum(tensor.active * n for tensor, n in self.counted)


@dataclass(frozen=True, slots=True)
class Image:
    """The largest image that a model's processor makes.

    Attributes:
        patches: positions in the tower.
        tokens: positions in the text.
        values: numbers of pixels, all colours.
        moments: how many times as much the longest video may be that an engine prepares for.
    """

    patches: int
    tokens: int
    values: int
    moments: int = 1


@dataclass(frozen=True)
class Architecture:
    """A whole model: its stacks, what it was published in, and how far the description can be trusted.

    Attributes:
        model_type: as the config says, for display only.
        architecture: the class name that the config gives, for display only.
        stacks: the main one first.
        vocab_size: rows of the input embedding.
        max_context: longest sequence that the config declares.
        dtype: 16- or 32-bit type of the published weights (`bf16`, `fp16`, `fp32`).
        quantization: the config's own `quantization_config`, or None.
        rope_stretch: factor by which full attention's table of rotary angles is longer than `max_context` (linear
            scaling).
        converter: what llama.cpp's converter does differently for this family, as `data/gguf_converters.csv` lists it.
        rope_factors: lengths of the tables of frequency factors that it stores beside the tensors (Llama 3.1,
            LongRoPE).
        wide_states: whether the config asks for recurrent states in 32 bit; engines that heed it keep them in the
            model's type otherwise.
        image: the largest image that it takes, where it takes any and its processor is known.
        exact: whether the counts are exact by construction.
        note: why not, in one sentence, when they are not.
    """

    model_type: str
    architecture: str
    stacks: tuple[Stack, ...]
    vocab_size: int
    max_context: int
    dtype: str = "bf16"
    quantization: dict[str, object] | None = None
    rope_stretch: float = 1.0
    converter: dict[str, int] = field(default_factory=dict)
    rope_factors: tuple[int, ...] = ()
    wide_states: bool = False
    image: Image | None = None
    exact: bool = True
    note: str = ""

    @property
    def main(self) -> Stack:
        """The stack that reads and writes text: the decoder, or the encoder of an encoder-only model."""
        return self.stacks[0]

    @property
    def generates(self) -> bool:
        """Whether it has a decoder, and so a KV cache and tokens to generate."""
        return self.main.name == "decoder"

    @cached_property
    def loaded(self) -> tuple[Stack, ...]:
        """Stacks that an engine loads to answer: all but the multi-token-prediction layers."""
        return tuple(stack for stack in self.stacks if stack.name != "mtp")

    @cached_property
    def parameters(self) -> int:
        """Parameters without multi-token-prediction layers and buffers."""
        return sum(stack.parameters for stack in self.loaded)

    @cached_property
    def active(self) -> int:
        """Parameters that one token passes through, embeddings, head and towers included."""
        return sum(stack.active for stack in self.loaded)

    @cached_property
    def mtp_parameters(self) -> int:
        """Parameters of multi-token-prediction layers: on disk, loaded only for speculative decoding."""
        return sum(stack.parameters for stack in self.stacks if stack.name == "mtp")

    @cached_property
    def embedding_parameters(self) -> int:
        """Parameters of the input embedding of the main stack."""
        return sum(tensor.parameters for tensor in self.main.before if tensor.role == "embedding")

    @property
    def tied(self) -> bool:
        """Whether the head shares the storage of the input embedding."""
        return any(tensor.role == "lm_head" and tensor.tied for tensor in self.main.after)
