"""Plans requests at their limits:

`python benchmarks/request_fuzz.py [8000 [seed ...]]`. Each is answered soundly or refused in one sentence; prints what
is not.

A request names a bundled model and any GPUs, from none to 1,024, and gives one to four fields a value at or beyond an
end of what they take, of a wrong type, or more than the model has (layers, heads, experts). What an answer may not hold
is what `config_fuzz` looks for; the commands of a plan are made as well.
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
from pydantic import BaseModel, ValidationError

from planner import catalog
from planner.core.errors import PlanError
from planner.engines.info import engines
from planner.engines.registry import engine
from planner.quantization.cache_types import cache_types
from planner.quantization.formats import formats
from planner.request import GpuSpec, PlanRequest, SystemSpec
from planner.training.request import TrainRequest

ODD: tuple[Any, ...] = (
    None, 0, 1, -1, 2, 3, 5, 7, 13, 31, 33, 80, 81, 82, 1_000, 10**6, 10**8, 10**8 + 1, 10**20, 0.5, 1e-300, 1e300,
    math.nan, math.inf, -math.inf, True, False, "", "x", "1", "\ud800",
    [], [1], [0, 0], [-1, 1], [1, math.inf], [math.nan, 1], [0.0, 1.0], [1] * 1_024, [1e-300, 1e300], {}, {"a": 1},
    "auto", "1e999", "nan", "9" * 500,
)  # fmt: skip


NAMED: dict[str, tuple[Any, ...]] = {
    "quantization": ("auto", *formats()),
    "kv_cache_dtype": ("auto", *cache_types()),
    "engine": tuple(engines()),
    "engine_version": ("b5000", "0.11.0"),
    "region": ("Germany", "Iceland"),
    "api": ({"input_usd_per_million": 0, "output_usd_per_million": 1e12},),
    "lora_targets": ("all-linear", ["q_proj"]),
    "cpu": ("Ryzen 9 7950X",),
}
"""Words for the fields that name something."""


@cache
def values(form: type[BaseModel]) -> dict[str, tuple[list[Any], list[Any]]]:
    """For each field what it takes and what it refuses, of the ends of its range, what stands just beyond, its words,
    and odd values.
    """
    needed = {"name": "x"} if form is GpuSpec else {} if form is SystemSpec else {"model": "m"}
    found: dict[str, tuple[list[Any], list[Any]]] = {}
    for name, rules in form.model_json_schema()["properties"].items():
        kinds = [rules, *rules.get("anyOf", ())]
        limits = [
            kind[key]
            for kind in kinds
            for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            if key in kind
        ]
        whole = any(kind.get("type") == "integer" for kind in kinds)
        near = (
            [limit + step for limit in limits for step in (-1, 0, 1)]
            if whole
            else [limit * factor for limit in limits for factor in (1, 0.999, 1.001)]
        )
        words = [word for kind in kinds for word in kind.get("enum", ())]
        taken, refused = found[name] = [], []
        for value in (
            *near,
            *([1e-9] if limits and not whole else ()),
            *words,
            *NAMED.get(name, ()),
            *(ODD if name not in NAMED else ()),
        ):
            try:
                form.model_validate({**needed, name: value})
                taken.append(value)
            except (ValidationError, PlanError):
                refused.append(value)
    return found


def value(rng: random.Random, form: type[BaseModel], name: str) -> Any:
    """A value that the field takes, and now and then one that it does not."""
    taken, refused = values(form)[name]
    return rng.choice(taken if taken and (not refused or rng.random() < 0.95) else refused)


def question(rng: random.Random) -> dict[str, Any]:
    """A request with one to four fields at a limit."""
    kind = rng.choice(("plan", "plan", "plan", "train"))
    asked: dict[str, Any] = {"kind": kind, "model": rng.choice(list(catalog.models()))}
    if kind == "plan":
        asked["engine"] = rng.choice(choices()["engine"])
        if rng.random() < 0.5:
            asked["quantization"] = rng.choice(engine(asked["engine"]).formats())
    if rng.random() < 0.95:
        asked["gpus"] = [gpu(rng, asked.get("engine", "")) for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
    form = TrainRequest if kind == "train" else PlanRequest
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = rng.choice([name for name in values(form) if name not in ("model", "config", "gpus", "engine")])
        asked[name] = value(rng, form, name)
    if rng.random() < 0.1:
        asked["system"] = {name: value(rng, SystemSpec, name) for name in rng.sample(list(SystemSpec.model_fields), 2)}
    return asked


def gpu(rng: random.Random, runs: str) -> dict[str, Any]:
    """A card of the catalogue that this engine mostly takes, often many, and now and then with a memory that no card
    has.
    """
    cards = (
        [name for name in choices()["gpus"] if name.startswith("apple")]
        if runs == "mlx" and rng.random() < 0.9
        else choices()["gpus"]
    )
    counts = (
        (1,)
        if runs == "mlx"
        else (
            (1, 1, 1, 2, 3, 4, 7, 8, 16)
            if runs in ("llama.cpp", "ollama")
            else (1, 1, 1, 2, 3, 4, 7, 8, 16, 64, 340, 1_024)
        )
    )
    spec: dict[str, Any] = {"name": rng.choice(cards), "count": rng.choice(counts)}
    for name in ("memory_mib", "free_mib"):
        if rng.random() < 0.1:
            spec[name] = value(rng, GpuSpec, name)
    return spec


if __name__ == "__main__":
    fuzz(question)
