"""What changed between builds of llama.cpp, as `data/llama_builds.csv` lists it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from planner.core.data import table
from planner.core.errors import PlanError
from planner.quantization.gguf_mix import NEWEST


@dataclass(frozen=True, slots=True)
class Build:
    """Attributes:
    number: of the build.
    logits: tokens whose logits are reserved: `all` of a batch, or one for each of the `slots`.
    index_values: whether the places of transposed values are an input.
    received: tensors that one GPU hands to the next in a pipeline.
    """

    number: int
    logits: str
    index_values: bool
    received: int


@cache
def build_of(version: str | None) -> Build:
    """The build that a version such as `b2824` names; the newest known without one.

    Raises:
        PlanError: when the version is no build number.
    """
    number = NEWEST
    if version:
        found = re.search(r"\d{3,6}", version)
        if not found:
            raise PlanError(
                f"The llama.cpp version {version[:20]!r} is no build such as b9000; correct it or leave it out.",
                "engine_version",
            )
        number = int(found[0])
    row = next(row for row in reversed(table("llama_builds")) if int(row["since"]) <= number)
    return Build(number, row["logits"], row["index_values"] == "yes", int(row["received"]))
