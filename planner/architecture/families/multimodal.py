"""Text models with eyes and ears: which towers a wrapper has, what leads from each into the text model, and the text
model itself.

The text model is read by its own family through `parse_text`; the towers by their rows in `vision` and `audio`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from planner.architecture import audio, fields, images, projectors, vision
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, dtype
from planner.architecture.pieces import Piece, linear, square, table, together
from planner.architecture.projectors import Bridge, text
from planner.architecture.registry import family, parse_text
from planner.architecture.tensors import Architecture, Stack
from planner.architecture.tower import Tower, build, section

TOWERS = {**vision.TOWERS, **audio.TOWERS}


NOTHING = Shape(0, 1, 1, 1, 1, 1, 1)


@dataclass(frozen=True)
class Eye:
    """A tower below one key of the wrapper's config, and what leads from it into the text model.

    `optional` towers may be missing; others are then what their class assumes, or `usual` where the wrapper assumes
    more. `also` are further stacks of the same tower.
    """

    kind: str
    projector: tuple[Piece, ...] = ()
    key: str = "vision_config"
    optional: bool = False
    also: tuple[Tower, ...] = ()
    usual: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Wrapper:
    """One multimodal model: the type of its text model where the config does not say, where that is nested, and its
    towers.
    """

    text: str
    eyes: tuple[Eye, ...]
    loose: tuple[Piece, ...] = ()
    below: str = ""
    prefix: str = "model.language_model.layers."
    keys: tuple[str, ...] = fields.TEXT


def wrapper(text_type: str, tower: str, *projector: Piece, **more: object) -> Wrapper:
    """A text model with one image tower."""
    return replace(Wrapper(text_type, (Eye(tower, projector),)), **more)  # type: ignore[arg-type]


def listener(text_type: str, tower: str, *projector: Piece, **more: object) -> Wrapper:
    """A text model with one audio tower."""
    return replace(Wrapper(text_type, (Eye(tower, projector, "audio_config"),)), **more)  # type: ignore[arg-type]


LLAVA = Wrapper("llama", (Eye("clip_vision_model", projectors.MLP, usual=vision.CLIP_LARGE),))
LLAVA_NEXT = replace(LLAVA, loose=(projectors.NEWLINE,))
FIRST_LLAVA = Wrapper(
    "llama", (Eye("clip_vision_model", (projectors.first_llava,), usual=vision.CLIP_LARGE),), prefix="model.layers."
)
GEMMA3 = wrapper("gemma3_text", "siglip_vision_model", *projectors.GEMMA3)
GEMMA4_VISION = Eye(
    "gemma4_vision", (linear("embed_vision.embedding_projection", text, bias=False, role="projector"),), optional=True
)
GEMMA4_AUDIO = Eye(
    "gemma4_audio",
    (linear("embed_audio.embedding_projection", text, "output_proj_dims", bias=False, role="projector"),),
    "audio_config",
    optional=True,
)
IDEFICS3 = wrapper("llama", "idefics3_vision", *projectors.IDEFICS3, prefix="model.text_model.layers.")
MISTRAL3 = wrapper("mistral", "pixtral", *projectors.PIXTRAL)
PHI4 = Wrapper(
    "phi3",
    (
        Eye("phi4_multimodal_vision", projectors.PHI_IMAGE),
        Eye("phi4_multimodal_audio", projectors.PHI_AUDIO, "audio_config"),
    ),
    prefix="model.layers.",
)
OMNI = Wrapper(
    "qwen2_5_omni_text",
    (Eye("qwen2_5_omni_audio_encoder", key="audio_config"), Eye("qwen2_5_omni_vision_encoder")),
    prefix="thinker.model.layers.",
)
OMNI3 = Wrapper(
    "qwen3_omni_moe_text",
    (Eye("qwen3_omni_moe_audio_encoder", key="audio_config"), Eye("qwen3_omni_moe_vision_encoder")),
    prefix="thinker.model.layers.",
)

ROWS: dict[str, Wrapper] = {
    "llava": LLAVA,
    "llava_next": LLAVA_NEXT,
    "llava_next_video": LLAVA_NEXT,
    "llava_onevision": replace(wrapper("qwen2", "siglip_vision_model", *projectors.MLP), loose=(projectors.NEWLINE,)),
    "vipllava": Wrapper("llama", (Eye("clip_vision_model", projectors.VIP, usual=vision.CLIP_LARGE),)),
    "llava_llama": FIRST_LLAVA,
    "llava_mistral": replace(FIRST_LLAVA, text="mistral"),
    "llava_qwen": replace(FIRST_LLAVA, text="qwen2"),
    "gemma3": GEMMA3,
    "shieldgemma2": GEMMA3,
    "gemma4": Wrapper("gemma4_text", (GEMMA4_VISION, GEMMA4_AUDIO)),
    "gemma3n": Wrapper(
        "gemma3n_text",
        (
            Eye("gemma3n_vision", projectors.gemma3n("embed_vision")),
            Eye("gemma3n_audio", projectors.gemma3n("embed_audio"), "audio_config"),
        ),
    ),
    "phi3_v": Wrapper(
        "phi3", (Eye("clip_vision_model", projectors.PHI3_IMAGE, usual=vision.CLIP_LARGE),), prefix="model.layers."
    ),
    "phi4_multimodal": PHI4,
    "phi4mm": PHI4,
    "paligemma": wrapper(
        "gemma", "siglip_vision_model", linear("multi_modal_projector.linear", "projection_dim", role="projector")
    ),
    "mistral3": MISTRAL3,
    "lighton_ocr": replace(MISTRAL3, text="qwen3"),
    "idefics3": IDEFICS3,
    "smolvlm": replace(IDEFICS3, eyes=(Eye("smolvlm_vision", projectors.IDEFICS3),)),
    "cohere2_vision": wrapper("cohere2", "siglip_vision_model", *projectors.COHERE2),
    "aya_vision": wrapper("cohere2", "siglip_vision_model", *projectors.AYA),
    "internvl": wrapper("qwen2", "internvl_vision", *projectors.INTERN),
    "qianfan_ocr": wrapper("qwen3", "qianfan_ocr_vision", *projectors.INTERN),
    "internvl_chat": wrapper(
        "internlm2", "intern_vit_6b", *projectors.INTERN_REMOTE, prefix="language_model.model.layers."
    ),
    "aria": wrapper("aria_text", "idefics3_vision", *projectors.ARIA),
    "qwen2_vl": wrapper("qwen2_vl_text", "qwen2_vl_vision"),
    "qwen2_5_vl": wrapper("qwen2_5_vl_text", "qwen2_5_vl_vision"),
    "exaone4_5": wrapper("exaone4", "exaone4_5_vision"),
    "qwen3_vl": wrapper("qwen3_vl_text", "qwen3_vl_vision"),
    "qwen3_vl_moe": wrapper("qwen3_vl_moe_text", "qwen3_vl_moe_vision"),
    "qwen3_5": wrapper("qwen3_5_text", "qwen3_5_vision"),
    "qwen3_5_moe": wrapper("qwen3_5_moe_text", "qwen3_5_moe_vision"),
    "qwen2_5_omni": replace(OMNI, below="thinker_config"),
    "qwen2_5_omni_thinker": OMNI,
    "qwen3_omni_moe": replace(OMNI3, below="thinker_config"),
    "qwen3_omni_moe_thinker": OMNI3,
    "glm4v": wrapper("glm4v_text", "glm4v_vision"),
    "glm46v": wrapper("glm4v_text", "glm4v_vision"),
    "glm4v_moe": wrapper("glm4v_moe_text", "glm4v_moe_vision"),
    "glm_ocr": wrapper("glm_ocr_text", "glm_ocr_vision"),
    "ernie4_5_vl_moe": wrapper("ernie4_5_vl_moe_text", "ernie4_5_vl_moe_vision", *projectors.ERNIE),
    "kimi_k25": wrapper("deepseek_v3", "kimi_k25_vision", *projectors.KIMI),
    "llama4": wrapper(
        "llama4_text",
        "llama4_vision_model",
        linear("multi_modal_projector.linear_1", text, "vision_output_dim", bias=False, role="projector"),
        prefix="language_model.model.layers.",
    ),
    "mllama": Wrapper(
        "mllama_text_model",
        (
            Eye(
                "mllama_vision_model",
                (linear("multi_modal_projector", text, "vision_output_dim", role="projector"),),
                also=(vision.MLLAMA_GLOBAL,),
            ),
        ),
    ),
    "step3p7": wrapper(
        "step3p5",
        "step3p5_vision",
        projectors.linear("multi_modal_projector", text, lambda config, s: 4 * s.hidden, "projector_bias"),
    ),
    "ovis2": wrapper(
        "qwen2",
        "ovis2_vision",
        table("visual_embeddings_table.weight", projectors.words, "hidden_size", role="projector"),
    ),
    "lfm2_vl": wrapper("lfm2", "siglip2_vision_model", *projectors.LFM2),
    "paddleocr_vl": wrapper("paddleocr_vl_text", "paddleocr_vl_vision", *projectors.PADDLE),
    "video_llama_3": wrapper("qwen2", "video_llama_3_vision", *projectors.READOUT),
    "deepseek_vl": wrapper("llama", "siglip_vision_model", *projectors.ALIGNER),
    "fuyu": Wrapper(
        "persimmon", (), loose=(projectors.linear("vision_embed_tokens", text, square("patch_size", "num_channels")),)
    ),
    "qwen2_audio": listener("qwen2", "qwen2_audio_encoder", *projectors.PLAIN),
    "voxtral": listener("llama", "voxtral_encoder", *projectors.FRAMES),
    "voxtral_realtime": listener("voxtral_realtime_text", "voxtral_realtime_encoder", *projectors.DOWNSAMPLED),
    "audioflamingo3": listener("qwen2", "audioflamingo3_encoder", *projectors.HEARD),
    "glmasr": listener("llama", "glmasr_encoder", *projectors.GLM_ASR),
    "qwen3_asr": listener("qwen3", "qwen3_asr_encoder", *projectors.QWEN_ASR),
}


@family(*ROWS)
def multimodal(config: Config) -> Architecture:
    """The text model, its towers, and what leads from one to the other.

    Raises:
        PlanError: when a field of any part is missing or absurd.
    """
    row = ROWS[config.text("model_type").lower()]
    if row is LLAVA and config.has("mm_vision_tower"):
        row = FIRST_LLAVA
    whole = section(config, row.below, f"{config.text('model_type').lower()}_thinker") if row.below else config
    words = text_model(whole, row)
    stacks = [stack for eye in row.eyes for stack in tower(whole, eye, words)]
    loose = together(row.loose, whole, bridge(words))
    if loose:
        stacks.append(Stack("projector", words.main.hidden_size, (), loose, prefix="model."))
    note = words.note or next((why for eye in row.eyes if (why := doubt(whole, eye))), "")
    quantization = config.section("quantization_config")
    named = str((config.list("architectures") or [""])[0])[:80]
    return replace(
        words,
        model_type=config.text("model_type"),
        architecture=named,
        stacks=(replace(words.main, prefix=row.prefix), *words.stacks[1:], *stacks),
        dtype=dtype(config) if config.has("dtype", "torch_dtype") else words.dtype,
        quantization=dict(quantization.raw) if quantization else words.quantization,
        image=next(
            (
                images.largest(config, tower_config(whole, eye))
                for eye in row.eyes
                if eye.key == "vision_config" and seen(whole, eye)
            ),
            None,
        ),
        exact=words.exact and not note,
        note=note,
    )


INHERITS = frozenset(
    {
        "qwen2_vl",
        "qwen2_5_vl",
        "glm4v",
        "glm4v_moe",
        "glm_ocr",
        "llama4",
        "llava",
        "llava_onevision",
        "paddleocr_vl",
        "video_llama_3",
    }
)
"""Classes that also tie the head when the nested config alone says so; the others heed the wrapper first."""


def text_model(config: Config, row: Wrapper) -> Architecture:
    """The text model, nested or flat.

    Whether its head is tied says the wrapper, else the nested config, else the wrapper's class.
    """
    nested = config.section(*row.keys)
    source = nested or config.replace(model_type=row.text)
    if source.text("model_type").lower() in ROWS:
        source = source.replace(model_type=row.text)
    flags = [
        place.flag("tie_word_embeddings", default=False)
        for place in (config, source)
        if place.raw.get("tie_word_embeddings") is not None
    ]
    decide = any if config.text("model_type").lower() in INHERITS else next
    tied = decide(iter(flags)) if flags else config.flag("tie_word_embeddings", default=False)
    said = str((config.list("architectures") or [""])[0])
    bare = said.endswith("Model") and not said.endswith("ChatModel")
    return parse_text(
        source.replace(tie_word_embeddings=tied, architectures=["Model" if bare else "ForConditionalGeneration"]),
        row.text,
    )


def seen(config: Config, eye: Eye) -> bool:
    """Whether the config has the tower at all."""
    return not eye.optional or config.has(eye.key)


def tower(config: Config, eye: Eye, words: Architecture) -> tuple[Stack, ...]:
    """The stacks of one tower and its projector; none when the config leaves out a tower that is optional."""
    if not seen(config, eye):
        return ()
    nested = tower_config(config, eye)
    built = build(nested, TOWERS[nested.text("model_type")])
    stacks = [built.stack, *(build(nested, row).stack for row in eye.also)]
    tensors = together(eye.projector, config.over(**{**nested.defaults, **nested.raw}), bridge(words, built.shape))
    if tensors:
        stacks.append(Stack("projector", words.main.hidden_size, (), tensors, prefix="model."))
    return tuple(stacks)


def tower_config(config: Config, eye: Eye) -> Config:
    """The tower's own config: described, named by its Hugging Face id, or as the wrapper's class assumes."""
    if not config.has(eye.key):
        usual = vision.PUBLISHED.get(config.text("mm_vision_tower"), eye.usual)
        config = config.replace(**{eye.key: dict(usual)})
    return section(config, eye.key, eye.kind, TOWERS)


def doubt(config: Config, eye: Eye) -> str:
    """Why the tower may not be the one that the config means: it is of a type, or has a name, that is not known
    here.
    """
    nested = config.section(eye.key)
    said = nested.text("model_type").lower() if nested else config.text("mm_vision_tower")
    known = said in TOWERS or eye.kind.startswith(said) or said in vision.PUBLISHED
    return "" if known else f"The tower {said[:60]!r} is not known: counted as a {eye.kind}."


def bridge(words: Architecture, s: Shape = NOTHING) -> Bridge:
    """The widths on both sides of a projector."""
    ffn = next((layer.ffn.width for layer in words.main.layers if layer.ffn), 1)
    return Bridge(
        s.layers,
        s.hidden,
        s.heads,
        s.kv_heads,
        s.head_dim,
        s.ffn,
        s.vocab,
        text=words.main.hidden_size,
        text_ffn=max(ffn, 1),
    )
