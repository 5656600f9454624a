"""Results that depend on the model alone are kept with the model, so that a search over contexts computes them once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from planner.architecture.tensors import Architecture

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[Concatenate[Architecture, P], R]) -> Callable[Concatenate[Architecture, P], R]:
    """Keep the function's results on the architecture it is given first; further arguments must be hashable and positional."""

    @wraps(function)
    def wrapper(architecture: Architecture, /, *args: P.args, **kwargs: P.kwargs) -> R:
        kept: dict[Any, R] = architecture.__dict__.setdefault("_remembered", {})
        key = (function, args)
        if key not in kept:
            kept[key] = function(architecture, *args, **kwargs)
        return kept[key]

    return cast(Callable[Concatenate[Architecture, P], R], wrapper)
