"""Image towers: vision transformers told apart by their rows, found by the `model_type` of a vision config.

Rows were read off the model classes of huggingface/transformers 5.23 (InternViT-6B and its 300M sibling off the code
beside the weights) and counted against them. Whatever projects into the text model stands in `projectors`.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.mobilenet import mobilenet
from planner.architecture.pieces import (
    Piece,
    Size,
    attention_pool,
    conv,
    grid,
    grid_and,
    hidden,
    linear,
    named,
    norm,
    patches,
    square,
    table,
    times,
    vector,
    when,
    wide,
)
from planner.architecture.tensors import Role, Tensor
from planner.architecture.tower import Maker, Tower
from planner.architecture.traits import Traits

POSITION: Role = "position_embedding"
POSITIONS = "embeddings.position_embedding.weight"

VIT = Traits(
    norms=("layer_norm1", "layer_norm2"),
    norm="bias",
    out="out_proj",
    qkv_bias=True,
    out_bias=True,
    gated=False,
    mlp_names=("fc1", "fc2"),
    mlp_bias=True,
)
LAMBDAS = (vector("lambda_1"), vector("lambda_2"))

CLIP = Tower(
    VIT,
    before=(
        vector("embeddings.class_embedding"),
        patches("embeddings.patch_embedding", bias=False),
        table(POSITIONS, grid_and(1)),
        norm("pre_layrnorm"),
    ),
    after=(norm("post_layernorm"),),
)
SIGLIP_BODY = Tower(
    VIT, before=(patches("embeddings.patch_embedding"), table(POSITIONS, grid)), after=(norm("post_layernorm"),)
)
SIGLIP = replace(SIGLIP_BODY, after=(*SIGLIP_BODY.after, when("vision_use_head", attention_pool(), default=True)))
SIGLIP2_BEFORE = (patches("embeddings.patch_embedding", flat=True), table(POSITIONS, "num_patches"))

PIXTRAL = Tower(
    Traits(norms=("attention_norm", "ffn_norm"), attention="attention", mlp="feed_forward"),
    before=(patches("patch_conv", bias=False), norm("ln_pre", bias=False)),
    head_dim=(),
    prefix="model.vision_tower.transformer.layers.",
)

INTERN = Tower(
    replace(
        VIT, norms=("layernorm_before", "layernorm_after"), attention="attention", out="projection_layer",
        qkv_bias="attention_bias", qk_norm="full", qk_norm_if="use_qk_norm",
    ),
    before=(
        vector("embeddings.cls_token"), when("use_mask_token", vector("embeddings.mask_token")),
        when("use_absolute_position_embeddings", table("embeddings.position_embeddings", grid_and(1)), default=True),
        patches("embeddings.patch_embeddings.projection"),
    ),
    after=(when("use_mean_pooling", norm("layernorm"), default=True, is_not=True),),
    layer=LAMBDAS, prefix="model.vision_tower.encoder.layer.",
)  # fmt: skip
INTERN_REMOTE = Tower(
    replace(
        VIT,
        norms=("norm1", "norm2"),
        attention="attn",
        qkv=("qkv",),
        out="proj",
        qkv_bias="qkv_bias",
        qk_norm="full",
        qk_norm_if="qk_normalization",
    ),
    before=(
        vector("embeddings.class_embedding"),
        patches("embeddings.patch_embedding"),
        table("embeddings.position_embedding", grid_and(1)),
    ),
    layer=(vector("ls1"), vector("ls2")),
    prefix="vision_model.encoder.layers.",
)

QWEN_BLOCK = replace(VIT, norms=("norm1", "norm2"), attention="attn", qkv=("qkv",), out="proj")
MERGED = square("spatial_merge_size")


def merger(name: str, out: str, bias: bool = True) -> tuple[Piece, ...]:
    """Qwen's merger: a norm, then two matrices from the merged patches to the width of the text model."""
    return (
        norm(f"{name}.ln_q", bias=bias),
        linear(f"{name}.mlp.0", MERGED, MERGED, role="projector"),
        linear(f"{name}.mlp.2", out, MERGED, role="projector"),
    )


QWEN2 = Tower(
    QWEN_BLOCK, before=(patches("patch_embed.proj", bias=False, temporal="temporal_patch_size"),),
    after=merger("merger", "hidden_size"), hidden=("embed_dim",), prefix="model.visual.blocks.",
)  # fmt: skip
QWEN25 = Tower(
    replace(QWEN_BLOCK, norm="weight", gated=True, mlp_names=("gate_proj", "up_proj", "down_proj")),
    before=QWEN2.before,
    after=merger("merger", "out_hidden_size", bias=False),
    prefix=QWEN2.prefix,
)
QWEN3_MERGER = (
    linear("linear_fc1", MERGED, MERGED, role="projector"),
    linear("linear_fc2", "out_hidden_size", MERGED, role="projector"),
)


def deepstack(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """Further mergers that feed features of earlier layers to the text model (arXiv:2406.04334); their norm is as wide
    as merged patches.
    """
    indexes = config.list("deepstack_visual_indexes") or []
    return tuple(
        tensor
        for index in range(min(len(indexes), 1_000))
        for tensor in named(f"deepstack_merger_list.{index}", norm("norm", MERGED), *QWEN3_MERGER)(config, s)
    )


def glm_merger(width: Size) -> tuple[Piece, ...]:
    """GLM's merger: a convolution that joins neighbours, a projection with a norm, then a gated block of this width."""
    return (
        conv("downsample", "out_hidden_size", hidden, "spatial_merge_size", "spatial_merge_size"),
        linear("merger.proj", "out_hidden_size", "out_hidden_size", bias=False, role="projector"),
        norm("merger.post_projection_norm", "out_hidden_size"),
        linear("merger.gate_proj", width, "out_hidden_size", bias=False, role="projector"),
        linear("merger.up_proj", width, "out_hidden_size", bias=False, role="projector"),
        linear("merger.down_proj", "out_hidden_size", width, bias=False, role="projector"),
    )


def codebook(config: Config, s: Shape) -> int:
    """Visual words of Ovis without those that mark where an image begins and ends."""
    return config.int("vocab_size") - config.int(
        "num_visual_indicator_tokens", default=5, low=0, high=config.int("vocab_size") - 1
    )


def aspect_ratios(config: Config, s: Shape) -> int:
    """Shapes of the tiled picture, and one for none."""
    return len(config.list("supported_aspect_ratios") or []) + 1


def tile_positions(name: str) -> tuple[Piece, ...]:
    """A gated vector for every tile of every shape."""
    return (vector(f"{name}.gate", 1), table(f"{name}.embedding.weight", aspect_ratios, times("max_num_tiles")))


QWEN3 = Tower(
    replace(QWEN_BLOCK, mlp_names=("linear_fc1", "linear_fc2")),
    before=(
        patches("patch_embed.proj", temporal="temporal_patch_size"),
        table("pos_embed.weight", "num_position_embeddings"),
    ),
    after=(named("merger", norm("norm"), *QWEN3_MERGER), deepstack),
    prefix=QWEN2.prefix,
)

GLM4V = Tower(
    Traits(norms=("norm1", "norm2"), attention="attn", qkv=("qkv",), out="proj", qkv_bias="attention_bias"),
    before=(
        table(POSITIONS, grid),
        patches("patch_embed.proj", temporal="temporal_patch_size"),
        norm("post_conv_layernorm", bias=False),
    ),
    after=(*glm_merger("intermediate_size"), norm("post_layernorm", bias=False)),
    ffn=("out_hidden_size",),
    prefix=QWEN2.prefix,
)
GLM_OCR = Tower(
    replace(GLM4V.block, out_bias="attention_bias", mlp_bias="attention_bias", qk_norm="head"),
    before=GLM4V.before[1:2],
    after=(*glm_merger(times("in_channels", "out_hidden_size")), norm("post_layernorm", bias=False)),
    prefix=QWEN2.prefix,
)

MOONVIT = Tower(
    replace(VIT, norms=("norm1", "norm2"), attention="attn", out="proj"),
    before=(
        patches("patch_embed.proj"),
        vector(
            "patch_embed.pos_emb.position_embeddings",
            "pos_emb_height|init_pos_emb_height",
            "pos_emb_width|init_pos_emb_width",
            hidden,
            role=POSITION,
        ),
    ),
    after=(norm("final_layernorm"),),
    prefix="model.vision_tower.layers.",
)

LLAMA4 = Tower(
    replace(VIT, norms=("input_layernorm", "post_attention_layernorm"), out="o_proj"),
    before=(
        vector("class_embedding"),
        table("positional_embedding_vlm", grid_and(1)),
        patches("patch_embedding.linear", bias=False, flat=True),
        norm("layernorm_pre"),
    ),
    after=(
        norm("layernorm_post"),
        linear("vision_adapter.mlp.fc1", "projector_input_dim", wide, bias=False, role="projector"),
        linear("vision_adapter.mlp.fc2", "projector_output_dim", "projector_output_dim", bias=False, role="projector"),
    ),
    prefix="vision_model.model.layers.",
)

STEP = Tower(
    replace(VIT, norms=("layernorm_before", "layernorm_after")),
    before=(patches("embeddings.patch_embedding", bias=False), table(POSITIONS, grid), norm("pre_layernorm")),
    after=(conv("downsampler1", times(2), hidden, 3, 3), conv("downsampler2", times(4), times(2), 3, 3)),
    layer=LAMBDAS,
    ffn=(),
    prefix="model.vision_model.layers.",
)

AIMV2 = Tower(
    Traits(
        norms=("rms_norm1", "rms_norm2"),
        attention="attention",
        out="out_proj",
        qkv_bias="qkv_bias",
        out_bias="qkv_bias",
        mlp="ffn",
        mlp_bias="mlp_bias",
    ),
    before=(patches("embeddings.patch_embedding"), table(POSITIONS, grid), norm("embeddings.rms_norm", bias=False)),
    after=(
        norm("rms_norm", bias=False),
        linear("head_linear", codebook, square("hidden_stride"), bias=False, role="projector"),
        norm("head_norm", codebook),
    ),
    prefix="model.vision_tower.transformer.encoder.layers.",
)

GEMMA4 = Tower(
    replace(
        Traits(qk_norm="head", qkv_bias="attention_bias", out_bias="attention_bias"),
        norms=(
            "input_layernorm",
            "post_attention_layernorm",
            "pre_feedforward_layernorm",
            "post_feedforward_layernorm",
        ),
    ),
    before=(
        vector("patch_embedder.position_embedding_table", 2, "position_embedding_size", hidden, role=POSITION),
        patches("patch_embedder.input_proj", bias=False, flat=True),
    ),
)

MLLAMA = Tower(
    replace(VIT, norms=("input_layernorm", "post_attention_layernorm"), out="o_proj", qkv_bias=False, out_bias=False),
    before=(
        vector("class_embedding"),
        patches("patch_embedding", bias=False),
        vector("gated_positional_embedding.gate", 1),
        table("gated_positional_embedding.embedding", grid_and(1)),
        table(
            "gated_positional_embedding.tile_embedding.weight",
            aspect_ratios,
            times("max_num_tiles", times(grid_and(1))),
        ),
        *tile_positions("pre_tile_positional_embedding"),
        *tile_positions("post_tile_positional_embedding"),
        norm("layernorm_pre"),
    ),
    after=(norm("layernorm_post"),),
    prefix="model.vision_model.transformer.layers.",
)
MLLAMA_GLOBAL = Tower(
    MLLAMA.block,
    layer=(vector("gate_attn", 1), vector("gate_ffn", 1)),
    layers=("num_global_layers",),
    prefix="model.vision_model.global_transformer.layers.",
)

TOWERS: dict[str, Tower | Maker] = {
    "gemma3n_vision": mobilenet,
    "clip_vision_model": CLIP,
    "siglip_vision_model": SIGLIP,
    "siglip2_vision_model": replace(SIGLIP, before=SIGLIP2_BEFORE),
    "idefics2_vision": SIGLIP_BODY,
    "idefics3_vision": SIGLIP_BODY,
    "smolvlm_vision": SIGLIP_BODY,
    "granite_docling_vision": SIGLIP_BODY,
    "paddleocr_vl_vision": SIGLIP_BODY,
    "video_llama_3_vision": replace(SIGLIP_BODY, before=SIGLIP_BODY.before[:1]),
    "janus_vision_model": replace(SIGLIP_BODY, block=replace(VIT, out="projection_layer", qkv_bias="attention_bias")),
    "phi4_multimodal_vision": replace(SIGLIP_BODY, after=(*SIGLIP_BODY.after, attention_pool())),
    "pixtral": PIXTRAL,
    "internvl_vision": INTERN,
    "qianfan_ocr_vision": INTERN,
    "intern_vit_6b": INTERN_REMOTE,
    "qwen2_vl_vision": QWEN2,
    "qwen2_5_vl_vision": QWEN25,
    "exaone4_5_vision": QWEN25,
    "qwen2_5_omni_vision_encoder": replace(QWEN25, block=replace(QWEN25.block, qkv=("q", "k", "v"))),
    "qwen3_vl_vision": QWEN3,
    "qwen3_vl_moe_vision": QWEN3,
    "qwen3_omni_moe_vision_encoder": QWEN3,
    "qwen3_5_vision": replace(QWEN3, after=QWEN3.after[:1]),
    "qwen3_5_moe_vision": replace(QWEN3, after=QWEN3.after[:1]),
    "glm4v_vision": GLM4V,
    "glm4v_moe_vision": GLM4V,
    "glm_ocr_vision": GLM_OCR,
    "ernie4_5_vl_moe_vision": Tower(
        QWEN_BLOCK,
        before=(patches("patch_embed.proj", bias=False, flat=True),),
        after=(norm("ln"),),
        prefix="model.vision_tower.blocks.",
    ),
    "kimi_k25_vision": MOONVIT,
    "llama4_vision_model": LLAMA4,
    "step3p5_vision": STEP,
    "ovis2_vision": AIMV2,
    "gemma4_vision": GEMMA4,
    "mllama_vision_model": MLLAMA,
}
"""Every known tower by the `model_type` of its config."""

CLIP_LARGE: dict[str, object] = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}
SIGLIP_SO400M: dict[str, object] = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
PUBLISHED: dict[str, dict[str, object]] = {
    "openai/clip-vit-large-patch14-336": CLIP_LARGE,
    "openai/clip-vit-large-patch14": {**CLIP_LARGE, "image_size": 224},
    "google/siglip-so400m-patch14-384": SIGLIP_SO400M,
}
"""Towers that a config names by their Hugging Face id instead of describing them."""
