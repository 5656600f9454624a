"""From a config.json to an `Architecture`: one parser a family, found by `model_type`.

A family is a file in `families/` whose parsers carry `@family("model_type", ...)`. Adding one is adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from planner.architecture.config import Config
from planner.architecture.tensors import Architecture
from planner.errors import PlanError, did_you_mean

Parser = Callable[[Config], Architecture]
_PARSERS: dict[str, Parser] = {}


def family(*model_types: str) -> Callable[[Parser], Parser]:
    """Register a parser for these `model_type` values."""

    def register(parser: Parser) -> Parser:
        for model_type in model_types:
            if model_type in _PARSERS:
                raise ValueError(f"two parsers for {model_type}")
            _PARSERS[model_type] = parser
        return parser

    return register


@cache
def parsers() -> Mapping[str, Parser]:
    """Every registered parser; loads the family files once."""
    import planner.architecture.families as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return _PARSERS


def parse(raw: Mapping[str, Any]) -> Architecture:
    """The architecture that a config.json describes.

    Raises:
        PlanError: when a field is missing, mistyped or absurd, or the family is unknown; the message says which.
    """
    config = Config(raw)
    model_type = config.text("model_type")
    parser = parsers().get(model_type)
    if parser is None:
        if not model_type:
            raise PlanError("The config has no model_type; give the config.json of a Hugging Face model.", "config")
        raise PlanError(f"No parser knows the model_type {model_type[:60]!r}.{did_you_mean(model_type, parsers())} Pick a model of a known family.", "config")
    try:
        return parser(config)
    except RecursionError:
        raise PlanError("The config is nested too deeply; give the config.json as the Hub has it.", "config") from None


def parse_text(config: Config, model_type: str = "") -> Architecture:
    """The text decoder that a nested config describes: `parse_text(config.section("text_config"), "llama")`.

    A nested config leaves out what equals the defaults of its class, its `model_type` too; then the argument says which.
    Wrappers add their towers with `dataclasses.replace(text, stacks=(*text.stacks, vision))`, and decide a disputed
    flag beforehand with `config.replace(tie_word_embeddings=...)`.
    """
    name = config.text("model_type", default=model_type)
    parser = parsers().get(name)
    if parser is None:
        raise PlanError(f"No parser knows the model_type {name[:60]!r} of {config.path.rstrip('.') or 'the config'}; pick a model of a known family.", "config")
    return parser(config.replace(model_type=name))
