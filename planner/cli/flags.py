"""Flags of the command line from the fields of a question as they are declared."""

from __future__ import annotations

import argparse
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def add_fields(command: argparse.ArgumentParser, question: type[BaseModel]) -> None:
    """A flag for each field of the question:

    `--context TOKENS`, with its meaning, its default and the engines that have it.
    """
    for name, field in question.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        names, described = (["--gpu", flag] if name == "gpus" else [flag]), _described(field)
        command.add_argument(
            *names, dest=name, action="append", metavar=_metavar(field), help=described.replace("%", "%%")
        )


def _described(field: FieldInfo) -> str:
    """`tokens that each sequence may hold (default 8192)`."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    given = (
        field.default if isinstance(field.default, str | int | float) and not isinstance(field.default, bool) else None
    )
    default = (
        extra.get("unset")
        or given
        or ({True: "yes", False: "no"}.get(field.default) if isinstance(field.default, bool) else None)
    )
    engines = extra.get("engines")
    notes = [
        f"default: {default}" if default is not None else "",
        f"for {', '.join(map(str, engines))}" if isinstance(engines, list) else "",
    ]
    said = "; ".join(note for note in notes if note)
    return f"{field.description}{f' ({said})' if said else ''}"


def _metavar(field: FieldInfo) -> str:
    """What stands for the value: the choices, what the number counts, or the kind of text."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kinds = [field.annotation, *get_args(field.annotation)]
    named = extra.get("choices")
    choices = (
        named
        if isinstance(named, list)
        else next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
    )
    if choices:
        return "{" + ",".join(map(str, choices)) + "}"
    if unit := extra.get("unit"):
        return str(unit).upper() if str(unit).islower() else str(unit).replace(" ", "-")
    return "true|false" if bool in kinds else "NUMBER" if {int, float} & set(kinds) else "TEXT"
