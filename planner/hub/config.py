"""A model's config.json from the Hub, and its cached copy when the Hub cannot answer."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

from planner.hub.access import TIMEOUT_S, Access, HubError, get, library
from planner.hub.info import model_info
from planner.hub.names import repo_id_from

MOST_CONFIG_BYTES = 10_000_000
"""Published configs have a few kilobytes, those that list every unquantized module up to a few hundred."""

COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"[\w-]+(?:[./][\w-]+)*", re.ASCII)
QUANTIZATION_KEYS = ("quantization_config", "compression_config")

INSTEAD = {
    "params.json": "publishes only Mistral's own params.json; pick its version for Transformers, or give a config.json",
    "adapter_config.json": "is an adapter without a config.json; plan its base model",
    "model_index.json": "is a diffusion pipeline without one config.json; pick a language model",
    ".gguf": "has GGUF files and no config.json; pick one of them, or the repository that they were made from",
}
"""What a repository without a config.json holds instead, by the name or ending of a file that gives it away."""


def fetch_config(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    files: Collection[str] | None = None,
    endpoint: str | None = None,
    cache_dir: str | Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """The model's config.json, with hf_quant_config.json as its `quantization_config` when it has none.

    One request, and a second one for hf_quant_config.json unless the config names a quantization or `files` (of
    `model_info`) does not list it. What is read without a token is kept in huggingface_hub's own cache, and read from
    there when the Hub cannot be reached, and without any request when `revision` is a commit.

    Raises:
        HubError: when there is no such model or config, it is gated, too large or no JSON object, or nothing can be
            reached.
    """
    repo_id, access = repo_id_from(repo_id), Access(token, endpoint, timeout_s)
    if revision is not None and not REVISION.fullmatch(revision):
        raise HubError(
            f"{revision[:60]!r} is no revision; give a branch, a tag or a commit, or leave it out.", "not_found"
        )
    try:
        config, reachable = _object(access, repo_id, "config.json", revision, cache_dir)
    except HubError as error:
        if error.kind != "no_file":
            raise
        raise _no_config(access, repo_id, revision, files) from None
    named = any(config.get(key) for key in QUANTIZATION_KEYS)
    if not named and reachable and (files is None or "hf_quant_config.json" in files):
        try:
            config["quantization_config"] = _exported(
                _object(access, repo_id, "hf_quant_config.json", revision, cache_dir)[0]
            )
        except HubError as error:
            if error.kind == "broken":
                raise
    return config


def _exported(raw: dict[str, Any]) -> dict[str, Any]:
    """NVIDIA ModelOpt's hf_quant_config.json in the words of a `quantization_config`.

    Source: https://github.com/NVIDIA/TensorRT-Model-Optimizer, `hf_quant_config.json` beside the exported checkpoint.
    """
    inner = raw.get("quantization")
    settings = dict(inner) if isinstance(inner, dict) else dict(raw)
    return {"quant_method": "modelopt", **settings, "ignore": settings.get("exclude_modules") or []}


def _object(
    access: Access, repo_id: str, filename: str, revision: str | None, cache_dir: str | Path | None
) -> tuple[dict[str, Any], bool]:
    """A JSON object in a file of the repository, and whether the Hub may be asked for more.

    It comes from the cache for a known commit, or when the Hub cannot answer. Not when the Hub refuses: what the
    operator's cache holds is not shown to a visitor whom the Hub turns away.
    """
    if revision is not None and COMMIT.fullmatch(revision) and not access.token:
        kept = _kept(repo_id, filename, revision, cache_dir)
        if kept is not None:
            return _parsed(repo_id, filename, kept), True
    try:
        answer = get(access, repo_id, filename, revision, MOST_CONFIG_BYTES)
    except HubError as error:
        kept = _kept(repo_id, filename, revision, cache_dir) if error.kind in ("unreachable", "rate_limited") else None
        if kept is None:
            raise
        return _parsed(repo_id, filename, kept), False
    value = _parsed(repo_id, filename, answer.body)
    if not access.token:
        _keep(repo_id, filename, revision, cache_dir, answer.body, answer.commit)
    return value, True


def _parsed(repo_id: str, filename: str, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HubError(
            f"The {filename} of {repo_id} is not a JSON object; give the model's config.json yourself.", "broken"
        )
    return value


def _kept(repo_id: str, filename: str, revision: str | None, cache_dir: str | Path | None) -> bytes | None:
    """The copy in the library's cache, whoever put it there."""
    path = library().try_to_load_from_cache(repo_id, filename, cache_dir=cache_dir, revision=revision)
    try:
        if not isinstance(path, str) or os.path.getsize(path) > MOST_CONFIG_BYTES:
            return None
        return Path(path).read_bytes()
    except OSError:
        return None


def _keep(
    repo_id: str, filename: str, revision: str | None, cache_dir: str | Path | None, body: bytes, commit: str
) -> None:
    """Put a copy where the library looks for it: `snapshots/<commit>/<file>`, and the commit in `refs/<revision>`.

    Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache. The library's own download would ask for
    the file twice, once for its size. A cache that cannot be written costs nothing but the copy.
    """
    if not COMMIT.fullmatch(commit):
        return
    name = library("file_download").repo_folder_name(repo_id=repo_id, repo_type="model")
    folder = Path(cache_dir or library("constants").HF_HUB_CACHE).expanduser() / name
    snapshot = folder / "snapshots" / commit / filename
    try:
        if not snapshot.exists():
            _write(snapshot, body)
        if revision != commit:
            _write(folder / "refs" / (revision or "main"), commit.encode())
    except OSError:
        return


def _write(path: Path, body: bytes) -> None:
    """Write a file whole or not at all, so that another reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        unfinished.write_bytes(body)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _no_config(access: Access, repo_id: str, revision: str | None, files: Collection[str] | None) -> HubError:
    """Why there is no config.json, from what the repository holds instead."""
    if files is None:
        try:
            files = model_info(
                repo_id, revision, access.token, endpoint=access.endpoint, timeout_s=access.timeout_s
            ).files
        except HubError:
            files = ()
    for ending, what in INSTEAD.items():
        if any(name.lower().endswith(ending) and (ending == ".gguf" or "/" not in name) for name in files):
            return HubError(f"{repo_id} {what}.", "no_file")
    return HubError(f"{repo_id} has no config.json; pick a repository that has one, or give the config.", "no_file")
