"""The bundled models: found by Hugging Face id, by an everyday name, or by an Ollama tag, without a network.

`data/models/*.json` holds one list a publisher, made by `planner.calibrate.catalogue`; `config` is the published
config.json with every key.
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
from planner.core.data import FOLDER


@dataclass(frozen=True)
class Model:
    """One bundled model; `id` is its Hugging Face id and never changes, because links carry it.

    `title` is what people call it, with its size. `pulls` counts downloads of its family, all sizes, from Ollama's
    library since it is there; `downloads` those of its repositories from the Hugging Face Hub in a month. `complete`
    says whether `config` was found as published, or put together from published facts.
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
    """Every bundled model, the most used first: by its family's pulls, within a family what Ollama runs when no size is
    named, then by downloads.
    """

    def rank(model: Model) -> tuple[Any, ...]:
        named = any(re.fullmatch(r"[a-z][a-z0-9.-]*", alias) for alias in model.aliases)
        return -model.pulls, not (model.pulls and named), -model.downloads, model.title.lower()

    return tuple(sorted(models().values(), key=rank))


@cache
def _architecture(model_id: str) -> Architecture:
    return parse(models()[model_id].config)
