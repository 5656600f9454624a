"""Plans requests at their limits: `python benchmarks/request_fuzz.py [8000 [seed ...]]`. Each is answered soundly or refused in one sentence; prints what is not.

A request names a bundled model and any GPUs, from none to 1,024, and gives one to four fields a value at or beyond an end of what they take, of a wrong type, or
more than the model has (layers, heads, experts). What an answer may not hold is what `config_fuzz` looks for; the commands of a plan are made as well.
"""

from __future__ import annotations

import math
import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from config_fuzz import choices, fuzz

from planner import catalog
from planner.engines.registry import engine
from planner.quantization.formats import formats
from planner.request import GpuSpec, PlanRequest, Question, SystemSpec
from planner.training.request import TrainRequest

ODD: tuple[Any, ...] = (
    None, 0, 1, -1, 2, 3, 5, 7, 13, 31, 33, 80, 81, 82, 1_000, 10**6, 10**8, 10**8 + 1, 10**20, 0.5, 1e-300, 1e300, math.nan, math.inf, -math.inf, True, False, "", "x", "1", "\ud800",
    [], [1], [0, 0], [-1, 1], [1, math.inf], [math.nan, 1], [0.0, 1.0], [1] * 1_024, [1e-300, 1e300], {}, {"a": 1}, "auto", "1e999", "nan", "9" * 500,
)  # fmt: skip


@cache
def ends(question: type[Question] | type[GpuSpec] | type[SystemSpec]) -> dict[str, tuple[Any, ...]]:
    """For each field what stands at the ends of its range and just beyond, or every word that it knows."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, rules in question.model_json_schema()["properties"].items():
        kinds = [rules, *rules.get("anyOf", ())]
        limits = [kind[key] for kind in kinds for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if key in kind]
        words = [word for kind in kinds for word in kind.get("enum", ())]
        whole = any(kind.get("type") == "integer" for kind in kinds)
        near = (
            [limit + step for limit in limits for step in (-1, 0, 1)] + []
            if whole
            else [limit * factor for limit in limits for factor in (1, 0.999, 1.001)] + [1e-9] * bool(limits)
        )
        found[name] = (*near, *words)
    return found


def question(rng: random.Random) -> dict[str, Any]:
    """A request with one to four fields at a limit."""
    kind = rng.choice(("plan", "plan", "plan", "train"))
    asked: dict[str, Any] = {"kind": kind, "model": rng.choice(list(catalog.models()))}
    if rng.random() < 0.9:
        asked["gpus"] = [gpu(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    if kind == "plan":
        asked["engine"] = rng.choice(choices()["engine"])
        if rng.random() < 0.5:
            asked["quantization"] = rng.choice(engine(asked["engine"]).formats())
    form = TrainRequest if kind == "train" else PlanRequest
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = rng.choice([name for name in form.model_fields if name not in ("model", "config", "gpus")])
        asked[name] = value(rng, form, name)
    if rng.random() < 0.1:
        asked["system"] = {name: value(rng, SystemSpec, name) for name in rng.sample(list(SystemSpec.model_fields), 2)}
    return asked


def value(rng: random.Random, form: type[Any], name: str) -> Any:
    """A value at an end of a field, a format for the fields that name one, or anything."""
    known = ends(form)[name]
    if name in ("quantization", "kv_cache_dtype") and rng.random() < 0.7:
        return rng.choice(list(formats()))
    return rng.choice(known) if known and rng.random() < 0.8 else rng.choice(ODD)


def gpu(rng: random.Random) -> dict[str, Any]:
    """A card of the catalogue, often many, and now and then with a memory that no card has."""
    spec: dict[str, Any] = {"name": rng.choice(choices()["gpus"]), "count": rng.choice((1, 1, 1, 2, 3, 4, 7, 8, 16, 64, 340, 1_024))}
    for name in ("memory_mib", "free_mib"):
        if rng.random() < 0.1:
            spec[name] = value(rng, GpuSpec, name)
    return spec


if __name__ == "__main__":
    fuzz(question)
