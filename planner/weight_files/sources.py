"""Where a model's config comes from when the request only names it: the catalogue, a file, or the Hub.

The pure `planner.plan.plan` knows the catalogue and inline configs. What may touch the disk or the network is here, so
that a page which plans a stranger's link simply doesn't call it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from planner import catalog
from planner.architecture.config import checked, too_deep
from planner.core.errors import PlanError
from planner.plan import Plan
from planner.plan import plan as _answer
from planner.quantization.gguf import canonical
from planner.quantization.spelling import split
from planner.request import PlanRequest, Question
from planner.resolve import with_runner

if TYPE_CHECKING:
    from planner.training.plan import TrainPlan
    from planner.training.request import TrainRequest

AnyQuestion = TypeVar("AnyQuestion", bound=Question)

LARGEST_CONFIG_BYTES = 2 * 2**20
"""The largest published config.json is below 200 kB; anything far above is another file."""


def plan(request: PlanRequest, hub: bool = False, token: str | None = None) -> Plan:
    """Answer a question about inference;

    `model` may also be the path of a config.json, and with `hub` any Hugging Face id.

    `token` opens gated and private repositories; it goes into this call's request header and nowhere else.

    Raises:
        PlanError: when a name is unknown or the request contradicts itself; one sentence with a next step.
    """
    return _answer(with_config(request, hub, token))


def train(request: TrainRequest, hub: bool = False, token: str | None = None) -> TrainPlan:
    """Answer a question about training; models are found as `plan` finds them.

    Raises:
        PlanError: when a name is unknown or the request contradicts itself; one sentence with a next step.
    """
    from planner.training.plan import train as answer

    return answer(with_config(request, hub, token))


def with_config(request: AnyQuestion, hub: bool = False, token: str | None = None) -> AnyQuestion:
    """The request with its model's config inlined, unless the catalogue knows the model."""
    name = request.model
    if request.config is not None or not name:
        return request
    read, path = READERS.get(Path(name).suffix.lower()), Path(name)
    if read and (path.exists() or catalog.meant(name) is None):
        return request.model_copy(update={"config": read(path), "model": path.stem})
    return asked_of_hub(request, lambda asked, quantization: from_hub(asked, token, quantization)) if hub else request


Fetch = Callable[[str, str], tuple[str, dict[str, Any]]]
"""From a name and a quantization to the repository and its config."""


def asked_of_hub(request: AnyQuestion, fetch: Fetch) -> AnyQuestion:
    """The request with the config of the repository that it names, where the catalogue does not hold just that
    repository.

    A copy of a bundled model in another format is asked for, too: its own config or header is exact. Where nobody
    answers, its name means the bundled model in that format.

    Raises:
        PlanError: as `fetch`, for a name that means no bundled model.
    """
    name = request.model or ""
    meant = catalog.meant(name)
    if (
        request.config is not None
        or "/" not in name
        or (meant and (time.monotonic() < _silence["ends"] or not (meant.written or meant.retrained)))
    ):
        return request
    try:
        repo, config = fetch(name, request.quantization)
    except PlanError as error:
        if meant is None:
            raise
        if getattr(error, "kind", "") == "unreachable":
            _silence["ends"] = time.monotonic() + SILENT_S
        return request
    return with_runner(request).model_copy(update={"config": config, "model": repo})


SILENT_S = 60.0
_silence = {"ends": 0.0}
"""Once the Hub could not be reached, names that the catalogue can answer do not wait for it for a while."""


def from_hub(name: str, token: str | None = None, quantization: str = "auto") -> tuple[str, dict[str, Any]]:
    """The repository that a name or an address means, and its config; with the Hub's count of the weights where ours is
    not exact.

    A repository of GGUF files alone is read from the header of one of them: that of this quantization, else of the one
    in the name, else Q4_K_M, else the first.

    Raises:
        PlanError: when there is no such model, it is gated, or the Hub does not answer.
    """
    from planner import hub
    from planner.architecture.registry import PUBLISHED, parse

    repo = hub.repo_id_from(name)
    try:
        config = hub.fetch_config(repo, token=token)
    except hub.HubError as error:
        files = (
            [file for file in hub.gguf_files(repo, token=token) if not file.is_projector]
            if error.kind == "no_file"
            else []
        )
        if not files:
            raise
        written = split(name)[1]
        mixes = (quantization, written.text if written and canonical(written.text) else "", "Q4_K_M")
        wanted = [file for mix in mixes if mix for file in files if mix.lower() in file.name.lower()] + files
        from planner.architecture.from_gguf import config_of

        return repo, config_of(hub.read_gguf_header(repo, wanted[0].name, token=token))
    if not parse(config).exact:
        with suppress(hub.HubError):  # a comparison only; the config is what was asked for
            config = {**config, PUBLISHED: hub.model_info(repo, token=token).total_parameters}
    return repo, config


def read_gguf(path: Path) -> dict[str, Any]:
    """A weight file's own description of its model, from its header.

    Raises:
        PlanError: when the file, or one that it is split into, is missing or no GGUF.
    """
    return _header(path)


def _header(file: Path | bytes) -> dict[str, Any]:
    from planner.architecture.from_gguf import config_of
    from planner.weight_files.gguf_file import read_gguf_header

    return config_of(read_gguf_header(file))


def read_safetensors(path: Path) -> dict[str, Any]:
    """The config.json that lies beside a safetensors file, which itself does not say how its tensors work together."""
    return read_config(path.with_name("config.json"))


def read_config(path: Path) -> dict[str, Any]:
    """A config.json from disk.

    Raises:
        PlanError: when the file is missing, too large or not a JSON object.
    """
    try:
        if path.stat().st_size > LARGEST_CONFIG_BYTES:
            raise PlanError(f"{path.name} is larger than a config.json can be; give the model's config.json.", "model")
        return parse_config(path.read_bytes(), path.name)
    except OSError as error:
        raise PlanError(
            f"Cannot read {path.name}: {(error.strerror or 'unreadable').lower()}; check the path.", "model"
        ) from None


def parse_upload(data: bytes, name: str) -> dict[str, Any]:
    """The model in the bytes of an upload: a config.json, or the front of a GGUF.

    Raises:
        PlanError: when it is neither, or the front is too short.
    """
    short = name[-60:]
    return _header(data) if data[:4] == b"GGUF" else parse_config(data, short)


def parse_config(data: bytes, name: str = "The file") -> dict[str, Any]:
    """A config.json from its bytes, whoever sent them.

    Raises:
        PlanError: when it is too large, nested too deeply, no JSON, or no JSON object.
    """
    if len(data) > LARGEST_CONFIG_BYTES:
        raise PlanError(f"{name} is larger than a config.json can be; give the model's config.json.", "config")
    try:
        config = json.loads(data)
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        raise PlanError(f"{name} is not JSON; give the model's config.json as the Hub has it.", "config") from None
    if not isinstance(config, dict):
        raise PlanError(f"{name} is not a JSON object; give the model's config.json as the Hub has it.", "config")
    return dict(checked(config))


READERS = {".json": read_config, ".gguf": read_gguf, ".safetensors": read_safetensors}
"""What a path may lead to, by how it ends."""
