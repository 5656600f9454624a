"""Make the bundled catalogue:

`python -m planner.calibrate.catalogue [FOLDER] [--check]` writes `data/models/`, one file a publisher.

FOLDER holds configs as published, one `<owner>__<name>.json` a model; a model without a file there keeps the config it
has. `data/model_names.csv` says which models there are and what people call them, `data/model_downloads.csv` how much
they are used.
Every key of a config is kept: a class assumes its own value for a key that is absent, so a row short of
`"sliding_window": null` would be another model. With `--check` nothing is written, and rows that differ from what would
be are named.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from planner.core.data import FOLDER, table

MODELS = FOLDER / "models"
NOTES = frozenset({"_source", "_complete"})
"""Keys that whoever collected a config wrote beside what was published."""

Row = dict[str, Any]


def read(folder: Path) -> dict[str, Row]:
    """Configs by model, and whether each is the published file as a whole."""
    found = {}
    for path in sorted(folder.glob("*__*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        config = {key: value for key, value in raw.items() if key not in NOTES}
        found[path.stem.replace("__", "/", 1)] = {"config": config, "complete": bool(raw.get("_complete", True))}
    return found


def bundled(folder: Path = MODELS) -> dict[str, Row]:
    """The rows of `data/models/`, or of another folder like it, by model.

    Raises:
        ValueError: when a config is no longer the one its digest was taken of.
    """
    rows = {
        row["id"]: row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text(encoding="utf-8"))
    }
    edited = [name for name, row in rows.items() if digest(row["config"]) != row["digest"]]
    if edited:
        raise ValueError(
            f"configs in {folder} were edited by hand: {', '.join(edited)}; put changes into data/model_names.csv or"
            " give the folder of configs"
        )
    return rows


def catalogue(configs: Mapping[str, Row]) -> list[Row]:
    """A row for each model of `data/model_names.csv`, in its order.

    Raises:
        ValueError: when a model has no config, or a config no name.
    """
    names = table("model_names")
    sources = {row["like"] or row["id"] for row in names}
    missing, unnamed = sorted(sources - configs.keys()), sorted(configs.keys() - {row["id"] for row in names})
    if missing or unnamed:
        raise ValueError(
            f"without a config: {', '.join(missing) or 'none'}; without a row in data/model_names.csv:"
            f" {', '.join(unnamed) or 'none'}"
        )
    counts = {(row["library"], row["name"].lower()): int(row["downloads"]) for row in table("model_downloads")}
    return [_row(name, configs[name["like"] or name["id"]], counts) for name in names]


def _row(name: Mapping[str, str], published: Row, counts: Mapping[tuple[str, str], int]) -> Row:
    aliases = [alias for alias in name["aliases"].split("; ") if alias]
    config = changed(published["config"], json.loads(name["changes"] or "{}"))
    return {
        "id": name["id"],
        "title": name["title"],
        "aliases": aliases,
        "pulls": max((counts.get(("ollama", alias.split(":")[0].lower()), 0) for alias in aliases), default=0),
        "downloads": sum(counts.get(("hub", repository.lower()), 0) for repository in (name["id"], *aliases)),
        "complete": published["complete"] and not name["changes"],
        "source": name["source"],
        "as_of": name["as_of"],
        "digest": digest(config),
        "config": config,
    }


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The config with these keys set; `{"text_config": {...}}` reaches into a section."""
    inside = {
        key: changed(config[key], value) if isinstance(value, dict) and isinstance(config.get(key), dict) else value
        for key, value in changes.items()
    }
    return {**config, **inside}


def digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a config's canonical JSON: keys sorted, no spaces."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def files(rows: Sequence[Row]) -> dict[str, str]:
    """The text of each file of `data/models/` by its name: a line that names a model, and one with its config."""
    publishers: dict[str, list[str]] = {}
    for row in rows:
        head = json.dumps({key: value for key, value in row.items() if key != "config"}, ensure_ascii=False)[:-1]
        config = json.dumps(row["config"], ensure_ascii=False)
        publishers.setdefault(row["id"].split("/")[0].lower(), []).append(f' {head},\n  "config": {config}}}')
    return {f"{publisher}.json": "[\n" + ",\n".join(lines) + "\n]\n" for publisher, lines in publishers.items()}


def main(arguments: Sequence[str]) -> int:
    """Write the files, or compare them; returns the exit status."""
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")]
    made = files(catalogue(bundled() | (read(folders[0]) if folders else {})))
    there = {path.name: path.read_text(encoding="utf-8") for path in MODELS.glob("*.json")}
    differ = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    print(f"{len(differ)} of {len(made)} files differ{': ' + ', '.join(differ) if differ else ''}")
    if "--check" in arguments:
        return 1 if differ else 0
    for name in there.keys() - made.keys():
        (MODELS / name).unlink()
    for name, text in made.items():
        (MODELS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
