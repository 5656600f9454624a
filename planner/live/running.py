"""What a process runs, guessed from its command line: fields of a request, for the user to correct.

A command line is a stranger's text. It is cut into words as a shell would, looked up in one table, and every value goes
through the request's own validation; what does not pass is left out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from functools import cache
from typing import Any

from planner import catalog
from planner.core.errors import PlanError
from planner.engines.info import EngineInfo, engines, info
from planner.quantization.spelling import split
from planner.request import PlanRequest


@cache
def marks() -> tuple[tuple[EngineInfo, re.Pattern[str]], ...]:
    """Each engine's pattern, the surest first: one that is built on another's kernels shows both names, and a library
    runs in any program.
    """
    found = sorted(engines().values(), key=lambda one: (one.kind == "library", one.kernels == one.name))
    return tuple((one, re.compile(one.process)) for one in found if one.process)


Value = Callable[[str], Any]
SHARED: dict[str, tuple[str, Value]] = {
    "--model": ("model", str), "-m": ("model", str), "--model-path": ("model", str), "-hf": ("model", str),
    "--hf-repo": ("model", str),
    "-c": ("context", int), "--ctx-size": ("context", int), "--max-model-len": ("context", int),
    "--context-length": ("context", int),
    "-np": ("batch", int), "--parallel": ("batch", int), "-ngl": ("gpu_layers", int),
    "--gpu-layers": ("gpu_layers", int),
    "--n-gpu-layers": ("gpu_layers", int), "-ub": ("ubatch", int), "--ubatch-size": ("ubatch", int),
    "-ctk": ("kv_cache_dtype", str), "--cache-type-k": ("kv_cache_dtype", str),
    "--kv-cache-type": ("kv_cache_dtype", str),
    "--kv-cache-dtype": ("kv_cache_dtype", str), "--n-cpu-moe": ("cpu_moe_layers", int),
    "-ncmoe": ("cpu_moe_layers", int),
    "--tensor-parallel-size": ("tensor_parallel", int), "-tp": ("tensor_parallel", int),
    "--tp": ("tensor_parallel", int), "--tp-size": ("tensor_parallel", int),
    "--pipeline-parallel-size": ("pipeline_parallel", int), "-pp": ("pipeline_parallel", int),
    "--pp-size": ("pipeline_parallel", int),
    "--gpu-memory-utilization": ("gpu_memory_utilization", float),
    "--mem-fraction-static": ("gpu_memory_utilization", float),
    "--max-num-seqs": ("max_num_seqs", int), "--max-num-batched-tokens": ("max_num_batched_tokens", int),
    "--quantization": ("quantization", str),
}  # fmt: skip
"""Flags of the engines, and the field that each gives."""


def engine_of(name: str | None, command: str | None) -> str | None:
    """The engine that a process's name or command line tells, or None."""
    text = f"{name or ''} {command or ''}".lower()
    return next((engine.name for engine, mark in marks() if mark.search(text)), None)


def request_of(name: str | None, command: str | None) -> dict[str, Any]:
    """Fields of a request that the command line tells; empty where it tells nothing."""
    engine = engine_of(name, command)
    if engine is None:
        return {}
    given = _flags(_words(command or ""), engine)
    if "model" in given:
        given |= _model(given.pop("model"))
    if info(engine).splits_with_host and given.get("context"):
        given["context"] = max(given["context"] // given.get("batch", 1), 1)  # -c is of all slots together
    return valid({"engine": engine, **given})


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # an open quotation mark
        return command.split()


def _flags(words: list[str], engine: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for index, word in enumerate(words):
        flag, equals, inline = word.partition("=")
        value = inline if equals else words[index + 1] if index + 1 < len(words) else ""
        if flag in SHARED:
            field, convert = SHARED[flag]
            try:
                given[field] = convert(value)
            except ValueError:
                continue
    if engine == "vllm" and "serve" in words and "model" not in given:
        after = words[words.index("serve") + 1 :]
        given |= {"model": after[0]} if after and not after[0].startswith("-") else {}
    return given


def _model(text: str) -> dict[str, Any]:
    """A model and its format out of a Hub id, a path of a GGUF file or of a folder; only an id where the catalogue
    knows no such model.
    """
    meant = catalog.meant(text)
    written = meant.written if meant else split(text)[1]
    found: dict[str, Any] = {"quantization": written.format} if written and written.format else {}
    if meant:
        return found | {"model": meant.model.id}
    repository = text.split(":")[0]
    return found | (
        {"model": repository}
        if re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repository)
        and not text.startswith((".", "/"))
        and ".gguf" not in text
        else {}
    )


def valid(given: dict[str, Any]) -> dict[str, Any]:
    """The fields that a request takes, each tried by itself: of a command line, of a log."""
    kept = {}
    for field, value in given.items():
        try:
            PlanRequest.read({"model": "-", field: value})
        except PlanError:
            continue
        kept[field] = value
    return kept
