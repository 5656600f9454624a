"""What people paste for a model, and the repository it names."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from planner.core.errors import PlanError

HOSTS = {"huggingface.co", "www.huggingface.co", "hf.co"}
OTHER_KINDS = {
    "datasets": "a dataset",
    "spaces": "a Space",
    "collections": "a collection",
    "papers": "a paper",
    "kernels": "a kernel",
}
NAME = re.compile(r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
EXAMPLE = "give its id on Hugging Face, for example meta-llama/Meta-Llama-3-8B."


def repo_id_from(text: str) -> str:
    """The repository id in a pasted id or address; no request is made.

    Reads `owner/name`, a bare old name such as `gpt2`, an address of huggingface.co, hf.co or the configured mirror,
    with or without its scheme and whatever follows the name (`/tree/main`, `/blob/...`), each with a tag such as
    `:Q4_K_M` or the name of a `.gguf` in it, in spaces or quotes.

    Raises:
        PlanError: for anything else, and for addresses of datasets, Spaces and other sites.
    """
    cleaned = re.sub(r"\s*/\s*", "/", text.strip().strip("\"'`<>").strip())
    path, is_address = _path(cleaned)
    parts = [part for part in path.split("/") if part]
    if is_address and parts and parts[0] in OTHER_KINDS:
        raise PlanError(
            f"{_short(cleaned)} is the address of {OTHER_KINDS[parts[0]]}, not of a model; {EXAMPLE}", "model"
        )
    if is_address:
        parts = parts[1:] if parts[:1] == ["models"] else parts
    elif path.strip("/") != "/".join(parts) or (len(parts) > 2 and not parts[-1].lower().endswith(".gguf")):
        parts = []
    parts = [part.split(":")[0] if len(parts) > 1 else part for part in parts[:2]]
    if not parts or not all(_valid(part) for part in parts):
        raise PlanError(f"{_short(cleaned)} is no model id; {EXAMPLE}", "model")
    return "/".join(parts)


def _path(text: str) -> tuple[str, bool]:
    """What follows the Hub's host, and whether there was one."""
    mirror = urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc
    hosts = HOSTS | ({mirror} if mirror else set())
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() == "hf":
        return rest, True
    host, _, path = (rest if separator else text).partition("/")
    if host.lower() in hosts:
        return re.split(r"[?#]", path)[0], True
    if separator:
        raise PlanError(f"{_short(text)} is not an address of Hugging Face; {EXAMPLE}", "model")
    return text, False


def _valid(name: str) -> bool:
    """Whether the Hub allows this name of an owner or a model: its own rules, so that no request is wasted."""
    return NAME.fullmatch(name) is not None and "--" not in name and ".." not in name and not name.endswith(".git")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
