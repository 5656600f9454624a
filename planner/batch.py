"""Many questions through one pipe: a JSON request a line in, a JSON answer a line out, in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from planner import sources
from planner.answer import model_json, plan_json
from planner.errors import PlanError
from planner.plan import resolve_model
from planner.request import PlanRequest

LONGEST_LINE = 4 * 2**20


def answers(lines: Iterable[str], hub: bool = False) -> Iterator[str]:
    """The answer to each line as soon as it is read; a bad line gets an error of its own and never stops the rest."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield json.dumps(answer(line, number, hub), ensure_ascii=False)


def answer(line: str, number: int = 1, hub: bool = False) -> dict[str, Any]:
    """`{"id", "ok": true, "plan" | "model": {...}}` or `{"id", "ok": false, "error": "..."}`; without an id, the line's number."""
    identity: Any = number
    try:
        raw = _read(line)
        identity = raw.pop("id", number)
        kind = raw.pop("kind", "plan")
        if not isinstance(kind, str) or kind not in KINDS:
            raise PlanError(f"There is no kind {str(kind)[:40]!r}; use {' or '.join(KINDS)}.")
        return {"id": identity, "ok": True, kind: KINDS[kind](raw, hub)}
    except PlanError as error:
        return {"id": identity, "ok": False, "error": str(error)}
    except Exception as error:
        return {"id": identity, "ok": False, "error": f"This request met a defect in the planner ({type(error).__name__}); please report it with the request."}


def _read(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise PlanError("The line is longer than any request; send one JSON object a line.")
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise PlanError("The line is not JSON; send one JSON object a line.") from None
    if not isinstance(raw, dict):
        raise PlanError("The line is not a JSON object; send one JSON object a line.")
    return raw


def _plan(raw: dict[str, Any], hub: bool) -> dict[str, Any]:
    derivation = bool(raw.pop("derivation", False))
    return plan_json(sources.plan(PlanRequest.read(raw), hub), derivation)


def _model(raw: Mapping[str, Any], hub: bool) -> dict[str, Any]:
    return model_json(*resolve_model(sources.with_config(PlanRequest.read(raw), hub)))


def _train(raw: dict[str, Any], hub: bool) -> dict[str, Any]:
    from planner.training.answer import train_json
    from planner.training.request import TrainRequest

    derivation = bool(raw.pop("derivation", False))
    return train_json(sources.train(TrainRequest.read(raw), hub), derivation)


KINDS: dict[str, Callable[[dict[str, Any], bool], dict[str, Any]]] = {"plan": _plan, "train": _train, "model": _model}
