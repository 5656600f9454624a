"""From a config.json to an `Architecture`: one parser a family, found by `model_type`.

A family is a file in `families/` whose parsers carry `@family("model_type", ...)`. Adding one is adding a file.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from planner.architecture.config import GGUF, Config, checked
from planner.architecture.tensors import Architecture
from planner.core.data import FOLDER
from planner.core.errors import PlanError

Parser = Callable[[Config], Architecture]
_PARSERS: dict[str, Parser] = {}


MOST_PARAMETERS = 10**15
"""A thousand times the largest model; up to here, bytes are whole numbers in floating point too."""


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

    A `model_type` that no parser knows is read by the standard fields, and the answer says that it is not exact.

    Raises:
        PlanError: when a field is missing, mistyped or absurd; the message says which.
    """
    found = _parsed(Config(checked(raw)))
    if found.parameters > MOST_PARAMETERS:
        raise PlanError(
            f"The config describes {found.parameters:.1e} parameters, more than any model has; check its widths and its"
            " layers.",
            "config",
        )
    return found


def _parsed(config: Config) -> Architecture:
    raw = config.raw
    if GGUF in raw:
        from planner.architecture.from_gguf import from_gguf

        return from_gguf(config.section(GGUF))
    name = config.text("model_type", default="mamba_ssm" if "ssm_cfg" in raw else "").lower()
    return _compared(_read(Config(raw, defaults=class_defaults(name)), name), config.int(PUBLISHED, default=0, low=0))


PUBLISHED = "_published_parameters"
"""Key under which whoever fetched the config adds what the Hub counted in the weights' headers, where the counts are
not exact.
"""


def _compared(architecture: Architecture, published: int) -> Architecture:
    """An inexact reading with the Hub's own count beside it."""
    if architecture.exact or not published:
        return architecture
    off = architecture.parameters / published - 1
    said = (
        "which is this reading's count too"
        if abs(off) < 5e-4
        else f"from which this reading's {architecture.parameters:,} is {off:+.1%} off"
    )
    return replace(
        architecture, note=f"{architecture.note} The published weights hold {published:,} parameters, {said}."
    )


def parse_text(config: Config, model_type: str = "") -> Architecture:
    """The text decoder that a nested config describes: `parse_text(config.section("text_config"), "llama")`.

    A nested config leaves out what equals the defaults of its class, its `model_type` too; then the argument says
    which. Wrappers add their towers with `dataclasses.replace(text, stacks=(*text.stacks, vision))`, and decide a
    disputed flag beforehand with `config.replace(tie_word_embeddings=...)`.
    """
    name = config.text("model_type", default=model_type).lower()
    return _read(config.replace(model_type=name).over(**class_defaults(name)), name)


def _read(config: Config, name: str) -> Architecture:
    return (parsers().get(name) or parsers()[""])(config)


def class_defaults(model_type: str) -> Mapping[str, Any]:
    """What the model class of this type assumes for keys that a config leaves out; empty for unknown types.

    A row that is a name stands for another type with the same class.
    """
    row = _class_defaults().get(model_type, {})
    known: Mapping[str, Any] = _class_defaults()[row] if isinstance(row, str) else row
    return known


@cache
def _class_defaults() -> Mapping[str, Any]:
    files = sorted((FOLDER / "architectures").glob("*_defaults.json"))
    return {name: row for file in files for name, row in json.loads(file.read_text(encoding="utf-8"))["rows"].items()}
