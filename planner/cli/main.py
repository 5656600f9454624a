"""The command line: `python -m planner plan | train | model | batch | validate | gpus | data`.

Every request field is a flag of the same name (`--kv-cache-dtype q8_0`), read as a link's parameter is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path

from planner.cli import data, find, gpus
from planner.cli.batch import answers, lines_of
from planner.cli.flags import add_fields
from planner.core.errors import PlanError
from planner.core.units import count, duration, gb, mem, significant
from planner.plan import Plan, named
from planner.report.json import gpu_notes, model_json, plan_json
from planner.request import PlanRequest
from planner.training.request import TrainRequest
from planner.weight_files import sources
from planner.weight_files.sources import AnyQuestion


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors of the request go to standard error with exit status 2."""
    if isinstance(sys.stdin, TextIOWrapper) and isinstance(sys.stdout, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal's encoding cannot hold is shown escaped
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except PlanError as error:
        print(f"planner: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m planner", description="Which hardware runs this language model, how well, and at what cost."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, question, run, what in (
        ("plan", PlanRequest, _plan, "where the memory goes and whether it fits"),
        ("train", TrainRequest, _train, "what fine-tuning takes: memory, time and cost"),
        ("model", PlanRequest, _model, "a model's parameters and cache"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        add_fields(command, question)
        command.add_argument("--json", action="store_true", help="answer in JSON")
        command.add_argument("--derivation", action="store_true", help="show how every figure came about")
        command.add_argument("--offline", action="store_true", help="never ask the Hugging Face Hub")
        if name == "plan":
            command.add_argument(
                "--exact",
                action="store_true",
                help="also run llama.cpp's llama-fit-params on a local .gguf and show its figures beside the plan's",
            )
        command.set_defaults(run=run)
    batch = commands.add_parser("batch", help="a JSON request a line in, a JSON answer a line out")
    batch.add_argument("file", nargs="?", default="-", help="a file of requests; - is standard input")
    batch.add_argument("--offline", action="store_true", help="never ask the Hugging Face Hub")
    batch.set_defaults(run=_batch)
    validate = commands.add_parser("validate", help="predicted against measured, over every bundled measurement")
    validate.add_argument("--show", type=int, default=0, metavar="N", help="list the N worst predictions")
    validate.add_argument(
        "--fits", action="store_true", help="also the errors of every calibration, fitted and with each source left out"
    )
    validate.add_argument("--markdown", action="store_true", help="only the table, as the README has it")
    validate.set_defaults(run=_validate)
    find.add(commands)
    gpus.add(commands)
    data.add(commands)
    return parser


def _request(options: argparse.Namespace, question: type[AnyQuestion]) -> AnyQuestion:
    query: dict[str, str] = {}
    for name in question.model_fields:
        values = getattr(options, name)
        if values:
            query[name] = " + ".join(values) if name == "gpus" else values[-1]
    if "config" in query:
        path = query.pop("config")
        query["config"] = json.dumps(sources.read_config(Path(path)))
        query.setdefault("model", Path(path).stem)
    return question.from_query(query)


def _online(options: argparse.Namespace) -> bool:
    return not options.offline and os.environ.get("HF_HUB_OFFLINE", "").upper() not in ("1", "ON", "YES", "TRUE")


def _plan(options: argparse.Namespace) -> int:
    from planner.live import llama_fit_params

    request = _request(options, PlanRequest)
    plan = sources.plan(request, _online(options), os.environ.get("HF_TOKEN"))
    rows = llama_fit_params.measured(plan, request.model) if options.exact else ()
    if options.json:
        exact = {"llama_fit_params": [asdict(row) for row in rows]} if rows else {}
        print(json.dumps({**plan_json(plan, options.derivation), **exact}, indent=2, ensure_ascii=False))
    else:
        print(
            "\n".join([_text(plan, options.derivation), *(["", *llama_fit_params.beside(plan, rows)] if rows else [])])
        )
    return 0


def _train(options: argparse.Namespace) -> int:
    from planner.training.answer import train_json, train_text

    plan = sources.train(_request(options, TrainRequest), _online(options), os.environ.get("HF_TOKEN"))
    if options.json:
        print(json.dumps(train_json(plan, options.derivation), indent=2, ensure_ascii=False))
    else:
        print(train_text(plan, options.derivation))
    return 0


def _model(options: argparse.Namespace) -> int:
    name, architecture, taken = named(
        sources.with_config(_request(options, PlanRequest), _online(options), os.environ.get("HF_TOKEN"))
    )
    if options.json:
        print(json.dumps(model_json(name, architecture, taken), indent=2, ensure_ascii=False))
    else:
        exact = "" if architecture.exact else f" (not exact: {architecture.note})"
        print(f"{name}: {architecture.parameters:,} parameters, {architecture.active:,} active{exact}")
        if taken.note:
            print(taken.note)
    return 0


def _batch(options: argparse.Namespace) -> int:
    hub = _online(options)
    try:
        lines = sys.stdin if options.file == "-" else Path(options.file).open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PlanError(
            f"Cannot read {options.file}: {(error.strerror or 'unreadable').lower()}; check the path."
        ) from None
    with lines:
        for text in answers(lines_of(lines), hub):
            print(text, flush=True)
    return 0


def _validate(options: argparse.Namespace) -> int:
    from planner.calibrate.validate import FIGURES, comparisons, markdown, standing_sentence, standings, summaries

    compared = comparisons()
    if options.markdown:
        print(markdown(summaries(compared)))
        return 0
    print(
        f"{'kind':30}{'figure':38}{'records':>8}{'median':>9}{'p90':>9}{'worst':>9}{'inside range':>14}{'median width':>14}"
    )
    for row in summaries(compared):
        errors = "".join(f"{error:>9.2%}" for error in (row.median_error, row.p90_error, row.worst_error))
        ranged = row.width or not FIGURES[row.figure].unit
        held = f"{row.inside:>14.0%}{row.width:>14.1%}" if ranged else f"{'exact':>14}"
        print(f"{row.kind:30}{FIGURES[row.figure].title:38}{row.records:>8}{errors}{held}")
    for figure, counts in standings(compared).items():
        print(standing_sentence(figure, counts))
    for worst in sorted(compared, key=lambda one: -abs(one.error))[: options.show]:
        predicted = f"{worst.predicted.expected:,}" if worst.predicted else worst.refusal
        print(
            f"  {worst.record['id']}: {FIGURES[worst.figure].title} predicted {predicted}, measured {worst.measured:,}"
            f" ({worst.error:+.1%})"
        )
    if options.fits:
        from planner.calibrate.report import fits, shown

        print("\n".join(map(shown, fits())))
    return 0


def _text(plan: Plan, derivation: bool) -> str:
    """The plan for a terminal: the verdict, a table of the devices, the ways out."""
    memory = plan.memory
    lines = [
        f"{plan.case.name}, {count(plan.architecture.parameters)} parameters, {memory.weights.format}",
        plan.fit.reason,
        *([plan.case.taken.note] if plan.case.taken.note else []),
        "",
        (
            f"{'':24}{'weights':>11}{'KV cache':>11}{'state':>11}{'activation':>11}{'overhead':>11}{'total':>11}{'usable':>11}"
        ),
    ]
    for device in memory.devices:
        cells = [*(part.expected for part in device.parts), device.total.expected, device.usable_bytes]
        lines.append(f"{device.name[:22]:24}" + "".join(f"{mem(cell):>11}" for cell in cells))
    host = memory.host
    cells = [
        host.weights.expected,
        host.kv_cache.expected,
        0,
        host.activation.expected,
        0,
        host.total.expected,
        plan.case.ram_bytes,
    ]
    lines.append(f"{'Host memory':24}" + "".join(f"{mem(cell):>11}" for cell in cells))
    if not memory.refusal:
        speed = plan.speed
        rate, throughput, first = (
            speed.decode_tokens_per_s_per_sequence,
            speed.throughput_tokens_per_s,
            speed.time_to_first_token_s,
        )
        lines += [
            "",
            f"Speed ({speed.assumes.sentence()}):",
            (
                f"  {significant(rate.expected)} tokens/s a stream ({significant(rate.low)} to"
                f" {significant(rate.high)}), the first token after {duration(first.expected)} ({duration(first.low)}"
                f" to {duration(first.high)})"
            ),
            (
                f"  {significant(throughput.expected)} tokens/s in all while serving,"
                f" {significant(speed.prefill_tokens_per_s.expected)}"
                f" read{f'; {speed.extrapolated}' if speed.extrapolated else ''}"
            ),
        ]
    lines += [
        "",
        (
            f"Weights on disk {gb(memory.weights.file_bytes.expected)}; largest context {plan.capacity.max_context:,}"
            f" tokens, largest batch {plan.capacity.max_batch:,}."
        ),
    ]
    if memory.pool is not None and memory.pool.sequences:
        pool = memory.pool
        lines.append(
            f"Cache of {mem(pool.bytes.expected)} a GPU: {pool.tokens:,} tokens by its log, {pool.sequences:,.1f}"
            f" requests of {plan.request.context:,}."
        )
    if memory.note and memory.note not in plan.fit.reason:
        lines.append(memory.note)
    lines += gpu_notes(plan.request)
    lines += [
        f"- {way.title}: {way.reason} {way.quality} About {significant(way.tokens_per_s)} tokens/s a stream."
        for way in plan.advice
    ]
    lines += [f"{command.title}: {command.text}" for command in plan.commands]
    if derivation:
        lines += ["", *(f"{step.label}: {step.expression} = {step.result}" for step in plan.derivation)]
    return "\n".join(lines)
