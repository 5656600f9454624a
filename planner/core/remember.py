"""Results that depend on the model and on little else are kept with the model, so that a search over contexts computes
them once.

What is kept is bounded: a server that answers for months holds no more than the newest of each.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from planner.architecture.tensors import Architecture

P = ParamSpec("P")
R = TypeVar("R")

MOST = 256
"""Results of one function for one model: its formats, and the shapes of a while."""

FEW = 4
"""Results that every format of the same question shares, and no other question."""


def remembered(function: Callable[Concatenate[Architecture, P], R]) -> Callable[Concatenate[Architecture, P], R]:
    """Keep the function's results on the architecture it is given first; further arguments must be hashable and
    positional.
    """
    return _keeping(function, MOST)


def latest(function: Callable[Concatenate[Architecture, P], R]) -> Callable[Concatenate[Architecture, P], R]:
    """The same for what is asked with the same arguments in a row, as a table of formats does: the last few results."""
    return _keeping(function, FEW)


def _keeping(
    function: Callable[Concatenate[Architecture, P], R], most: int
) -> Callable[Concatenate[Architecture, P], R]:
    @wraps(function)
    def wrapper(architecture: Architecture, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return recall(architecture, function, args, most, lambda: function(architecture, *args, **kwargs))

    return cast(Callable[Concatenate[Architecture, P], R], wrapper)


def recall(architecture: Architecture, what: object, key: Hashable, most: int, find: Callable[[], R]) -> R:
    """What is kept with the model under this name and key, found and kept where it isn't there; the oldest of `most`
    goes.
    """
    kept: dict[Hashable, R] = architecture.__dict__.setdefault("_remembered", {}).setdefault(what, {})
    try:
        return kept[key]
    except KeyError:
        found = find()
        if len(kept) >= most:
            kept.pop(next(iter(kept.copy())), None)  # of a copy: another visitor may be adding
        kept[key] = found
        return found
