"""GPT-style decoders: layer norms with biases, fused query-key-value matrices, two-matrix ffns, learned or ALiBi
positions.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import hidden_size, shape
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Layer, Tensor
from planner.architecture.traits import Experts, Traits, attention, build, dense, finish, norms

GPT2 = Traits(
    layers="transformer.h.",
    embed="transformer.wte.weight",
    final="transformer.ln_f",
    norms=("ln_1", "ln_2"),
    norm="bias",
    attention="attn",
    qkv=("c_attn",),
    out="c_proj",
    qkv_bias=True,
    out_bias=True,
    mlp_names=("c_fc", "c_proj"),
    gated=False,
    mlp_bias=True,
    positions="transformer.wpe.weight",
)
GPTJ = replace(
    GPT2, norms=("ln_1",), qkv=("q_proj", "k_proj", "v_proj"), out="out_proj", qkv_bias=False, out_bias=False,
    mlp_names=("fc_in", "fc_out"), head_bias=True, positions="",
)  # fmt: skip
NEOX = Traits(
    layers="gpt_neox.layers.",
    embed="gpt_neox.embed_in.weight",
    final="gpt_neox.final_layer_norm",
    head="embed_out.weight",
    norm="bias",
    attention="attention",
    qkv=("query_key_value",),
    out="dense",
    qkv_bias="attention_bias",
    out_bias="attention_bias",
    mlp_names=("dense_h_to_4h", "dense_4h_to_h"),
    gated=False,
    mlp_bias=True,
    parallel="use_parallel_residual",
)
PERSIMMON = replace(
    NEOX, parallel=False, layers="model.layers.", embed="model.embed_tokens.weight", final="model.final_layernorm",
    head="lm_head.weight",
    attention="self_attn", qkv_bias=True, out_bias=True, qk_norm="head", qk_norm_if="qk_layernorm",
    qk_norms=("q_layernorm", "k_layernorm"), qk_norm_bias=True,
)  # fmt: skip
FALCON = Traits(
    layers="transformer.h.", embed="transformer.word_embeddings.weight", final="transformer.ln_f", norm="bias",
    attention="self_attention", qkv=("query_key_value",), out="dense", qkv_bias="bias", out_bias="bias",
    mlp_names=("dense_h_to_4h", "dense_4h_to_h"), gated=False, mlp_bias="bias",
)  # fmt: skip
OPT = Traits(
    layers="model.decoder.layers.",
    embed="model.decoder.embed_tokens.weight",
    final="model.decoder.final_layer_norm",
    norms=("self_attn_layer_norm", "final_layer_norm"),
    norm="bias",
    out="out_proj",
    qkv_bias="enable_bias",
    out_bias="enable_bias",
    mlp="",
    mlp_names=("fc1", "fc2"),
    gated=False,
    mlp_bias="enable_bias",
    positions="model.decoder.embed_positions.weight",
    position_offset=2,
)
XGLM = replace(
    OPT,
    layers="model.layers.",
    embed="model.embed_tokens.weight",
    final="model.layer_norm",
    qkv_bias=True,
    out_bias=True,
    mlp_bias=True,
    positions="",
)
PHI = Traits(
    final="model.final_layernorm", norms=("input_layernorm",), norm="bias", out="dense", qkv_bias=True, out_bias=True,
    mlp_names=("fc1", "fc2"), gated=False, mlp_bias=True, head_bias=True,
    qk_norm="head", qk_norm_if="qk_layernorm", qk_norms=("q_layernorm", "k_layernorm"), qk_norm_bias=True,
)  # fmt: skip
QWEN = Traits(
    layers="transformer.h.",
    embed="transformer.wte.weight",
    final="transformer.ln_f",
    norms=("ln_1", "ln_2"),
    attention="attn",
    qkv=("c_attn",),
    out="c_proj",
    qkv_bias=True,
    out_bias="not no_bias",
    mlp_names=("w2", "w1", "c_proj"),
    mlp_bias="not no_bias",
)
CHATGLM = Traits(
    layers="transformer.encoder.layers.",
    embed="transformer.embedding.word_embeddings.weight",
    final="transformer.encoder.final_layernorm",
    head="transformer.output_layer.weight",
    attention="self_attention",
    qkv=("query_key_value",),
    out="dense",
    qkv_bias="add_qkv_bias",
    out_bias="add_bias_linear",
    mlp_names=("dense_h_to_4h", "dense_4h_to_h"),
    mlp_bias="add_bias_linear",
)

ROWS = {
    "gpt2": GPT2,
    "gpt-sw3": GPT2,
    "gpt_neo": replace(
        GPT2,
        attention="attn.attention",
        qkv=("q_proj", "k_proj", "v_proj"),
        out="out_proj",
        qkv_bias=False,
        pattern=patterns.alternating,
    ),
    "openai-gpt": replace(
        GPT2, embed="transformer.tokens_embed.weight", positions="transformer.positions_embed.weight", final=""
    ),
    "gptj": GPTJ,
    "codegen": replace(GPTJ, qkv=("qkv_proj",)),
    "gpt_neox": NEOX,
    "persimmon": PERSIMMON,
    "xglm": XGLM,
    "biogpt": replace(
        XGLM,
        layers="biogpt.layers.",
        embed="biogpt.embed_tokens.weight",
        final="biogpt.layer_norm",
        head="output_projection.weight",
        positions="biogpt.embed_positions.weight",
        position_offset=2,
    ),
    "phi": PHI,
    "phi-msft": replace(
        PHI,
        layers="transformer.h.",
        embed="transformer.embd.wte.weight",
        final="lm_head.ln",
        head="lm_head.linear.weight",
        norms=("ln",),
        attention="mixer",
        qkv=("Wqkv",),
        out="out_proj",
    ),
    "chatglm": CHATGLM,
}


@family(*ROWS)
def gpt(config: Config) -> Architecture:
    """One row of this table."""
    return build(config, ROWS[config.text("model_type").lower()])


@family("phi3small")
def phi3small(config: Config) -> Architecture:
    """Phi-3-small: biases everywhere, gate and up as one matrix of alternating rows; its own code ties the head."""
    row = Traits(
        norm="bias",
        final="model.final_layernorm",
        qkv=("query_key_value",),
        out="dense",
        qkv_bias=True,
        out_bias=True,
        mlp_names=("up_proj", "down_proj"),
        mlp_bias=True,
    )
    return build(config.over(tie_word_embeddings=True), row)


@family("dbrx")
def dbrx(config: Config) -> Architecture:
    """DBRX: sixteen fine-grained experts; sizes stand in `attn_config` and `ffn_config`."""
    own, inner = config.section("attn_config") or Config({}), config.section("ffn_config") or Config({})
    hidden = hidden_size(config)
    config = config.replace(
        num_key_value_heads=own.int("kv_n_heads", default=1, high=2**20),
        num_experts=inner.int("moe_num_experts", default=4, high=100_000),
        num_experts_per_tok=inner.int("moe_top_k", default=1),
        moe_intermediate_size=inner.int("ffn_hidden_size", default=3584),
        hidden_size=hidden,
    )
    row = Traits(
        layers="transformer.blocks.",
        embed="transformer.wte.weight",
        final="transformer.norm_f",
        norms=("norm_attn_norm.norm_1", "norm_attn_norm.norm_2"),
        attention="norm_attn_norm.attn",
        qkv=("Wqkv",),
        out="out_proj",
        experts=Experts(
            name="ffn", router="router.layer", names=("experts.mlp.w1", "experts.mlp.v1", "experts.mlp.w2")
        ),
    )
    return build(config, row)


@family("gpt_bigcode")
def bigcode(config: Config) -> Architecture:
    """GPT-2 with one key-value head (StarCoder)."""
    return build(config.replace(num_key_value_heads=1 if config.flag("multi_query", default=True) else None), GPT2)


@family("gpt_neox_japanese")
def japanese(config: Config) -> Architecture:
    """GPT-NeoX without biases, but for one on the output of the last attention."""
    row = replace(
        NEOX,
        qkv_bias=False,
        out_bias=False,
        mlp_bias=False,
        layers="gpt_neox_japanese.layers.",
        embed="gpt_neox_japanese.embed_in.weight",
        final="gpt_neox_japanese.final_layer_norm",
    )
    s = shape(
        config.replace(
            intermediate_size=config.int("intermediate_multiple_size", default=4, high=1024) * config.int("hidden_size")
        )
    )
    layer = Layer((attention(config, row, s),), dense(config, row, s), norms(row, s.hidden, *row.norms))
    last = replace(layer, tensors=(*layer.tensors, Tensor("attention.dense_bias", (s.hidden,), "bias")))
    return finish(config, row, s, (layer,) * (s.layers - 1) + (last,))


@family("bloom")
def bloom(config: Config) -> Architecture:
    """ALiBi positions and a norm behind the embedding (arXiv:2211.05100)."""
    row = replace(FALCON, qkv_bias=True, out_bias=True, mlp_bias=True)
    return build(config, row, before=norms(row, hidden_size(config), "transformer.word_embeddings_layernorm"))


@family("falcon", "refinedweb", "refinedwebmodel")
def falcon(config: Config) -> Architecture:
    """Attention and ffn side by side: one shared norm, or two in the newer architecture; few key-value heads."""
    newer = config.flag("new_decoder_architecture", default=config.has("n_head_kv"))
    heads = config.int(*fields.HEADS)
    kv_heads = (
        config.int("num_kv_heads", "n_head_kv", default=heads)
        if newer
        else 1
        if config.flag("multi_query", default=True)
        else heads
    )
    two = config.int("num_ln_in_parallel_attn", default=2 if newer else 1, high=2) == 2
    parallel = config.flag("parallel_attn", default=True)
    names = (
        ("ln_attn", "ln_mlp")
        if parallel and two
        else ("input_layernorm",)
        if parallel
        else ("input_layernorm", "post_attention_layernorm")
    )
    return build(config.replace(num_key_value_heads=kv_heads), replace(FALCON, norms=names, parallel=parallel))


@family("mpt")
def mpt(config: Config) -> Architecture:
    """ALiBi positions, norms without bias, ffn of `expansion_ratio` times the width."""
    config = config.replace(
        intermediate_size=config.int("expansion_ratio", default=4, high=1024) * config.int("d_model", "hidden_size"),
        num_key_value_heads=None,
    )
    row = Traits(
        layers="transformer.blocks.",
        embed="transformer.wte.weight",
        final="transformer.norm_f",
        norms=("norm_1", "norm_2"),
        attention="attn",
        qkv=("Wqkv",),
        out="out_proj",
        mlp="ffn",
        mlp_names=("up_proj", "down_proj"),
        gated=False,
    )
    return build(config, row)


@family("opt")
def opt(config: Config) -> Architecture:
    """Learned positions behind two reserved ones; the 350M model embeds narrower than it thinks and has no
    final norm.
    """
    s = shape(config)
    affine = config.flag("layer_norm_elementwise_affine", default=True)
    final = config.flag("do_layer_norm_before", default=True) and not config.flag(
        "_remove_final_layer_norm", default=False
    )
    narrow = config.int("word_embed_proj_dim", default=s.hidden)
    project = tuple(
        Tensor(f"model.decoder.project_{way}.weight", size, "linear")
        for way, size in (("in", (s.hidden, narrow)), ("out", (narrow, s.hidden)))
    )
    row = replace(OPT, norm="bias" if affine else "none", final=OPT.final if final else "")
    return build(config, row, before=project if narrow != s.hidden else (), embed_width=narrow)


@family("qwen")
def qwen(config: Config) -> Architecture:
    """The first Qwen; its `intermediate_size` counts gate and up together."""
    width = config.int("intermediate_size")
    return build(config.replace(intermediate_size=max(width // 2, 1), num_key_value_heads=None), QWEN)


@family("stablelm", "stablelm_epoch")
def stablelm(config: Config) -> Architecture:
    """Llama with layer norms; with parallel residuals the ffn shares the attention's norm."""
    names = (
        ("input_layernorm",)
        if config.flag("use_parallel_residual", default=False)
        else ("input_layernorm", "post_attention_layernorm")
    )
    return build(
        config,
        Traits(
            norm="bias",
            norms=names,
            qkv_bias="use_qkv_bias",
            qk_norm="full",
            qk_norm_if="qk_layernorm",
            qk_norms=("q_layernorm.norms", "k_layernorm.norms"),
        ),
    )
