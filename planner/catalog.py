"""The bundled models: found by Hugging Face id, by an everyday name, or by an Ollama tag, without a network.

`data/models/*.json` holds one list a publisher, made by `planner.calibrate.catalogue`; `config` is the published config.json with every key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from planner.architecture.registry import parse
from planner.architecture.tensors import Architecture
from planner.data import FOLDER
from planner.errors import PlanError, did_you_mean

_WORDS = re.compile(r"\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)?[bmk]?\b|[a-z]+|\d+(?:\.\d+)?")
_FILLER = frozenset({"hf", "meta", "the", "model", "latest"})
_VARIANT = frozenset({"instruct", "it", "chat", "base", "pt"})


@dataclass(frozen=True)
class Model:
    """One bundled model; `id` is its Hugging Face id and never changes, because links carry it.

    `title` is what people call it, with its size. `pulls` counts downloads of its family, all sizes, from Ollama's library since it
    is there; `downloads` those of its repositories from the Hugging Face Hub in a month. `complete` says whether `config` was found
    as published, or put together from published facts.
    """

    id: str
    title: str
    aliases: tuple[str, ...]
    pulls: int
    downloads: int
    complete: bool
    source: str
    as_of: str
    digest: str
    config: Mapping[str, Any]

    @property
    def publisher(self) -> str:
        return self.id.split("/")[0]

    @property
    def architecture(self) -> Architecture:
        return _architecture(self.id)


@cache
def models() -> dict[str, Model]:
    """Every bundled model by its id, in the order of publishers and files."""
    found = {}
    for path in sorted((FOLDER / "models").glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            found[row["id"]] = Model(**{**row, "aliases": tuple(row["aliases"])})
    return found


@cache
def most_used() -> tuple[Model, ...]:
    """Every bundled model, the most used first: by its family's pulls, within a family what Ollama runs when no size is named, then by downloads."""

    def rank(model: Model) -> tuple[Any, ...]:
        named = any(re.fullmatch(r"[a-z][a-z0-9.-]*", alias) for alias in model.aliases)
        return -model.pulls, not (model.pulls and named), -model.downloads, model.title.lower()

    return tuple(sorted(models().values(), key=rank))


def find(name: str) -> Model:
    """The bundled model that a name means: its id, an alias, or its words in any spelling (`llama 3 70b`, `llama3:70b`).

    Raises:
        PlanError: when no bundled model has the name; the nearest are offered.
    """
    model = lookup(name)
    if model is None:
        listed = [*models(), *_by_alias()]
        raise PlanError(f"No bundled model is called {name[:80]!r}.{did_you_mean(name, listed)} Pick one from the list, or give its config.json.", "model")
    return model


def lookup(name: str) -> Model | None:
    """The bundled model that a name means, or None."""
    text = name.strip()
    return models().get(text) or _by_alias().get(text.lower()) or _by_words().get(_key(text)) or _by_words().get(_key(text, loose=True))


@cache
def _by_alias() -> dict[str, Model]:
    names: dict[str, Model] = {}
    for model in models().values():
        for name in (model.id, model.title, *model.aliases):
            names.setdefault(name.lower(), model)
    return names


@cache
def _by_words() -> dict[tuple[str, ...], Model]:
    """Models by the words of their names; a variant (instruct, chat) may be left out where that is unambiguous enough: the first listed wins."""
    keys: dict[tuple[str, ...], Model] = {}
    for loose in (False, True):
        for model in models().values():
            for name in (*model.aliases, model.id.split("/")[-1], model.id, model.title):
                keys.setdefault(_key(name, loose), model)
    keys.pop((), None)
    return keys


def _key(name: str, loose: bool = False) -> tuple[str, ...]:
    words = _WORDS.findall(name.lower()[:200].replace("_", " "))
    dropped = _FILLER | _VARIANT if loose else _FILLER
    return tuple(sorted(word for word in words if word not in dropped))


@cache
def _architecture(model_id: str) -> Architecture:
    return parse(models()[model_id].config)
