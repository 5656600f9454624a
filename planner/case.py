"""What an engine is asked and what it answers.

An engine is a file in this folder with one object that has the shape of `Engine`, and a row in `registry.ENGINES`. It
reads a `Case`, the request with every name resolved, and returns a `Memory`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from planner.architecture.tensors import Architecture
from planner.catalog.gpus import Gpu
from planner.catalog.taken import LITERALLY, Taken
from planner.memory.quantity import Memory
from planner.request import PlanRequest


@dataclass(frozen=True)
class Case:
    """A request with its names resolved: the architecture and one entry for each physical GPU.

    `name` is how the model is called on screen and in launch commands (a Hugging Face id where there is one), `taken`
    what its name was taken for.
    """

    request: PlanRequest
    name: str
    architecture: Architecture
    gpus: tuple[Gpu, ...]
    ram_bytes: int
    taken: Taken = LITERALLY

    def with_request(self, **fields: Any) -> Case:
        """The same case with some request fields replaced (not the model or the GPUs); no validation, for searches."""
        return replace(self, request=self.request.model_copy(update=fields))


@dataclass(frozen=True, slots=True)
class Command:
    """A command that starts the plan, ready to copy."""

    title: str
    text: str


def word(text: str) -> str:
    """A text from outside as one word of a POSIX shell, whatever stands in it: a model's name may come from a
    stranger's link.
    """
    return shlex.quote(text)


def literal(text: str) -> str:
    """The same as one string of Python, JSON or YAML, all of which read JSON's."""
    return json.dumps(text, ensure_ascii=False)


class Engine(Protocol):
    """What every engine can do."""

    name: str
    title: str

    def formats(self) -> tuple[str, ...]:
        """Names of the quantizations that it runs, best known first; `auto` is always understood."""

    def quantization(self, case: Case) -> str:
        """The format that the request means for this engine: its own default where the request says `auto`.

        Raises:
            PlanError: when the engine cannot run the format that is asked for, naming one that it can.
        """

    def memory(self, case: Case) -> Memory:
        """Where everything lies.

        Raises:
            PlanError: when the request cannot be laid out at all (heads that don't divide, unknown options).
        """

    def alike(self, request: PlanRequest, gpu: Gpu) -> Hashable:
        """What of a card its memory depends on beside the card's size; of an engine with a pool, the size too.

        Cards with equal answers are planned once.

        An engine may leave it out: every card is then planned by itself.
        """

    def commands(self, case: Case) -> tuple[Command, ...]:
        """Commands that start this plan."""
