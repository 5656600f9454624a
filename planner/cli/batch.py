"""Many questions through one pipe: a JSON request a line in, a JSON answer a line out, in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO

from planner.core.errors import PlanError, shown
from planner.plan import named
from planner.report.json import model_json, plan_json
from planner.request import PlanRequest
from planner.weight_files import sources

LONGEST_LINE = 4 * 2**20
LONGEST_ID = 10_000


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines of a file as they come; of one that is too long to be answered only the front is kept, so that none
    fills the memory.
    """
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = file.readline(LONGEST_LINE)
        yield line


def answers(lines: Iterable[str], hub: bool = False) -> Iterator[str]:
    """The answer to each line as soon as it is read; a bad line gets an error of its own and never stops the rest.

    An answer is JSON in ASCII, whatever the request held: no output encoding can break it, and it never says NaN or
    Infinity.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip("\ufeff \t\r\n"):
            yield json.dumps(answer(line, number, hub), allow_nan=False)


def answer(line: str, number: int = 1, hub: bool = False) -> dict[str, Any]:
    """`{"id", "ok": true, "plan" | "model": {...}}` or `{"id", "ok": false, "error": "..."}`; without an id, the line's
    number.
    """
    identity: Any = number
    try:
        raw = _read(line)
        identity = _identity(raw.pop("id", number))
        kind, what = respond(raw, hub)
        json.dumps(what, allow_nan=False)
        return {"id": identity, "ok": True, kind: what}
    except PlanError as error:
        return {"id": identity, "ok": False, "error": str(error)}
    except Exception:
        return {"id": identity, "ok": False, "error": DEFECT}


DEFECT = "This request met a defect in the planner; please report it with the request."


def respond(raw: dict[str, Any], hub: bool = False) -> tuple[str, dict[str, Any]]:
    """The kind of a request, and its answer.

    Raises:
        PlanError: when there is no such kind, or the request cannot be answered.
    """
    kind = raw.pop("kind", "plan")
    if not isinstance(kind, str) or kind not in KINDS:
        raise PlanError(f"There is no kind {shown(kind, 40)}; use {' or '.join(KINDS)}.", "kind")
    return kind, KINDS[kind](raw, hub)


def _read(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise PlanError(
            f"The line is longer than the {LONGEST_LINE // 2**20} MiB of any request; send one JSON object a line."
        )
    try:
        raw = json.loads(line.removeprefix("\ufeff"))
    except RecursionError:
        raise PlanError("The line is nested too deeply; send one JSON object a line.") from None
    except ValueError:
        raise PlanError("The line is not JSON; send one JSON object a line.") from None
    if not isinstance(raw, dict):
        raise PlanError("The line is not a JSON object; send one JSON object a line.")
    return raw


def _identity(value: Any) -> Any:
    """The id, whatever JSON it is; what Python reads beyond JSON (NaN, Infinity) could not be given back."""
    try:
        if len(json.dumps(value, allow_nan=False)) <= LONGEST_ID:
            return value
    except (ValueError, RecursionError):
        pass
    raise PlanError(
        f"The id must be a JSON value of at most {LONGEST_ID:,} characters, without NaN or Infinity; its line's number"
        " stands for it here.",
        "id",
    )


def _plan(raw: dict[str, Any], hub: bool) -> dict[str, Any]:
    derivation = bool(raw.pop("derivation", False))
    return plan_json(sources.plan(PlanRequest.read(raw), hub), derivation)


def _model(raw: Mapping[str, Any], hub: bool) -> dict[str, Any]:
    return model_json(*named(sources.with_config(PlanRequest.read(raw), hub)))


def _train(raw: dict[str, Any], hub: bool) -> dict[str, Any]:
    from planner.training.answer import train_json
    from planner.training.request import TrainRequest

    derivation = bool(raw.pop("derivation", False))
    return train_json(sources.train(TrainRequest.read(raw), hub), derivation)


def _find(raw: dict[str, Any], _: bool) -> dict[str, Any]:
    from planner.report.find import find_json
    from planner.searches.find import find
    from planner.searches.find_request import FindRequest

    return find_json(find(FindRequest.read(raw)))


KINDS: dict[str, Callable[[dict[str, Any], bool], dict[str, Any]]] = {
    "plan": _plan,
    "train": _train,
    "model": _model,
    "find": _find,
}
