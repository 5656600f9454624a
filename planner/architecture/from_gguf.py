"""A GGUF header as an `Architecture`: the file lists the tensors, so the model is exact whatever its family is called.

What no tensor shows (heads, windows, the kernel of a convolution) is in the metadata, under the names of llama.cpp.
Source: https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py
"""

from __future__ import annotations

import re
from typing import Any

from planner.architecture.config import GGUF, Config
from planner.architecture.decoder import MOST_LAYERS
from planner.architecture.recurrent import states
from planner.architecture.tensors import Architecture, Cache, Ffn, Layer, Mixer, MixerKind, Role, Stack, Tensor
from planner.core.data import table
from planner.core.errors import PlanError
from planner.weight_files.gguf_file import GgufHeader

ROLES: dict[str, Role] = {
    "token_embd": "embedding", "per_layer_token_embd": "per_layer_embedding", "position_embd": "position_embedding",
    "token_types": "position_embedding",
    "output": "lm_head",
    "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_qkv": "qkv", "attn_output": "o",
    "attn_q_a": "q_a", "attn_q_b": "q_b", "attn_kv_a_mqa": "kv_a", "attn_kv_b": "kv_b", "attn_k_b": "kv_b",
    "attn_v_b": "kv_b",
    "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down",
    "ffn_gate_exps": "expert_gate", "ffn_up_exps": "expert_up", "ffn_down_exps": "expert_down",
    "ffn_gate_up_exps": "expert_gate_up",
    "ffn_gate_shexp": "shared_gate", "ffn_up_shexp": "shared_up", "ffn_down_shexp": "shared_down",
    "ffn_gate_inp": "router", "ffn_gate_inp_shexp": "shared_expert_gate",
    "ssm_in": "ssm_in", "ssm_out": "ssm_out", "ssm_x": "ssm_x", "ssm_dt": "ssm_dt", "ssm_a": "ssm_a", "ssm_d": "ssm_d",
    "ssm_conv1d": "conv",
    "shortconv.conv": "conv", "shortconv.in_proj": "ssm_in", "shortconv.out_proj": "ssm_out",
}  # fmt: skip
EXPERTS = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})
NAME = re.compile(r"^(?:blk\.(?P<layer>\d{1,5})\.)?(?P<name>.+?)(?:\.(?P<kind>weight|bias|scale))?$")
BUFFERS = ("rope_freqs", "rope_factors_long", "rope_factors_short", "exp_probs_b")

WINDOW_EVERY = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "cohere2": 4,
    "exaone4": 4,
    "olmo2": 4,
    "llama4": 4,
    "phi3": 0,
    "smallthinker": 4,
}
"""Each n-th layer attends to everything where the metadata gives a window and no pattern; 0 for none of them.

Others ignore the window.
"""


def config_of(header: GgufHeader) -> dict[str, Any]:
    """The header as a config that travels in a request; without the vocabulary.

    Raises:
        PlanError: when a file of a split model is missing, or the header names no architecture.
    """
    if not header.complete:
        raise PlanError(
            f"This is one of {header.split_count} files; give them all, in one folder, by the path of the first.",
            "model",
        )
    if not header.architecture or header.architecture == "clip":
        raise PlanError(
            "The GGUF holds no language model; give the model's own file, not its projector's (mmproj) or an"
            " adapter's.",
            "model",
        )
    prefix = f"{header.architecture}."
    own = {
        key.removeprefix(prefix): list(value) if isinstance(value, tuple) else value
        for key, value in header.metadata.items()
        if key.startswith(prefix)
    }
    return {
        GGUF: {
            "architecture": header.architecture[:60],
            "file_type": header.file_type,
            "vocab_size": header.vocab_size,
            "header_bytes": header.header_bytes,
            "metadata": own,
            "tensors": [[tensor.name, list(tensor.shape), tensor.dtype] for tensor in header.tensors],
        }
    }


def from_gguf(said: Config | None) -> Architecture:
    """The model that a header describes, as `config_of` wrote it.

    Raises:
        PlanError: when the tensors or the metadata are not those of a language model.
    """
    said = said or Config({})
    metadata = said.section("metadata") or Config({})
    return _Reader(said, Config(metadata.raw, f"GGUF {said.text('architecture')[:60]}.")).architecture()


class _Reader:
    """Sorts the tensors into layers, and reads beside them what they cache."""

    def __init__(self, said: Config, metadata: Config) -> None:
        self.said, self.metadata = said, metadata
        self.name = said.text("architecture")
        self.layers = metadata.int("block_count", high=MOST_LAYERS)
        self.hidden = metadata.int("embedding_length")
        self.experts = metadata.int("expert_count", default=0, low=0, high=2**20)
        self.used = min(metadata.int("expert_used_count", default=self.experts, low=0), self.experts)
        self.outer: list[Tensor] = []
        self.inner: list[list[Tensor]] = [[] for _ in range(self.layers)]
        for entry in said.list("tensors") or []:
            self.sort(entry)

    def sort(self, entry: Any) -> None:
        if not (
            isinstance(entry, list)
            and len(entry) == 3
            and isinstance(entry[0], str)
            and isinstance(entry[1], list)
            and isinstance(entry[2], str)
        ):
            raise PlanError("The GGUF's list of tensors cannot be read; give the file's own header.", "config")
        if not all(type(size) is int and 0 < size < 2**40 for size in entry[1]):
            raise PlanError(
                f"The GGUF's tensor {entry[0][:60]!r} has an impossible shape; give the file's own header.", "config"
            )
        match = NAME.match(entry[0][:200])
        if match is None:
            return
        shape = tuple(entry[1]) or (1,)  # no dimensions: a single number
        tensor = self.tensor(match["name"], match["kind"] or "", shape, entry[2][:20])
        if match["layer"] is None:
            self.outer.append(tensor)
        elif int(match["layer"]) < self.layers:
            self.inner[int(match["layer"])].append(tensor)

    def tensor(self, name: str, kind: str, shape: tuple[int, ...], stored: str) -> Tensor:
        buffer = name.startswith(BUFFERS)
        if kind == "bias" or name.startswith("exp_probs_b"):
            return Tensor(f"{name}.bias", shape, "bias", buffer=buffer, stored=stored)
        role = ROLES.get(
            name,
            (
                "norm"
                if "norm" in name
                else "indexer"
                if name.startswith("indexer")
                else "linear"
                if len(shape) > 1
                else "scalar"
            ),
        )
        if role in EXPERTS and len(shape) == 3:
            return Tensor(f"{name}.weight", shape[1:], role, shape[0], self.used or None, stored=stored)
        return Tensor(f"{name}.weight", shape, role, buffer=buffer, stored=stored)

    def architecture(self) -> Architecture:
        made: dict[tuple[Any, ...], Layer] = {}
        layers = []
        windows = self.windows()
        for index, tensors in enumerate(self.inner):
            key = (
                tuple(tensors),
                self.at("attention.head_count", index),
                self.at("attention.head_count_kv", index),
                windows[index],
            )
            if key not in made:
                made[key] = self.layer(tensors, index, windows[index])
            layers.append(made[key])
        factors = [tensor for tensor in self.outer if tensor.buffer]
        before = tuple(
            tensor for tensor in self.outer if "embedding" in tensor.role or tensor.name.startswith("token_embd")
        )
        after = tuple(tensor for tensor in self.outer if tensor not in before and tensor not in factors)
        table = next((tensor for tensor in before if tensor.role == "embedding"), None)
        if table is None or not any(self.inner):
            raise PlanError("The GGUF holds no token embedding or no layers; give a language model's file.", "config")
        if not any(tensor.role == "lm_head" for tensor in after):
            after = (*after, Tensor("output.weight", table.shape, "lm_head", tied=True, stored=table.stored))
        return Architecture(
            model_type=self.name,
            architecture=self.name,
            stacks=(Stack("decoder", self.hidden, tuple(layers), before, after, "blk."),),
            vocab_size=table.shape[0],
            max_context=self.metadata.int("context_length", default=2_048),
            quantization={
                "quant_method": "gguf",
                "file_type": self.file_type(),
                "header_bytes": self.said.int("header_bytes", default=0, low=0),
            },
            rope_factors=tuple(tensor.elements for tensor in factors),
        )

    def file_type(self) -> str:
        """The mix by the file's own number, which it may leave out; then the type that stores most of it."""
        names = {int(row["number"]): row["name"] for row in table("gguf_file_types")}
        number = self.said.int("file_type", default=-1, low=-1)
        if number in names:
            return names[number]
        stored: dict[str, int] = {}
        for tensor in (tensor for layer in self.inner for tensor in layer):
            stored[tensor.stored] = stored.get(tensor.stored, 0) + tensor.elements
        most = max(stored, key=lambda name: stored[name])
        return next((row["name"] for row in table("gguf_file_types") if row["base_type"] == most), "Q4_K_M")

    def layer(self, tensors: list[Tensor], index: int, window: int | None) -> Layer:
        names = {tensor.name.split(".")[0] for tensor in tensors}
        mixers = []
        if names & {"attn_k", "attn_qkv", "attn_kv_a_mqa"}:
            mixers.append(self.attention(own(tensors, "attn_", but=("attn_norm", "attn_post_norm")), index, window))
        if any(name.startswith(("ssm_", "shortconv")) for name in names):
            mixers.append(self.recurrent(own(tensors, "ssm_", "shortconv")))
        ffn = self.ffn(own(tensors, "ffn_", "exp_probs", but=("ffn_norm", "ffn_post_norm")))
        for part in (*mixers, *((ffn,) if ffn else ())):
            whole(part.kind, part.tensors, index)
        taken = {id(tensor) for mixer in mixers for tensor in mixer.tensors} | {
            id(tensor) for tensor in (ffn.tensors if ffn else ())
        }
        return Layer(tuple(mixers), ffn, tuple(tensor for tensor in tensors if id(tensor) not in taken))

    def attention(self, tensors: tuple[Tensor, ...], index: int, window: int | None) -> Mixer:
        heads, kv_heads = self.at("attention.head_count", index) or 1, self.at("attention.head_count_kv", index)
        kv_heads = heads if kv_heads is None else kv_heads
        latent = self.metadata.int("attention.kv_lora_rank", default=0, low=0)
        rope = self.metadata.int("rope.dimension_count", default=0, low=0)
        if latent and any(tensor.role == "kv_a" for tensor in tensors):
            key = self.metadata.int("attention.key_length_mla", "attention.key_length", default=latent)
            value = self.metadata.int("attention.value_length_mla", "attention.value_length", default=latent)
            caches: tuple[Cache, ...] = (Cache("latent", latent + rope, window=window),)
            if any(tensor.role == "indexer" for tensor in tensors):
                caches += (Cache("indexer", self.metadata.int("attention.indexer.key_length", default=128)),)
            selects = self.metadata.int("attention.indexer.top_k", default=0, low=0)
            return Mixer("mla", tensors, caches, heads, heads, key, value, window, selects=selects)
        local = ("attention.key_length_swa",) if window else ()
        key = self.metadata.int(*local, "attention.key_length", default=max(self.hidden // heads, 1))
        value = self.metadata.int(
            *(("attention.value_length_swa",) if window else ()), "attention.value_length", default=key
        )
        caches = (
            (
                Cache("k", kv_heads * key, heads=kv_heads, window=window),
                Cache("v", kv_heads * value, heads=kv_heads, window=window),
            )
            if kv_heads
            else ()
        )
        return Mixer(
            "sliding_attention" if window else "attention", tensors, caches, heads, kv_heads, key, value, window
        )

    def recurrent(self, tensors: tuple[Tensor, ...]) -> Mixer:
        """Convolution inputs and state: (K - 1) * (inner + 2 * groups * state) and inner * state, as llama.cpp keeps
        them, both in 32 bit.
        """
        kernel = self.metadata.int("ssm.conv_kernel", "shortconv.l_cache", default=4, high=2**20)
        if any(tensor.name.startswith("shortconv") for tensor in tensors):
            return Mixer("short_conv", tensors, states(self.hidden, kernel, 0, 1), 1)
        inner, state = (
            self.metadata.int("ssm.inner_size", default=self.hidden),
            self.metadata.int("ssm.state_size", default=16),
        )
        groups = self.metadata.int("ssm.group_count", default=0, low=0)
        kind: MixerKind = (
            "mamba"
            if any(tensor.role == "ssm_x" for tensor in tensors)
            else "mamba2"
            if "ssm_in.weight" in {t.name for t in tensors}
            else "gated_delta_net"
        )
        heads = self.metadata.int("ssm.time_step_rank", default=1)
        return Mixer(
            kind,
            tensors,
            states(inner + 2 * groups * state, kernel, inner * state, heads),
            heads,
            heads,
            state,
            max(inner // heads, 1),
        )

    def ffn(self, tensors: tuple[Tensor, ...]) -> Ffn | None:
        if not tensors:
            return None
        routed = next((tensor for tensor in tensors if tensor.role in ("expert_up", "expert_gate_up")), None)
        plain = next((tensor for tensor in tensors if tensor.role in ("up", "shared_up")), None)
        width = plain.shape[0] if plain else 0
        gated = any(tensor.role in ("gate", "expert_gate", "expert_gate_up") for tensor in tensors)
        if routed is None:
            return Ffn("dense", tensors, width, gated)
        inner = routed.shape[0] // (2 if routed.role == "expert_gate_up" else 1)
        return Ffn("moe", tensors, width, gated, routed.copies, self.used, inner)

    def at(self, key: str, index: int) -> int | None:
        """A number that may be given once for all layers or for each."""
        value = self.metadata.get(key)
        if isinstance(value, list):
            return Config({key: value[index]}, self.metadata.path).int(key, low=0) if index < len(value) else None
        return None if value is None else self.metadata.int(key, low=0)

    def windows(self) -> list[int | None]:
        """The window of every layer, None where it attends to everything."""
        window = self.metadata.int("attention.sliding_window", default=0, low=0)
        pattern = self.metadata.get("attention.sliding_window_pattern")
        if not window:
            return [None] * self.layers
        if isinstance(pattern, list):
            return [window if index < len(pattern) and pattern[index] else None for index in range(self.layers)]
        every = (
            pattern if isinstance(pattern, int) and not isinstance(pattern, bool) else WINDOW_EVERY.get(self.name, 1)
        )
        return [None if every == 1 or (every and (index + 1) % every == 0) else window for index in range(self.layers)]


ATTENTION = (frozenset[Role]({"q", "k"}), frozenset[Role]({"q_b", "k"}), frozenset[Role]({"qkv"}))
NEEDED: dict[str, tuple[frozenset[Role], ...]] = {
    "attention": ATTENTION,
    "sliding_attention": ATTENTION,
    "mamba": (frozenset({"ssm_in", "ssm_x", "conv", "ssm_out"}),),
    "mamba2": (frozenset({"ssm_in", "conv", "ssm_out"}),),
    "short_conv": (frozenset({"conv", "ssm_in", "ssm_out"}),),
    "moe": (frozenset({"expert_up", "expert_down"}), frozenset({"expert_gate_up", "expert_down"})),
    "dense": (frozenset({"up", "down"}),),
}
"""Matrices without which a part of a layer computes nothing: all of one of these sets."""


def whole(kind: str, tensors: tuple[Tensor, ...], index: int) -> None:
    """Refuse a layer that lacks one of its matrices, as a damaged file may.

    Raises:
        PlanError: with the layer and what it lacks.
    """
    roles = {tensor.role for tensor in tensors if tensor.is_matrix}
    sets = NEEDED.get(kind, ())
    if sets and not any(needed <= roles for needed in sets):
        words = {role: name for name, role in reversed(ROLES.items())}
        lacking = ", ".join(sorted(words[role] for role in min((needed - roles for needed in sets), key=len)))
        raise PlanError(
            f"The GGUF's layer {index} lacks the matrix {lacking}; download the file again, or give another.", "config"
        )


def own(tensors: list[Tensor], *starts: str, but: tuple[str, ...] = ()) -> tuple[Tensor, ...]:
    return tuple(
        tensor
        for tensor in tensors
        if tensor.name.startswith((*starts, "indexer") if "attn_" in starts else starts)
        and not tensor.name.startswith(but)
    )
