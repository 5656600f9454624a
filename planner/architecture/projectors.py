"""What leads from a tower into the width of the text model: a few matrices and norms for each way of doing it.

The pieces read the wrapper's own config; `hidden` and `wide` are the tower's, `text` and `text_wide` the text model's.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.pieces import Piece, Size, hidden, multihead, norm, read, square, times, vector, when, wide
from planner.architecture.pieces import linear as matrix
from planner.architecture.tensors import Tensor


@dataclass(frozen=True)
class Bridge(Shape):
    """The tower's numbers, with the widths of the text model that it leads to."""

    text: int = 1
    text_ffn: int = 1


def text(config: Config, s: Shape) -> int:
    return s.text if isinstance(s, Bridge) else s.hidden


def text_wide(config: Config, s: Shape) -> int:
    return s.text_ffn if isinstance(s, Bridge) else s.ffn


def linear(name: str, out: Size = text, inner: Size = text, bias: bool | str = True) -> Piece:
    return matrix(name, out, inner, bias, role="projector")


def joined(factor: int = 1) -> Size:
    """Features of several layers side by side, where the config names several."""

    def size(config: Config, s: Shape) -> int:
        layers = config.get("vision_feature_layer", "vision_feature_layers")
        return s.hidden * (max(len(layers), 1) if isinstance(layers, list) else factor)

    return size


def shuffled(key: str = "downsample_ratio") -> Size:
    """Patches merged by a ratio below one: hidden / ratio^2."""
    return lambda config, s: s.hidden * max(round(1 / max(config.number(key, default=0.5), 1e-3)), 1) ** 2


def half(size: Size) -> Size:
    return lambda config, s: max(read(config, s, size) // 2, 1)


def aligned(config: Config, s: Shape) -> int:
    return config.int("alignment_intermediate_size", default=text(config, s))


def merged(config: Config, s: Shape) -> int:
    """Patches merged by a kernel of height times width."""
    sides = (config.list("merge_kernel_size") or [2, 2])[:2]
    kernel = Config({"merge_kernel_size": sides[0], "width": sides[-1]}, config.path)
    return s.hidden * kernel.int("merge_kernel_size") * kernel.int("width")


def queries(config: Config, s: Shape) -> int:
    """The most queries that the table from patches to queries holds."""
    known = config.get("projector_patch_to_query_dict")
    counts = list(known.values())[:1_000] if isinstance(known, dict) and known else [256]
    most = max(Config({"queries": count}).int("queries") for count in counts)
    return config.int("max_value_projector_patch_to_query_dict", default=most)


NEWLINE = vector("image_newline", text)


def two(inner: Size, bias: bool | str = True) -> tuple[Piece, ...]:
    """Two matrices with an activation between them."""
    return (
        linear("multi_modal_projector.linear_1", text, inner, bias),
        linear("multi_modal_projector.linear_2", bias=bias),
    )


MLP = two(joined(), "multimodal_projector_bias")
PIXTRAL = (
    norm("multi_modal_projector.norm", bias=False),
    linear("multi_modal_projector.patch_merger.merging_layer", hidden, square("spatial_merge_size"), bias=False),
    *MLP,
)
PLAIN = (linear("multi_modal_projector.linear", text, hidden),)
GEMMA3 = (
    vector("multi_modal_projector.mm_input_projection_weight", hidden, text, role="projector"),
    norm("multi_modal_projector.mm_soft_emb_norm", bias=False),
)
VIP = (norm("multi_modal_projector.projector_layernorm", joined(5)), *two(joined(5)))
IDEFICS3 = (linear("connector.modality_projection.proj", text, square("scale_factor"), bias=False),)
COHERE2 = (
    linear("multi_modal_projector.linear_1", "alignment_intermediate_size", square("downsample_factor")),
    linear("multi_modal_projector.linear_2", text, half("alignment_intermediate_size")),
)
AYA = (
    norm("multi_modal_projector.layernorm", square("downsample_factor")),
    linear("multi_modal_projector.linear_1", aligned, square("downsample_factor")),
    linear("multi_modal_projector.linear_2", text, half(aligned)),
)
INTERN = (norm("multi_modal_projector.layer_norm", shuffled()), *two(shuffled()))
INTERN_REMOTE = (norm("mlp1.0", shuffled()), linear("mlp1.1", text, shuffled()), linear("mlp1.3"))
KIMI = (
    norm("mm_projector.pre_norm", "projection_hidden_size|mm_hidden_size"),
    linear("mm_projector.in_proj", merged, merged),
    linear("mm_projector.out_proj", text, merged),
)
ERNIE = (
    linear("resampler_model.spatial_linear.fc1", square("spatial_merge_size"), square("spatial_merge_size")),
    linear("resampler_model.spatial_linear.fc2", square("spatial_merge_size"), square("spatial_merge_size")),
    norm("resampler_model.spatial_linear.ln", square("spatial_merge_size")),
    linear(
        "resampler_model.temporal_linear.fc1",
        square("spatial_merge_size"),
        times("temporal_merge_size", square("spatial_merge_size")),
    ),
    linear("resampler_model.temporal_linear.fc2", square("spatial_merge_size"), square("spatial_merge_size")),
    norm("resampler_model.temporal_linear.ln", square("spatial_merge_size")),
    linear("resampler_model.mlp", text, square("spatial_merge_size")),
    norm("resampler_model.after_norm", text, bias=False),
)
LFM2 = (
    when("projector_use_layernorm", norm("multi_modal_projector.layer_norm", square("downsample_factor"))),
    linear("multi_modal_projector.linear_1", "projector_hidden_size", square("downsample_factor"), "projector_bias"),
    linear("multi_modal_projector.linear_2", text, "projector_hidden_size", "projector_bias"),
)
ARIA = (
    vector("multi_modal_projector.query", queries, hidden, role="projector"),
    *(linear(f"multi_modal_projector.cross_attn.{name}_proj", hidden, hidden, bias=False) for name in "qkv"),
    *multihead("multi_modal_projector.cross_attn.multihead_attn"),
    linear("multi_modal_projector.cross_attn.linear", hidden, hidden),
    norm("multi_modal_projector.cross_attn.layer_norm"),
    norm("multi_modal_projector.cross_attn.layer_norm_kv"),
    norm("multi_modal_projector.layer_norm"),
    linear("multi_modal_projector.feed_forward.linear_in", text, hidden, bias=False),
    linear("multi_modal_projector.feed_forward.linear_out", bias=False),
)
FRAMES = two(wide, False)
DOWNSAMPLED = two(times("downsample_factor"), False)
HEARD = two(hidden, "projector_bias")
GLM_ASR = (
    linear("multi_modal_projector.linear_1", times(2, text), wide),
    linear("multi_modal_projector.linear_2", text, times(2, text)),
)
QWEN_ASR = (
    linear("multi_modal_projector.linear_1", hidden, hidden),
    linear("multi_modal_projector.linear_2", "output_dim", hidden),
)
READOUT = (linear("projector.readout.0", text, hidden), linear("projector.readout.2"))
PADDLE = (
    norm("projector.pre_norm"),
    linear("projector.linear_1", square("spatial_merge_size"), square("spatial_merge_size")),
    linear("projector.linear_2", text, square("spatial_merge_size")),
)
ALIGNER = (linear("aligner.linear1", text, hidden), linear("aligner.linear2"))

PHI_IMAGE = (
    vector("image_embed.global_img_feature_extensor", 1, 1, hidden),
    vector("image_embed.sub_img_feature_extensor", 1, 1, 1, hidden),
    linear("image_embed.img_projection_up", text, hidden),
    linear("image_embed.img_projection_down"),
)
PHI3_IMAGE = (
    vector("vision_embed_tokens.glb_GN", 1, 1, times(4), role="projector"),
    vector("vision_embed_tokens.sub_GN", 1, 1, 1, times(4), role="projector"),
    linear("vision_embed_tokens.img_projection.0", text, times(4)),
    linear("vision_embed_tokens.img_projection.2"),
)
PHI_AUDIO = tuple(
    piece
    for use in ("speech", "vision_speech")
    for piece in (
        linear(f"audio_embed.up_proj_for_{use}", text, times("downsample_rate")),
        linear(f"audio_embed.down_proj_for_{use}"),
    )
)


def gemma3n(name: str) -> tuple[Piece, ...]:
    """Gemma 3n's embedder: a table of special tokens, norms of hard and soft ones, and the projection."""
    return (
        vector(f"{name}.embedding.weight", words, hidden, role="projector"),
        norm(f"{name}.hard_embedding_norm", bias=False),
        norm(f"{name}.soft_embedding_norm", bias=False),
        linear(f"{name}.embedding_projection", text, hidden, bias=False),
    )


def words(config: Config, s: Shape) -> int:
    """Rows of the tower's own vocabulary."""
    return s.vocab


def first_llava(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """The projector of LLaVA's own code: one matrix, or n of them where its type says `mlp<n>x_gelu`; version 1.6 has a
    newline besides.
    """
    kind = config.text("mm_projector_type", default="linear")
    depth = int(kind[3]) if kind.startswith("mlp") and kind[3:4].isdigit() else 1
    pieces = [
        linear("mm_projector.0", text, hidden),
        *(linear(f"mm_projector.{2 * index}") for index in range(1, depth)),
    ]
    if "unpad" in config.text("mm_patch_merge_type"):
        pieces.append(NEWLINE)
    return tuple(tensor for piece in pieces for tensor in piece(config, s))
