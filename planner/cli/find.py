"""`python -m planner find`: which models run well here, or which hardware a model wants."""

from __future__ import annotations

import argparse
import json
from typing import Any

from planner.cli.flags import add_fields
from planner.searches.find_request import FindRequest


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """The command and its flags."""
    what = "which models run well on this hardware, or which hardware for this model"
    command = commands.add_parser("find", help=what, description=what)
    add_fields(command, FindRequest)
    command.add_argument("--json", action="store_true", help="answer in JSON")
    command.set_defaults(run=_find)


def _find(options: argparse.Namespace) -> int:
    from planner.report.find import find_json, find_text
    from planner.searches.find import find

    given = {name: values for name in FindRequest.model_fields if (values := getattr(options, name))}
    query = {name: " + ".join(values) if name == "gpus" else values[-1] for name, values in given.items()}
    request = FindRequest.from_query(query)
    found = find(request)
    if options.json:
        print(json.dumps(find_json(found), indent=2, ensure_ascii=False))
    else:
        print(find_text(found, bool(request.model)))
    return 0
