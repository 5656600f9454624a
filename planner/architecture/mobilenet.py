"""Gemma 3n's image tower, MobileNet V5: inverted bottlenecks and attention over a coarser grid, one fixed table of
blocks.

Shapes were read off timm's `mobilenetv5_300m_enc` (huggingface/pytorch-image-models 1.0) and counted against it.
"""

from __future__ import annotations

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.tensors import Ffn, Layer, Mixer, Stack, Tensor
from planner.architecture.tower import Built

Kernel = tuple[int, ...]


def conv(name: str, out: int, inner: int, side: int, bias: bool = False) -> tuple[Tensor, ...]:
    """A square convolution."""
    weight = Tensor(f"{name}.weight", (out, inner, side, side), "conv")
    return (weight, Tensor(f"{name}.bias", (out,), "bias")) if bias else (weight,)


def scale(name: str, width: int) -> tuple[Tensor, ...]:
    return (Tensor(f"{name}.weight", (width,), "norm"),)


def edge(inner: int, out: int, width: int) -> Layer:
    """A bottleneck whose expansion is a full 3 x 3 convolution."""
    tensors = (
        conv("conv_exp", width, inner, 3) + scale("bn1", width) + conv("conv_pwl", out, width, 1) + scale("bn2", out)
    )
    return Layer((), Ffn("dense", tensors, width, gated=False))


def bottleneck(inner: int, out: int, width: int, start: int = 0, middle: int = 0) -> Layer:
    """Expand, perhaps convolve each channel before (`start`) or between (`middle`), project, scale."""
    tensors: tuple[Tensor, ...] = ()
    if start:
        tensors += conv("dw_start.conv", inner, 1, start) + scale("dw_start.bn", inner)
    tensors += conv("pw_exp.conv", width, inner, 1) + scale("pw_exp.bn", width)
    if middle:
        tensors += conv("dw_mid.conv", width, 1, middle) + scale("dw_mid.bn", width)
    tensors += conv("pw_proj.conv", out, width, 1) + scale("pw_proj.bn", out)
    return Layer((), Ffn("dense", tensors, width, gated=False), (Tensor("layer_scale.gamma", (out,), "scalar"),))


def attention(width: int, heads: int, head_dim: int, coarser: bool) -> Layer:
    """Multi-query attention; keys and values of a coarser grid come through a strided convolution."""
    tensors = conv("attn.query.proj", heads * head_dim, width, 1)
    for name in ("key", "value"):
        if coarser:
            tensors += conv(f"attn.{name}.down_conv", width, 1, 3) + scale(f"attn.{name}.norm", width)
        tensors += conv(f"attn.{name}.proj", head_dim, width, 1)
    tensors += conv("attn.output.proj", width, heads * head_dim, 1)
    mixer = Mixer("attention", tensors, (), heads, 1, head_dim, head_dim, causal=False)
    return Layer((mixer,), None, (*scale("norm", width), Tensor("layer_scale.gamma", (width,), "scalar")))


def blocks() -> tuple[Layer, ...]:
    """The four stages."""
    flat, coarse, fine = edge(128, 128, 512), attention(640, 12, 64, True), attention(1280, 16, 96, False)
    narrow, wide = bottleneck(640, 640, 1280), bottleneck(1280, 1280, 2560)
    five, three = bottleneck(256, 256, 1024, 5), bottleneck(256, 256, 1024, 3)
    return (
        edge(64, 128, 256),
        flat,
        flat,
        bottleneck(128, 256, 768, 3, 5),
        five,
        three,
        five,
        three,
        bottleneck(256, 640, 1536, 5, 5),
        *(bottleneck(640, 640, 2560, 5),) * 7,
        bottleneck(640, 640, 640),
        *(coarse, narrow) * 14,
        bottleneck(640, 1280, 3840, 5, 5),
        *(fine, wide) * 19,
    )


def mobilenet(config: Config) -> Built:
    """The tower; its width after the fusion of the last two stages is the config's `hidden_size`."""
    hidden = config.int("hidden_size", default=2048)
    stem = conv("conv_stem.conv", 64, 3, 3, bias=True) + scale("conv_stem.bn", 64)
    fusion = conv("msfa.ffn.pw_exp.conv", 3840, 640 + 1280, 1) + scale("msfa.ffn.pw_exp.bn", 3840)
    fusion += (
        conv("msfa.ffn.pw_proj.conv", hidden, 3840, 1)
        + scale("msfa.ffn.pw_proj.bn", hidden)
        + scale("msfa.norm", hidden)
    )
    layers = blocks()
    shape = Shape(len(layers), hidden, 16, 1, 96, 2560, config.int("vocab_size", default=128))
    return Built(config, shape, Stack("vision", hidden, layers, stem, fusion, "model.vision_tower.timm_model.blocks."))
