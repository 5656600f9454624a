"""Plans mutated configs:

`python benchmarks/config_fuzz.py [8000 [seed ...]]`. Each is answered soundly or refused in one sentence; prints what
is not.

A request takes a bundled model's config, breaks up to six of its values (removed, retyped, negative, huge, not a
number, a list of another length, nested, or taken from another model), and asks about it under any engine, format,
context and GPUs, as `batch` does: kinds plan, train and model.
Every answer is searched for what none may hold: a defect, a number that is none, a range out of order, memory below
zero, a Python class's name.
"""

from __future__ import annotations

import copy
import json
import math
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from planner import catalog  # noqa: E402
from planner.catalog.gpus import by_id  # noqa: E402
from planner.cli import batch  # noqa: E402
from planner.core.errors import PlanError  # noqa: E402
from planner.engines.info import engines  # noqa: E402
from planner.engines.registry import engine  # noqa: E402
from planner.plan import plan  # noqa: E402
from planner.request import PlanRequest  # noqa: E402

WRONG: tuple[Any, ...] = (
    None, 0, -1, 1, 2, 3, 7, 1.5, -0.5, 1e300, -1e300, 1e-300, math.nan, math.inf, -math.inf, 10**30, -(2**63), 2**31,
    2**39, 2**40, "", "x", "10", "abc", "NaN", "\ud800",
    True, False, [], [1], [None], ["a"] * 5, [[1, 2], 3], [-1] * 32, [0] * 100, [2**40] * 100, {}, {"a": 1},
    {"a": {"b": [1]}}, [{}] * 100, ["full_attention"] * 3,
    ["full_attention"] * 10_000, ["sliding_attention"] * 64, ["linear_attention"] * 64, "M*-E" * 10, list(range(50)),
    {"factor": 0}, {"rope_type": "linear", "factor": math.nan},
    {"quant_method": "gptq", "bits": 0, "group_size": 0}, {"quant_method": "awq", "bits": "4", "group_size": -1},
)  # fmt: skip
"""Values that stand in no honest config, at least not at most of its keys."""

DEFECT, ABSENT, ORDER, BELOW_ZERO, CLASS, PROSE = (
    "defects",
    "NaN or infinity",
    "ranges out of order",
    "numbers below zero",
    "names of Python classes",
    "refusals that are no sentence",
)
FAULTS = (DEFECT, ABSENT, ORDER, BELOW_ZERO, CLASS, PROSE)

PYTHON = re.compile(
    r"\b[A-Z]\w*(?:Error|Exception)\b|Traceback|NoneType|<class |object at"
    r" 0x|\b(?:dict|tuple|float|bool|PlanRequest|TrainRequest|pydantic)\b"
)
MAY_BE_NEGATIVE = ("headroom_bytes", "value", "change")
"""Room that is lacking, and the steps of a derivation, of which a difference may be one."""


def mutated(rng: random.Random, config: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """The config with one to six of its values wrong, in its sections too."""
    broken: dict[str, Any] = json.loads(json.dumps(config))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = broken
        while (
            inner := [value for value in place.values() if isinstance(value, dict) and value]
        ) and rng.random() < 0.4:
            place = rng.choice(inner)
        if not place:
            continue
        key, chance = rng.choice(list(place)), rng.random()
        if chance < 0.15:
            del place[key]
        elif chance < 0.45:
            place[key] = copy.deepcopy(rng.choice(WRONG))
        elif chance < 0.85:
            place[key] = twisted(rng, place[key])
        else:
            other = rng.choice(others)
            stolen = rng.choice(list(other))
            place[stolen] = copy.deepcopy(other[stolen])
    return broken


def twisted(rng: random.Random, value: Any) -> Any:
    """The value as another type, scaled, or a list of another length."""
    if isinstance(value, list) and value:
        return rng.choice(
            (
                value[:-1],
                value[:1],
                value * 2,
                [str(entry) for entry in value],
                [None, *value],
                [rng.choice(WRONG), *value[1:]],
                value[0],
            )
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        scaled = (
            value * 2,
            value * 3,
            value * 1_000,
            value * 10**6,
            value // 2,
            value + 1,
            value - 1,
            1,
            0,
            2**20,
            2**40,
        )
        return rng.choice(
            (*scaled, *scaled, *scaled, str(value), [value], -value, value / 3, float(value), {"value": value})
        )
    return rng.choice(([value], {"value": value}, str(value), str(value)[::-1]))


@cache
def choices() -> dict[str, list[str]]:
    """Everything that a request may name."""
    return {"engine": list(engines()), "gpus": list(by_id())}


def question(rng: random.Random, config: dict[str, Any]) -> dict[str, Any]:
    """A request of any kind about this config."""
    kind = rng.choice(("plan", "plan", "plan", "plan", "train", "train", "model"))
    raw: dict[str, Any] = {"kind": kind, "model": "some/model", "config": config}
    if kind != "model" and rng.random() < 0.2:
        raw["derivation"] = True
    if rng.random() < 0.9:
        raw["gpus"] = [{"name": rng.choice(choices()["gpus"]), "count": rng.choice((1, 1, 1, 2, 4, 8, 64))}]
    if kind == "train":
        raw |= {
            "method": rng.choice(("full", "lora", "qlora", "dora")),
            "seq_len": rng.choice((1, 128, 1_024, 131_072)),
            "micro_batch": rng.choice((1, 8, 1_000)),
        }
    if kind == "plan":
        name = rng.choice(choices()["engine"])
        known = list(engine(name).formats())
        raw |= {
            "engine": name,
            "context": rng.choice((1, 512, 8_192, 131_072, 10**7)),
            "batch": rng.choice((1, 1, 7, 256)),
        }
        raw |= {"quantization": rng.choice(known)} if rng.random() < 0.6 else {}
    return raw


def numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every number and every range of an answer with the keys that lead to it."""
    if isinstance(value, dict):
        if {"low", "expected", "high"} <= value.keys():
            yield path, value
        for key, inner in value.items():
            yield from numbers(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers(inner, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def faults(answer: dict[str, Any]) -> dict[str, str]:
    """What is wrong with an answer, each with the first place of it; empty for a sound one.

    An end of a range that is null is never reached.
    """
    if not answer["ok"]:
        said = answer["error"]
        found = {DEFECT: said} if "a defect in the planner" in said else {}
        found |= {CLASS: said} if PYTHON.search(said) else {}
        return found | ({PROSE: said} if "\n" in said or not said.endswith((".", "?")) or len(said) > 1_000 else {})
    found = {}
    for path, value in numbers({key: inner for key, inner in answer.items() if key != "id"}):
        place = f"{'.'.join(path)} = {value}"
        if isinstance(value, dict):
            low, expected, high = (
                math.inf if value[end] is None else value[end] for end in ("low", "expected", "high")
            )
            if not low <= expected <= high:
                found.setdefault(ORDER, place)
        elif not math.isfinite(value):
            found.setdefault(ABSENT, place)
        elif value < 0 and not set(path) & set(MAY_BE_NEGATIVE):
            found.setdefault(BELOW_ZERO, place)
    return found


def where(raw: dict[str, Any]) -> str:
    """The place in the code where a request met a defect."""
    raw.pop("id")
    try:
        batch.respond(raw)
    except Exception:
        return " | ".join(line.strip() for line in traceback.format_exc(limit=-4).splitlines() if line.strip())
    return "no exception: the answer is no JSON"


def asked(rng: random.Random) -> dict[str, Any]:
    """A question about a mutated config of the catalogue."""
    return question(rng, mutated(rng, rng.choice(configs()), configs()))


@cache
def configs() -> list[dict[str, Any]]:
    return [dict(model.config) for model in catalog.models().values()]


def tried(line: str) -> tuple[bool, dict[str, str]]:
    """Whether a request is answered, and the faults of its answer; the commands that start a plan are made as well."""
    answer = batch.answer(line)
    found = faults(answer)
    if answer["ok"] and "plan" in answer:
        raw = {name: value for name, value in json.loads(line).items() if name in PlanRequest.model_fields}
        try:
            _ = plan(PlanRequest.read(raw)).commands
        except PlanError as error:
            found[DEFECT] = f"planned, and its commands refused: {error}"
        except Exception:
            found[DEFECT] = traceback.format_exc(limit=-3)
    return answer["ok"], found


def fuzz(ask: Callable[[random.Random], dict[str, Any]]) -> None:
    """Try so many questions from each seed, as the command line says, and print the faults of their answers."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    wrong = 0
    for seed in [int(text) for text in sys.argv[2:]] or [0]:
        rng, started, slowest = random.Random(seed), time.perf_counter(), (0.0, "")
        found: Counter[str] = Counter()
        for number in range(count):
            line = json.dumps({"id": number, **ask(rng)})
            began = time.perf_counter()
            answered, wrongs = tried(line)
            slowest = max(slowest, (time.perf_counter() - began, line[:300]))
            found["answered" if answered else "refused"] += 1
            for fault, place in wrongs.items():
                found[fault] += 1
                print(f"{fault}: {place[:500]}\n  {line[:1_500]}")
                if fault == DEFECT and not answered:
                    print("  " + where(json.loads(line)))
        wrong += sum(found[fault] for fault in FAULTS)
        print(
            f"seed {seed}: {count:,} requests in {time.perf_counter() - started:.0f} s; {found['answered']:,} answered,"
            f" {found['refused']:,} refused with a sentence"
        )
        print("  " + ", ".join(f"{found[fault]:,} {fault}" for fault in FAULTS))
        print(f"  the slowest took {slowest[0]:.2f} s: {slowest[1]}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    fuzz(asked)
