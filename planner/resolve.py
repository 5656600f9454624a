"""From a question as it was asked to the one that is answered: which model its name means, in which format, and what
runs that.

What is given explicitly wins: a quantization over the format in the model's name, an engine over the one that usually
runs it. Asking what came out changes nothing more.
"""

from __future__ import annotations

from typing import Any, TypeVar

from planner import catalog
from planner.catalog import Meant
from planner.catalog.gpu_names import resolve
from planner.catalog.taken import LITERALLY, Taken
from planner.core.errors import PlanError
from planner.engines.info import engines, info
from planner.engines.registry import engine
from planner.quantization.gguf import canonical as gguf_type
from planner.quantization.spelling import Written, known, split, whole
from planner.request import PlanRequest, Question

AnyQuestion = TypeVar("AnyQuestion", bound=Question)

LONGEST_SHOWN = 80


def meaning(request: Question) -> Meant:
    """The bundled model that the question names.

    Raises:
        PlanError: when the question names no model, or one that nobody knows.
    """
    if not request.model:
        raise PlanError("Name a model, for example meta-llama/Meta-Llama-3-70B, or give its config.", "model")
    found = catalog.meant(request.model)
    if found is None:
        raise catalog.unknown(request.model)
    if found.written and found.written.kind == "other":
        raise PlanError(
            f"{found.written.text} weights run on no engine that is planned here; name {found.model.id} alone, and a"
            " format such as Q4_K_M.",
            "model",
        )
    return found


def canonical(request: PlanRequest) -> tuple[PlanRequest, Taken]:
    """The question with the model's id, a format as the engine spells it, and the engine that runs the format in the
    model's name.

    Raises:
        PlanError: when no bundled model has the name, or the engine that was asked for cannot run the format in it.
    """
    meant = meaning(request) if request.config is None else None
    if (meant is None or meant.exact) and known(request.quantization):
        return request, LITERALLY
    auto, named = request.quantization.lower() == "auto", meant.written if meant else None
    wanted = named if auto else whole(request.quantization)
    runner, apart = request.engine, ""
    if named and wanted and "engine" not in request.model_fields_set:
        runner, apart = _engine_for(wanted, request)
    elif meant and named and auto and not runs(runner, named):
        raise _cannot_run(runner, named, meant)
    format = _format(meant, None if known(request.quantization) and not auto else wanted, runner)
    changes: dict[str, Any] = {"quantization": format} if format else {}
    if runner != request.engine:
        changes["engine"] = runner
    if wanted and wanted.imatrix and request.imatrix is None:
        changes["imatrix"] = True
    if meant:
        changes["model"] = meant.model.id
    planned = (f" as {format}" if format else "") + (
        f", run by {info(runner).title}" if runner != request.engine else ""
    )
    respelled = request.quantization if format and not auto and wanted and not wanted.note else ""
    return request.model_copy(update=changes), taken(meant, respelled, planned, apart, wanted.note if wanted else "")


def taken(meant: Meant | None, respelled: str = "", planned: str = "", *notes: str) -> Taken:
    """What a question was taken for, in words.

    Args:
        meant: what its model's name means; None where it brings its own config.
        respelled: the format that it asks for, where it spells it in its own way.
        planned: how it is planned, as ` as Q4_K_M, run by vLLM`.
        notes: more to say.
    """
    if meant is None or meant.exact:
        return Taken(
            note=" ".join(text for text in (f"{respelled} is planned{planned}." if respelled else "", *notes) if text)
        )
    whose = (
        "a version with the same shapes of " if meant.retrained else f"{meant.owner}'s copy of " if meant.owner else ""
    )
    said = [
        (
            f"{meant.typed[:LONGEST_SHOWN]} is taken for {whose}{meant.model.title}{planned}."
            if whose or planned or meant.others
            else ""
        )
    ]
    if meant.others:
        titles = [other.title for other in meant.others]
        said.append(
            "That is the one most used; the name may also mean"
            f" {' or '.join(text for text in (', '.join(titles[:-1]), titles[-1]) if text)}."
        )
    return Taken(
        meant.typed, " ".join(text for text in (*said, *notes) if text), tuple(other.id for other in meant.others)
    )


def runs(name: str, written: Written) -> bool:
    """Whether an engine runs a format as it was written."""
    if written.kind == "width":
        return bool(written.on(name))
    format, loads = written.on(name), info(name).files
    if "gguf" in loads and written.kind == "checkpoint" and gguf_type(format):  # mxfp4 is both
        return True
    return (written.kind == "plain" or written.kind in loads) and (
        not format or format in engine(name).formats() or ("gguf" in loads and gguf_type(format) is not None)
    )


def with_runner(request: AnyQuestion) -> AnyQuestion:
    """The question with the engine that runs the format in its model's name, where it names none: for a repository
    whose config is known.
    """
    written = split(request.model or "")[1]
    if (
        not isinstance(request, PlanRequest)
        or written is None
        or "engine" in request.model_fields_set
        or request.quantization.lower() != "auto"
    ):
        return request
    runner, _ = _engine_for(written, request)
    return request if runner == request.engine else request.model_copy(update={"engine": runner})


def _engine_for(written: Written, request: PlanRequest) -> tuple[str, str]:
    """The engine that runs a format, the question's own where it does, and what to say where none does on this
    hardware.
    """
    if runs(request.engine, written):
        return request.engine, ""
    if written.kind == "mlx" and not _apple(request):
        instead = info(request.engine).of_width(written.bits or 16)
        return request.engine, f"MLX runs on Apple machines alone; here {instead} stands in for it."
    return next((name for name in engines() if runs(name, written)), request.engine), ""


def _apple(request: PlanRequest) -> bool:
    return bool(request.gpus) and all(resolve(spec.name).vendor.lower() == "apple" for spec in request.gpus)


def _format(meant: Meant | None, written: Written | None, runner: str) -> str:
    """The format to plan, as requests spell it; "" where the question's own stands.

    A model that is published in the format is taken as published. One that is published in another and named without is
    meant unquantized.
    """
    published = meant.published if meant and not meant.exact else ""
    if written is None:
        return "bf16" if published and not info(runner).splits_with_host else ""
    format = written.on(runner)
    return "" if format and format == published else format


def _cannot_run(name: str, written: Written, meant: Meant) -> PlanError:
    able = next((info(other).title for other in engines() if runs(other, written)), "")
    return PlanError(
        f"{info(name).title} does not run {written.text} weights, which {meant.typed[:LONGEST_SHOWN]} names; "
        f"{f'choose {able} as the engine, or name' if able else 'name'} {meant.model.id} alone.",
        "engine",
    )
