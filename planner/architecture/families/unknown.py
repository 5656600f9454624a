"""Any other decoder, read by the standard fields: grouped-query attention, a gated ffn, experts where the config names them."""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, patterns
from planner.architecture.config import Config
from planner.architecture.families.llama import LLAMA
from planner.architecture.registry import family
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
