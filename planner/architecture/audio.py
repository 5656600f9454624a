"""Audio towers: Whisper's encoder and its kin, and conformers, found by the `model_type` of an audio config.

A conformer layer has two feed-forward blocks around attention and a convolution (arXiv:2005.08100); the first is the
layer's ffn, the second and the convolution stand among its small tensors. Rows were read off the model classes of
huggingface/transformers 5.23 and counted against them.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.pieces import Piece, Size, conv, hidden, linear, norm, read, table, times, vector, wide
from planner.architecture.tensors import Tensor
from planner.architecture.tower import Tower
from planner.architecture.traits import Traits

BLOCK = Traits(
    norms=("self_attn_layer_norm", "final_layer_norm"), norm="bias", out="out_proj", qkv_bias=True, out_bias=True,
    gated=False, mlp="", mlp_names=("fc1", "fc2"), mlp_bias=True,
)  # fmt: skip
CONVOLUTIONS = (conv("conv1", hidden, "num_mel_bins", 3), conv("conv2", hidden, hidden, 3))

WHISPER = Tower(
    BLOCK,
    before=(*CONVOLUTIONS, table("embed_positions.weight", "max_source_positions")),
    after=(norm("layer_norm"),),
    absent=("k_proj.bias",),
    stack="audio",
    prefix="model.audio_tower.layers.",
    layers=("encoder_layers", "num_hidden_layers"),
)


def halved(size: Size, times_: int) -> Size:
    """What is left of a length after so many convolutions with stride 2."""

    def left(config: Config, s: Shape) -> int:
        length = read(config, s, size)
        for _ in range(times_):
            length = (length + 1) // 2
        return length

    return left


DOWN = "downsample_hidden_size"
QWEN3 = replace(
    WHISPER,
    before=(
        conv("conv2d1", DOWN, 1, 3, 3), conv("conv2d2", DOWN, DOWN, 3, 3), conv("conv2d3", DOWN, DOWN, 3, 3),
        linear("conv_out", hidden, times(halved("num_mel_bins", 3), DOWN), bias=False),
    ),
    after=(norm("ln_post"),), absent=(),
)  # fmt: skip


def entry(key: str, index: int) -> Size:
    """One number of a list in the config."""

    def value(config: Config, s: Shape) -> int:
        return Config({key: (config.list(key, length=index + 1) or [None] * (index + 1))[index]}, config.path).int(key)

    return value


def gemma_relative(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """A scale of every channel of a head, and the projection of relative positions."""
    return (
        Tensor("self_attn.per_dim_scale", (s.head_dim,), "scalar"),
        Tensor("self_attn.relative_k_proj.weight", (s.hidden, s.hidden), "linear"),
    )


MEL_BINS = 128


def subsampled(channels: str, *names: str) -> tuple[Piece, ...]:
    """Gemma's two strided convolutions over the spectrogram, then a projection of what is left of the mel bins."""
    first, second, path = entry(channels, 0), entry(channels, 1), "subsample_conv_projection"
    return (
        conv(f"{path}.{names[0]}.conv", first, 1, 3, 3, bias=False),
        norm(f"{path}.{names[0]}.norm", first, bias=False),
        conv(f"{path}.{names[1]}.conv", second, first, 3, 3, bias=False),
        norm(f"{path}.{names[1]}.norm", second, bias=False),
        linear(f"{path}.input_proj_linear", hidden, times(MEL_BINS // 4, second), bias=False),
    )


def second_half(path: str, kernel: str) -> tuple[Piece, ...]:
    """The second feed-forward block of Gemma's conformer layer, and its convolution."""
    return (
        linear(f"{path}.ffw_layer_1", wide, hidden, bias=False, role="up"),
        linear(f"{path}.ffw_layer_2", hidden, wide, bias=False, role="down"),
        linear("lconv1d.linear_start", times(2), hidden, bias=False),
        linear("lconv1d.linear_end", hidden, hidden, bias=False),
        conv("lconv1d.depthwise_conv1d", hidden, 1, kernel, bias=False),
    )


GEMMA4 = Tower(
    Traits(
        norms=(
            "norm_pre_attn",
            "norm_post_attn",
            "norm_out",
            "feed_forward1.pre_layer_norm",
            "feed_forward1.post_layer_norm",
            "feed_forward2.pre_layer_norm",
            "feed_forward2.post_layer_norm",
            "lconv1d.pre_layer_norm",
            "lconv1d.conv_norm",
        ),
        out="post",
        gated=False,
        mlp="feed_forward1",
        mlp_names=("ffw_layer_1", "ffw_layer_2"),
        extra=gemma_relative,
    ),
    before=subsampled("subsampling_conv_channels", "layer0", "layer1"),
    layer=second_half("feed_forward2", "conv_kernel_size"),
    after=(linear("output_proj", "output_proj_dims", hidden, role="projector"),),
    stack="audio",
    prefix="model.audio_tower.layers.",
)

GEMMA3N = Tower(
    Traits(
        norms=(
            "attention.pre_attn_norm",
            "attention.post_norm",
            "norm",
            "ffw_layer_start.pre_layer_norm",
            "ffw_layer_start.post_layer_norm",
            "ffw_layer_end.pre_layer_norm",
            "ffw_layer_end.post_layer_norm",
            "lconv1d.pre_layer_norm",
            "lconv1d.conv_norm",
        ),
        attention="attention",
        qkv=("attn.q_proj", "attn.k_proj", "attn.v_proj"),
        out="post",
        gated=False,
        mlp="ffw_layer_start",
        mlp_names=("ffw_layer_1", "ffw_layer_2"),
        extra=gemma_relative,
    ),
    before=subsampled("sscp_conv_channel_size", "conv_0", "conv_1"),
    layer=second_half("ffw_layer_end", "conf_conv_kernel_size"),
    layers=("conf_num_hidden_layers",),
    heads=("conf_num_attention_heads",),
    stack="audio",
    prefix="model.audio_tower.conformer.",
)


def phi_distances(config: Config, s: Shape) -> int:
    """Rows of Phi's relative bias: every distance, once for each direction unless it is symmetric."""
    return config.int("bias_max_distance") * (1 if config.flag("bias_symmetric", default=False) else 2)


DEEP, CHANNELS = "depthwise_multiplier", "nemo_conv_channels"
PHI4 = Tower(
    replace(
        BLOCK,
        norms=(
            "layer_norm_att",
            "layer_norm",
            "feed_forward_in.layer_norm",
            "feed_forward_out.layer_norm",
            "conv.layer_norm",
        ),
        out="o_proj",
        gated=True,
        mlp="feed_forward_in",
        mlp_names=("gate_up_proj", "down_proj"),
    ),
    before=(
        conv("embed.conv.0", CHANNELS, 1, 3, 3),
        *(conv(f"embed.conv.{index}", CHANNELS, 1, 3, 3) for index in (2, 5)),
        *(conv(f"embed.conv.{index}", CHANNELS, CHANNELS, 1, 1) for index in (3, 6)),
        linear("embed.out", hidden, times("nemo_final_size", CHANNELS)),
        table("relative_attention_bias_layer.bias_values.weight", phi_distances, lambda config, s: s.heads),
    ),
    layer=(
        linear("feed_forward_out.gate_up_proj", times(2, wide), hidden, role="gate_up"),
        linear("feed_forward_out.down_proj", hidden, wide, role="down"),
        vector("conv.glu.b1", 1, "ext_pw_out_channel", 1),
        vector("conv.glu.b2", 1, "ext_pw_out_channel", 1),
        conv("conv.glu.ext_pw_conv_1d", times(2, "ext_pw_out_channel"), hidden, 1),
        conv("conv.dw_sep_conv_1d.dw_conv", times(DEEP), 1, "kernel_size"),
        conv("conv.dw_sep_conv_1d.pw_conv", "depthwise_separable_out_channel", times(DEEP), 1),
        conv("conv.ext_pw_conv_1d", "ext_pw_out_channel", "depthwise_separable_out_channel", 1),
    ),
    layers=("num_blocks",),
    stack="audio",
    prefix="model.embed_tokens_extend.audio_embed.encoder.encoders.",
)

LLAMA_LIKE = replace(BLOCK, norms=("input_layernorm", "post_attention_layernorm"), out="o_proj", mlp="mlp")

TOWERS: dict[str, Tower] = {
    "whisper": WHISPER,
    "qwen2_audio_encoder": WHISPER,
    "voxtral_encoder": WHISPER,
    "audioflamingo3_encoder": WHISPER,
    "qwen2_5_omni_audio_encoder": replace(
        WHISPER,
        before=(*CONVOLUTIONS, vector("audio_bos_eos_token.weight", 2, "output_dim")),
        after=(norm("ln_post"), linear("proj", "output_dim", hidden, role="projector")),
    ),
    "qwen3_omni_moe_audio_encoder": replace(
        QWEN3,
        after=(
            *QWEN3.after,
            linear("proj1", hidden, hidden, role="projector"),
            linear("proj2", "output_dim", hidden, role="projector"),
        ),
    ),
    "qwen3_asr_encoder": QWEN3,
    "glmasr_encoder": replace(WHISPER, block=LLAMA_LIKE, before=CONVOLUTIONS, after=(norm("norm"),)),
    "voxtral_realtime_encoder": replace(
        WHISPER,
        block=replace(
            BLOCK, norm="weight", out="o_proj", gated=True, mlp="mlp", mlp_names=("gate_proj", "up_proj", "down_proj")
        ),
        before=tuple(conv(f"embedder.conv{i}", hidden, "num_mel_bins" if i == 1 else hidden, 3) for i in (1, 2)),
        after=(norm("norm", bias=False),),
        absent=("k_proj.bias", "gate_proj.bias", "up_proj.bias"),
    ),
    "gemma4_audio": GEMMA4,
    "gemma3n_audio": GEMMA3N,
    "phi4_multimodal_audio": PHI4,
}
"""Every known tower by the `model_type` of its config."""
