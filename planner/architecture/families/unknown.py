"""Any other model: its text part where a nested config describes a known one, else a Llama-like decoder by the standard fields."""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, patterns
from planner.architecture.config import Config
from planner.architecture.families.llama import LLAMA
from planner.architecture.registry import family, parse_text, parsers
from planner.architecture.tensors import Architecture
from planner.architecture.traits import Experts, build
from planner.errors import PlanError


@family("")
def unknown(config: Config) -> Architecture:
    """The best guess at a type that no parser knows; never exact.

    Raises:
        PlanError: when the standard fields are not there.
    """
    kind = config.text("model_type")[:60]
    nested = config.section(*fields.TEXT)
    if nested and nested.text("model_type").lower() in parsers():
        note = f"The model type {kind!r} is not known: only its text model is counted, and what sees or hears is left out."
        return replace(parse_text(nested), model_type=kind, exact=False, note=note)
    if not any(config.has(*names) for names in (fields.HIDDEN, fields.LAYERS)):
        what = f"The config's model_type {kind!r} is of no known family and the config" if kind else "The config has no model_type and"
        raise PlanError(f"{what} lacks hidden_size and num_hidden_layers; give the config.json of a text model.", "config")
    row = replace(LLAMA, pattern=patterns.windowed, experts=Experts())
    note = (
        f"The model type {kind!r} is not known: read as a Llama-like decoder from its standard fields."
        if kind
        else "The config has no model_type: read as a Llama-like decoder."
    )
    return build(config, row, note=note)
