"""Any other model, as near as its fields tell: the text part of a wrapper, latent attention, recurrent layers, experts,
windows.

Never exact. What a config calls its layers is read by the words in it, so that last week's model gets an answer with a
reason instead of a refusal.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, patterns, recurrent
from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.families.linear import delta_net, lfm2_conv
from planner.architecture.families.llama import LLAMA
from planner.architecture.mla import mla
from planner.architecture.registry import family, parse_text, parsers
from planner.architecture.tensors import Architecture, Mixer
from planner.architecture.traits import Experts, attention, build
from planner.core.errors import PlanError

HIGH = 2**20
WORDS = (
    (patterns.SLIDING, ("sliding", "local", "window")),
    (patterns.CHUNKED, ("chunk",)),
    (patterns.LINEAR, ("linear", "mamba", "delta", "recurrent", "ssm", "rwkv")),
    ("conv", ("conv",)),
)
"""Kinds of layers and the words that tell them; anything else attends to everything."""


@family("")
def unknown(config: Config) -> Architecture:
    """The best guess at a type that no parser knows; never exact.

    Raises:
        PlanError: when the standard fields are not there.
    """
    kind = config.text("model_type")[:60]
    nested = config.section(*fields.TEXT)
    if nested:
        words = parse_text(nested) if nested.text("model_type").lower() in parsers() else unknown(nested)
        note = (
            f"The model type {kind!r} is not known: only its text model is counted, and what sees or hears is left out."
        )
        return replace(words, model_type=kind, exact=False, note=note)
    if not any(config.has(*names) for names in (fields.HIDDEN, fields.LAYERS)):
        what = (
            f"The config's model_type {kind!r} is of no known family and the config"
            if kind
            else "The config has no model_type and"
        )
        raise PlanError(
            f"{what} lacks hidden_size and num_hidden_layers; give the config.json of a text model.", "config"
        )
    kinds = (patterns.FULL, patterns.SLIDING, patterns.CHUNKED)
    latent = dict.fromkeys(kinds, latent_attention) if config.has("kv_lora_rank") else {}
    row = replace(
        LLAMA, pattern=guessed, experts=Experts(), mixers={patterns.LINEAR: recurrence, "conv": lfm2_conv, **latent}
    )
    note = (
        f"The model type {kind!r} is not known: read as a decoder from its standard fields."
        if kind
        else "The config has no model_type: read as a Llama-like decoder."
    )
    return build(config, row, note=note)


def guessed(config: Config, layers: int) -> list[str]:
    """The kind of every layer by the words in its name; without names, windows where the config gives one."""
    kinds = patterns.listed(config, layers) or patterns.windowed(config, layers)
    return [
        next((kind for kind, words in WORDS if any(word in name for word in words)), patterns.FULL) for name in kinds
    ]


def latent_attention(config: Config, s: Shape) -> Mixer:
    return mla(config, s.hidden, indexer=config.has("index_n_heads") and config.has("index_head_dim"))


def recurrence(config: Config, s: Shape) -> Mixer:
    """A recurrent layer by the fields that its kind is known by; attention where none of them is there."""
    if config.has("linear_num_value_heads"):
        return delta_net(config, s, "3.5")
    if config.has("linear_num_heads"):
        kernel = config.int("linear_conv_kernel_dim", default=4, high=HIGH)
        return recurrent.kda(
            s.hidden,
            config.int("linear_num_heads", high=HIGH),
            config.int("linear_head_dim", default=128, high=HIGH),
            kernel,
        )
    return attention(config, LLAMA, s)
