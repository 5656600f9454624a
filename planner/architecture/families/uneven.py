"""Decoders whose layers differ in size: searched architectures, other heads in windowed layers, dense layers between
experts.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, repeat, shape
from planner.architecture.families.llama import LLAMA, MISTRAL
from planner.architecture.families.moe import DEEPSEEK, gate
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer, Mixer, Tensor
from planner.architecture.traits import Experts, Traits, attention, build, dense, experts, finish, has_experts, norms

MOST_HEADS = 2**20


@family("llama4_text")
def llama4(config: Config) -> Architecture:
    """Llama 4: chunked attention but for each fourth layer, experts each `interleave_moe_layer_step`-th, always one
    shared.

    `intermediate_size` is an expert's width, `intermediate_size_mlp` a dense layer's.
    """
    row = replace(
        LLAMA,
        mlp="feed_forward",
        mlp_bias=False,
        pattern=patterns.chunked,
        still=True,
        experts=Experts(
            name="feed_forward",
            router="router",
            names=("experts.gate_up_proj", "experts.down_proj"),
            shared="shared_expert",
            width=fields.FFN,
            shared_count=1,
        ),
    )
    s = shape(config)
    kinds, sparse = patterns.chunked(config, s.layers), has_experts(config, row, s)
    around = norms(row, s.hidden, *row.norms)

    def layer(kind: str, moe: bool) -> Layer:
        wide = config.int("intermediate_size_mlp", default=s.ffn)
        return Layer(
            (attention(config, row, s, kind),), experts(config, row, s) if moe else dense(config, row, s, wide), around
        )

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer))


@family("hunyuan_v1_moe", "hunyuan")
def hunyuan(config: Config) -> Architecture:
    """Hunyuan's experts are `intermediate_size` wide, with one shared; lists give one entry for each layer."""
    top_k = config.get(*fields.TOP_K)
    shared = config.get(*fields.SHARED_EXPERTS)
    row = replace(
        LLAMA, mlp_bias=False, qk_norm="head", qk_norms=("query_layernorm", "key_layernorm"),
        experts=Experts(router="gate.wg", shared="shared_mlp", width=fields.FFN, shared_count=1, shared_width=()),
    )  # fmt: skip
    flat = {
        "num_experts_per_tok": top_k[0] if isinstance(top_k, list) and top_k else top_k,
        "n_shared_experts": shared[0] if isinstance(shared, list) and shared else shared,
    }
    return build(config.replace(**{key: value for key, value in flat.items() if value is not None}), row)


@family("mimo_v2_flash")
def mimo_v2(config: Config) -> Architecture:
    """MiMo-V2: windowed layers have heads of their own (`swa_*`) and sinks; values are narrower than keys."""
    s, row = shape(config), Traits(qkv_bias="attention_bias", experts=replace(DEEPSEEK, first=1))
    kinds, sparse, around = mimo_kinds(config, s.layers), has_experts(config, row, s), norms(row, s.hidden, *row.norms)

    def mixer(kind: str) -> Mixer:
        local = kind == patterns.SLIDING
        at = ("swa_", "add_swa_attention_sink_bias", True) if local else ("", "add_full_attention_sink_bias", False)
        heads = config.int(f"{at[0]}num_attention_heads", default=s.heads, high=MOST_HEADS)
        kv = config.int(f"{at[0]}num_key_value_heads", default=2 * s.kv_heads if local else s.kv_heads, high=MOST_HEADS)
        sinks = (
            (Tensor("self_attn.attention_sink_bias", (heads,), "scalar"),) if config.flag(at[1], default=at[2]) else ()
        )
        return parts.attention(
            s.hidden,
            heads,
            kv,
            config.int(f"{at[0]}head_dim", default=s.head_dim),
            value_dim=config.int(f"{at[0]}v_head_dim", "v_head_dim", default=s.head_dim),
            bias=config.flag("attention_bias", default=False),
            window=config.int(*fields.WINDOW, default=128) if local else None,
            extra=sinks,
        )

    def layer(kind: str, moe: bool) -> Layer:
        return Layer((mixer(kind),), experts(config, row, s) if moe else dense(config, row, s), around)

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer))


def mimo_kinds(config: Config, layers: int) -> list[str]:
    """`hybrid_layer_pattern` marks windowed layers with 1; by default the first and each sixth layer see everything."""
    kinds = patterns.listed(config, layers)
    marks = config.list("hybrid_layer_pattern", length=layers)
    if kinds is None and marks is not None:
        return [patterns.SLIDING if mark else patterns.FULL for mark in marks[:layers]]
    return kinds or [
        patterns.FULL if index == 0 or (index + 1) % 6 == 0 else patterns.SLIDING for index in range(layers)
    ]


@family("step3p5", "step3p7_text")
def step3(config: Config) -> Architecture:
    """Step 3.5 and 3.7: each head's output is gated by one number; windowed layers may have more heads."""
    row = replace(
        LLAMA,
        mlp_bias=False,
        qk_norm="head",
        experts=replace(DEEPSEEK, name="moe", shared="/share_expert", first=3),
        extra=gate("head"),
    )
    s = shape(config)
    other = config.section("attention_other_setting") or Config({})
    wide = replace(
        s,
        heads=config.int(
            "num_sliding_attention_heads",
            default=other.int("num_attention_heads", default=s.heads, high=MOST_HEADS),
            high=MOST_HEADS,
        ),
    )
    kinds = patterns.listed(config, s.layers) or [patterns.FULL] * s.layers
    sparse, around = has_experts(config, row, s), norms(row, s.hidden, *row.norms)

    def layer(kind: str, moe: bool) -> Layer:
        return Layer(
            (attention(config, row, wide if kind == patterns.SLIDING else s, kind),),
            experts(config, row, s) if moe else dense(config, row, s),
            around,
        )

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer))


@family("laguna")
def laguna(config: Config) -> Architecture:
    """Laguna: a head count for each layer (`num_attention_heads_per_layer`), gated heads, experts behind the first
    layer.
    """
    row = replace(
        LLAMA,
        mlp_bias=False,
        qk_norm="head",
        experts=replace(DEEPSEEK, correction="parameter", first=1),
        extra=gate("head"),
    )
    s = shape(config)
    kinds = patterns.listed(config, s.layers) or [patterns.FULL] * s.layers
    heads = config.list("num_attention_heads_per_layer", length=s.layers) or [s.heads] * s.layers
    sparse, around = has_experts(config, row, s), norms(row, s.hidden, *row.norms)

    def layer(kind: str, count: str, moe: bool) -> Layer:
        mine = replace(
            s,
            heads=Config({"num_attention_heads_per_layer": int(count) if count.isdigit() else count}).int(
                "num_attention_heads_per_layer", high=MOST_HEADS
            ),
        )
        return Layer(
            (attention(config, row, mine, kind),), experts(config, row, s) if moe else dense(config, row, s), around
        )

    return finish(
        config, row, s, repeat(s.layers, lambda index: (kinds[index], str(heads[index]), sparse[index]), layer)
    )


@family("ministral3")
def ministral3(config: Config) -> Architecture:
    """Ministral 3; a whole config of the vision model may carry the type of its text part."""
    if config.has("text_config"):
        from planner.architecture.registry import parsers

        return parsers()["mistral3"](config.replace(model_type="mistral3"))
    return build(config, MISTRAL)


@family("nemotron-nas", "deci")
def nemotron_nas(config: Config) -> Architecture:
    """Layers found by search:

    `block_configs` says for each which part is missing, linear, or how wide (arXiv:2411.19146).
    """
    s = shape(config)
    blocks = config.list("block_configs", length=s.layers)
    per_layer = config.list("num_key_value_heads_per_layer", length=s.layers)
    made: dict[str, Layer] = {}
    layers = []
    for index in range(s.layers):
        block = Config({"block": blocks[index]}).section("block") if blocks is not None else None
        if block is None:
            kv = per_layer[index] if per_layer is not None else s.kv_heads
            block = Config({"attention": {"n_heads_in_group": s.heads // kv if isinstance(kv, int) and kv > 0 else kv}})
        key = repr(sorted(block.raw.items(), key=str))
        if key not in made:
            made[key] = nas_layer(config, s, block)
        layers.append(made[key])
    return finish(config, LLAMA, s, tuple(layers))


def nas_layer(config: Config, s: Shape, block: Config) -> Layer:
    """One searched layer: a part that is left out takes its norm along; a linear stand-in is one hidden*hidden
    matrix.
    """
    own_attention, own_ffn = block.section("attention") or Config({}), block.section("ffn") or Config({})
    mixers: tuple[Mixer, ...] = ()
    ffn: Ffn | None = None
    around: tuple[Tensor, ...] = ()
    if not own_attention.flag("no_op", default=False):
        around += norms(LLAMA, s.hidden, "input_layernorm")
        if own_attention.flag("replace_with_linear", default=False):
            around += parts.linear("self_attn.linear_attn", s.hidden, s.hidden, "linear")
        else:
            group = own_attention.int("n_heads_in_group", default=s.heads // s.kv_heads, high=MOST_HEADS)
            mixers = (attention(config, LLAMA, replace(s, kv_heads=max(s.heads // group, 1))),)
    if not own_ffn.flag("no_op", default=False):
        around += norms(LLAMA, s.hidden, "post_attention_layernorm")
        if own_ffn.flag("replace_with_linear", default=False):
            around += parts.linear("mlp.linear_mlp", s.hidden, s.hidden, "linear")
        else:
            multiplied = int(2 * own_ffn.number("ffn_mult", default=0) * s.hidden / 3)
            ffn = dense(
                config, LLAMA, s, own_ffn.int("intermediate_size", default=-(-multiplied // 256) * 256 or s.ffn)
            )
    return Layer(mixers, ffn, around)


@family("openelm")
def openelm(config: Config) -> Architecture:
    """OpenELM: heads and ffn grow from the first layer to the last (arXiv:2404.14619)."""
    config = config.replace(
        hidden_size=config.int("model_dim"),
        num_hidden_layers=config.int("num_transformer_layers", high=2_000),
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    config = config.replace(tie_word_embeddings=config.flag("share_input_output_layers", default=True))
    s = shape(config)
    row = Traits(
        layers="transformer.layers.",
        embed="transformer.token_embeddings.weight",
        final="transformer.norm",
        norms=("attn_norm", "ffn_norm"),
        attention="attn",
        qkv=("qkv_proj",),
        out="out_proj",
        qk_norm="head",
        mlp="ffn",
        mlp_names=("proj_1", "proj_2"),
    )
    queries, keys = (config.list(name, length=s.layers) or [] for name in ("num_query_heads", "num_kv_heads"))
    factors = config.list("ffn_multipliers", length=s.layers) or []
    divisor, around = config.int("ffn_dim_divisor", default=256), norms(row, s.hidden, *row.norms)

    def layer(index: int) -> Layer:
        own = Config(
            {"q": queries[index], "kv": keys[index], "ffn": factors[index]} if queries and keys and factors else {}
        )
        wanted = own.number("ffn", default=4.0) * s.hidden
        width = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
        width += divisor if width < 0.9 * wanted else 0
        return Layer(
            (
                attention(
                    config,
                    row,
                    replace(s, heads=own.int("q", high=MOST_HEADS), kv_heads=own.int("kv", high=MOST_HEADS)),
                ),
            ),
            dense(config, row, s, width),
            around,
        )

    return finish(config, row, s, tuple(layer(index) for index in range(s.layers)))
