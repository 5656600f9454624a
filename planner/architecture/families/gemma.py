"""Gemma 3n and 4: layers that reuse the keys and values of earlier ones, per-layer embeddings, wider heads in global
layers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat, shape
from planner.architecture.families.deepseek import both
from planner.architecture.families.llama import GEMMA2
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer, Tensor
from planner.architecture.traits import Experts, attention, dense, experts, finish, norms

ROW = replace(
    GEMMA2,
    qk_norm="head",
    experts=Experts(
        name="", router="router.proj", names=("experts.gate_up_proj", "experts.down_proj"), shared_width=()
    ),
)


def reusing(mixer: Mixer) -> Mixer:
    """The same attention on the keys and values of an earlier layer: it makes none and caches none."""
    gone = ("k_proj", "v_proj", "k_norm")
    return replace(
        mixer, tensors=tuple(t for t in mixer.tensors if not any(f".{name}." in t.name for name in gone)), caches=()
    )


def global_shape(config: Config, s: Shape) -> Shape:
    """Heads of Gemma 4's global layers: wider, and fewer of keys where they serve as values too."""
    kv = (
        config.int("num_global_key_value_heads", default=s.kv_heads, high=2**20)
        if config.flag("attention_k_eq_v", default=True)
        else s.kv_heads
    )
    return replace(s, head_dim=config.int("global_head_dim", default=512), kv_heads=kv)


def per_layer_input(config: Config, hidden: int) -> tuple[Tensor, ...]:
    """What a layer does with its own embedding of the token: a gate, a projection back, a norm."""
    width = config.int("hidden_size_per_layer_input", default=0, low=0)
    if not width:
        return ()
    gate = parts.linear("per_layer_input_gate", width, hidden, "linear") + parts.linear(
        "per_layer_projection", hidden, width, "linear"
    )
    return gate + parts.norm("post_per_layer_input_norm", hidden)


def per_layer_embedding(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """The embeddings of all layers as one table, vocabulary * layers * width, looked up and never multiplied."""
    width = config.int("hidden_size_per_layer_input", default=0, low=0)
    if not width:
        return ()
    table = Tensor(
        "model.embed_tokens_per_layer.weight",
        (config.int("vocab_size_per_layer_input", default=s.vocab), s.layers * width),
        "per_layer_embedding",
    )
    return (
        table,
        *parts.linear("model.per_layer_model_projection", s.layers * width, s.hidden, "linear"),
        *parts.norm("model.per_layer_projection_norm", width),
    )


def reused_from(config: Config, layers: int) -> int:
    """First layer of those at the end that reuse keys and values."""
    return layers - min(config.int("num_kv_shared_layers", default=0, low=0), layers)


@family("gemma4_text", "gemma4_unified_text")
def gemma4(config: Config) -> Architecture:
    """Gemma 4: five local layers to a global one, which has wider heads; experts run beside the dense ffn."""
    s = shape(config)
    kinds = patterns.every(6, keys=())(config, s.layers)
    kinds[-1] = patterns.FULL
    first = reused_from(config, s.layers)
    mixed = config.flag("enable_moe_block", default=False)
    names = (
        *ROW.norms,
        *(
            ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2")
            if mixed
            else ()
        ),
    )
    around = (
        norms(ROW, s.hidden, *names)
        + per_layer_input(config, s.hidden)
        + (Tensor("layer_scalar", (1,), "scalar", buffer=True),)
    )
    ffn = routed(config, s) if mixed else None

    def layer(kind: str, reuse: bool) -> Layer:
        local = kind == patterns.SLIDING
        row = (
            replace(ROW, qkv=("q_proj", "k_proj"))
            if not local and config.flag("attention_k_eq_v", default=False)
            else ROW
        )
        maker = attention(config, row, s if local else global_shape(config, s), kind)
        double = reuse and config.flag("use_double_wide_mlp", default=False)
        return Layer(
            (reusing(maker) if reuse else maker,), ffn or dense(config, ROW, s, s.ffn * 2 if double else s.ffn), around
        )

    layers = repeat(s.layers, lambda index: (kinds[index], index >= first), layer)
    return finish(config, ROW, s, layers, before=per_layer_embedding(config, s))


def routed(config: Config, s: Shape) -> Ffn:
    """Gemma 4's experts beside its dense ffn; the router scales its input and each expert's output."""
    count = config.int(*fields.EXPERTS, high=100_000)
    extra = (Tensor("router.scale", (s.hidden,), "scalar"), Tensor("router.per_expert_scale", (count,), "scalar"))
    side = experts(config, ROW, s, extra=extra)
    return both(
        dense(config, ROW, s),
        replace(side, tensors=tuple(replace(t, name=t.name.removeprefix(".")) for t in side.tensors)),
    )


@family("gemma3n_text")
def gemma3n(config: Config) -> Architecture:
    """Gemma 3n: four residual streams mixed by AltUp, a low-rank detour (LAuReL), a width for each layer's ffn."""
    widths = config.get("intermediate_size")
    if isinstance(widths, list):
        config = config.replace(intermediate_size=None)
    s = shape(config)
    each: list[Any] = (
        Config({"intermediate_size": widths}).list("intermediate_size", length=s.layers)
        if isinstance(widths, list)
        else None
    ) or [s.ffn] * s.layers
    kinds, first = patterns.every(5, keys=())(config, s.layers), reused_from(config, s.layers)
    streams, rank = config.int("altup_num_inputs", default=4, high=64), config.int("laurel_rank", default=64)
    around = (
        *norms(ROW, s.hidden, *ROW.norms),
        *per_layer_input(config, s.hidden),
        Tensor("altup.correct_output_scale", (s.hidden,), "scalar"),
        *parts.linear("altup.correction_coefs", streams, streams, "linear"),
        *parts.linear("altup.prediction_coefs", streams * streams, streams, "linear"),
        *parts.linear("altup.modality_router", streams, s.hidden, "linear"),
        *parts.norm("altup.router_norm", s.hidden),
        *parts.linear("laurel.linear_left", rank, s.hidden, "linear"),
        *parts.linear("laurel.linear_right", s.hidden, rank, "linear"),
        *parts.norm("laurel.post_laurel_norm", s.hidden),
    )

    def layer(kind: str, reuse: bool, width: object) -> Layer:
        maker = attention(config, ROW, s, kind)
        return Layer(
            (reusing(maker) if reuse else maker,),
            dense(config, ROW, s, Config({"intermediate_size": width}).int("intermediate_size")),
            around,
        )

    layers = repeat(
        s.layers,
        lambda index: (
            kinds[index],
            index >= first,
            str(each[index]) if isinstance(each[index], list | dict) else each[index],
        ),
        layer,
    )
    mixing = tuple(
        t
        for i in range(streams - 1)
        for way in ("", "_unembed")
        for t in parts.linear(f"model.altup{way}_projections.{i}", s.hidden, s.hidden, "linear")
    )
    return finish(config, ROW, s, layers, before=per_layer_embedding(config, s) + mixing)
