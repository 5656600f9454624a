"""What every decoder-only family shares: reading the standard fields and putting stacks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from planner.architecture import fields
from planner.architecture.config import Config
from planner.architecture.converter import differences, rope_factors, rope_section
from planner.architecture.parts import norm
from planner.architecture.tensors import Architecture, Layer, Stack, Tensor
from planner.core.errors import PlanError

MOST_LAYERS = 2_000
"""More layers than this is a broken config, not a model; the deepest published ones have a few hundred."""

UNBOUNDED = 2**20
"""Tokens that a model without positions and without a cache a token may hold: nothing bounds them but patience."""

DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32"}


@dataclass(frozen=True)
class Shape:
    """The standard numbers of a decoder, under whichever names the config spells them."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int


def shape(config: Config) -> Shape:
    """Read the standard fields; kv heads fall back to heads, and head_dim to hidden / heads.

    Raises:
        PlanError: when a field is missing or the heads do not divide as they must.
    """
    hidden = hidden_size(config)
    heads = config.int(*fields.HEADS)
    kv_heads = config.int(*fields.KV_HEADS, default=heads)
    if heads % kv_heads:
        raise PlanError(
            f"The config's {heads} attention heads cannot share {kv_heads} key-value heads evenly; check"
            " num_key_value_heads.",
            "config",
        )
    return Shape(
        layers=layer_count(config),
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=config.int(*fields.HEAD_DIM, default=0, low=0) or hidden // heads or 1,
        ffn=config.int(*fields.FFN, default=4 * hidden),
        vocab=vocab_size(config),
    )


def hidden_size(config: Config) -> int:
    """Width of the residual stream. A whole config must say it; only a nested one may leave it to its class."""
    if not config.path and not any(name in config.raw for name in fields.HIDDEN):
        raise PlanError("The config has no hidden_size; add it, or give the model's Hugging Face id instead.", "config")
    return config.int(*fields.HIDDEN)


def layer_count(config: Config) -> int:
    """Layers of the decoder, by number or as the length of the list that describes them."""
    for name in (*fields.LAYER_TYPES, "hybrid_override_pattern"):
        described = config.raw.get(name)
        if isinstance(described, list | str) and described and not any(field in config.raw for field in fields.LAYERS):
            return Config({"layers": len(described)}).int("layers", high=MOST_LAYERS)
    return config.int(*fields.LAYERS, high=MOST_LAYERS)


def vocab_size(config: Config) -> int:
    return config.int(*fields.VOCAB)


def repeat(count: int, make: Callable[[int], tuple[object, ...]], build: Callable[..., Layer]) -> tuple[Layer, ...]:
    """`count` layers, where layers whose `make(i)` is equal are one shared object:

    `build(*make(i))` runs once for each kind.
    """
    made: dict[tuple[object, ...], Layer] = {}
    layers = []
    for index in range(count):
        key = make(index)
        if key not in made:
            made[key] = build(*key)
        layers.append(made[key])
    return tuple(layers)


def embedding(vocab: int, hidden: int, name: str = "model.embed_tokens.weight") -> Tensor:
    return Tensor(name, (vocab, hidden), "embedding")


def head(vocab: int, hidden: int, tied: bool, name: str = "lm_head.weight") -> Tensor:
    """The output matrix; when tied it is the input embedding's storage, but still a matrix that is multiplied."""
    return Tensor(name, (vocab, hidden), "lm_head", tied=tied)


def max_context(config: Config, default: int = 2048) -> int:
    """Longest sequence the config declares, under its many names."""
    return config.int(
        "model_max_length",
        "max_position_embeddings",
        "n_positions",
        "max_seq_len",
        "max_sequence_length",
        "seq_length",
        "n_ctx",
        "context_length",
        default=default,
    )


def dtype(config: Config) -> str:
    """16- or 32-bit type of the published weights; what is absent or quantized counts as bf16."""
    return DTYPES.get(str(config.get("dtype", "torch_dtype") or "").removeprefix("torch."), "bf16")


def rope_stretch(config: Config) -> float:
    """Factor of linear or dynamic rotary scaling; other kinds already count in `max_context`.

    Gemma 3 keys it by the kind of layer.
    """
    section = rope_section(config)
    if section is None or section.get("rope_type", "type") not in ("linear", "dynamic"):
        return 1.0
    return section.number("factor", default=1.0, low=1, high=1_000)


def assemble(
    config: Config,
    layers: Iterable[Layer],
    *,
    hidden: int,
    vocab: int,
    tied: bool,
    norm_bias: bool = False,
    before: tuple[Tensor, ...] = (),
    after: tuple[Tensor, ...] | None = None,
    embed: Tensor | None = None,
    output: tuple[Tensor, ...] | None = None,
    stacks: tuple[Stack, ...] = (),
    prefix: str = "model.layers.",
    exact: bool = True,
    note: str = "",
) -> Architecture:
    """A decoder of these layers between its embedding and its final norm and head, with further stacks after it.

    A config whose class is the bare model (`MistralModel`, as embedding models have it) has no head.
    """
    final = norm("model.norm", hidden, norm_bias) if after is None else after
    architectures = config.list("architectures") or [""]
    remote = config.section("auto_map")
    headless = (
        str(architectures[0]).endswith("Model")
        and not str(architectures[0]).endswith("LMHeadModel")
        and not (remote and remote.has("AutoModelForCausalLM"))
    )
    layers = tuple(layers)
    bounded = any(cache.per == "token" for layer in layers for cache in layer.caches)
    last = () if headless else (head(vocab, hidden, tied),) if output is None else output
    main = Stack("decoder", hidden, layers, (embed or embedding(vocab, hidden), *before), (*final, *last), prefix)
    quantization = config.section("quantization_config", "compression_config")
    head_dim = next((mixer.key_dim for layer in layers for mixer in layer.mixers if mixer.kv_heads and mixer.caches), 0)
    return Architecture(
        model_type=config.text("model_type"),
        architecture=str(architectures[0])[:80],
        stacks=(main, *stacks),
        vocab_size=vocab,
        max_context=max_context(config, default=2048 if bounded else UNBOUNDED),
        dtype=dtype(config),
        quantization={"expert_dtype": config.get("expert_dtype"), **quantization.raw} if quantization else None,
        rope_stretch=rope_stretch(config),
        converter=differences(config.text("model_type")),
        rope_factors=rope_factors(config, head_dim),
        wide_states=config.get("mamba_ssm_dtype", "mamba_ssm_cache_dtype") == "float32",
        exact=exact,
        note=note,
    )
