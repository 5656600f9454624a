"""Headers of weight files on the Hub, read by range: every tensor's name, shape, type and true bytes, and no weight."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from planner.hub.access import TIMEOUT_S, Access, HubError, get, get_range
from planner.hub.info import model_info
from planner.hub.names import repo_id_from
from planner.weight_files import gguf_file, safetensors_file
from planner.weight_files.gguf_file import SPLIT_NAME, GgufHeader
from planner.weight_files.safetensors_file import SafetensorsHeader
from planner.weight_files.tensor_file import FIRST_PIECE_BYTES, ByteSource

MOST_INDEX_BYTES = 50_000_000
MOST_SHARDS = 2_000
AT_ONCE = 8
"""Requests in flight: a model of 400B has 191 shards."""

Header = TypeVar("Header")


@dataclass(frozen=True)
class GgufFile:
    """A model as GGUF: one file, or the parts it is split into.

    Attributes:
        name: of the file, or of the first part; what `read_gguf_header` takes.
        size_bytes: of all parts.
        parts: their names in order.
    """

    name: str
    size_bytes: int
    parts: tuple[str, ...]

    @property
    def is_projector(self) -> bool:
        """Whether it is the vision or audio part that llama.cpp loads beside a model."""
        return "mmproj" in self.name.lower()


def safetensors_headers(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> SafetensorsHeader:
    """The headers of all of a model's safetensors as one: an index and one range a shard, or a single range.

    Raises:
        HubError: when there is no such model, it has no safetensors, or the Hub cannot answer.
    """
    repo_id, access = repo_id_from(repo_id), Access(token, endpoint, timeout_s)
    try:
        index = get(access, repo_id, "model.safetensors.index.json", revision, MOST_INDEX_BYTES).body
    except HubError as error:
        if error.kind not in ("no_file", "not_found"):  # a mirror may not tell the two apart
            raise
        names = ["model.safetensors"]
    else:
        names = _shards(repo_id, index)
    pieces = [safetensors_file.FIRST_PIECE_BYTES] * len(names)
    headers = _read_all(access, repo_id, revision, names, pieces, safetensors_file.parse)
    return safetensors_file.merge(headers)


def gguf_files(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[GgufFile, ...]:
    """The GGUF files of a repository, smallest first, the parts of a split model as one; in one request.

    Raises:
        HubError: when there is no such model, or the Hub cannot answer.
    """
    info = model_info(repo_id, revision, token, file_sizes=True, endpoint=endpoint, timeout_s=timeout_s)
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, size in info.files.items():
        if name.endswith(".gguf"):
            split = SPLIT_NAME.match(name)
            groups.setdefault(f"{split['stem']}-of-{split['count']}" if split else name, []).append((name, size or 0))
    grouped = [sorted(group) for group in groups.values()]
    return tuple(
        sorted(
            (
                GgufFile(group[0][0], sum(size for _, size in group), tuple(name for name, _ in group))
                for group in grouped
            ),
            key=_by_size,
        )
    )


def read_gguf_header(
    repo_id: str,
    filename: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> GgufHeader:
    """The header of a GGUF on the Hub, by ranges that grow until it is whole; of all parts when it is split.

    Raises:
        HubError: when there is no such file, or the Hub cannot answer.
        PlanError: when the file is no GGUF.
    """
    repo_id, access = repo_id_from(repo_id), Access(token, endpoint, timeout_s)
    names = gguf_file.split_names(filename)
    # Only the first part carries the vocabulary; the others begin with their tensors.
    pieces = [FIRST_PIECE_BYTES] + [FIRST_PIECE_BYTES // 32] * (len(names) - 1)
    return gguf_file.merge(_read_all(access, repo_id, revision, names, pieces, gguf_file.parse))


def _by_size(file: GgufFile) -> tuple[int, str]:
    return file.size_bytes, file.name


def _shards(repo_id: str, index: bytes) -> list[str]:
    """The files that an index names, each once."""
    try:
        names = sorted({str(name) for name in json.loads(index)["weight_map"].values()})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        names = []
    if not 0 < len(names) <= MOST_SHARDS:
        raise HubError(
            f"The safetensors index of {repo_id} cannot be read; give the model's config.json instead.", "broken"
        )
    return names


def _read_all(
    access: Access,
    repo_id: str,
    revision: str | None,
    names: Sequence[str],
    pieces: Sequence[int],
    parse: Callable[[ByteSource], Header],
) -> list[Header]:
    """The headers of some files, several at a time, each by a first piece of so many bytes; the first failure
    ends it.
    """
    from concurrent.futures import ThreadPoolExecutor

    def read(name: str, first_piece_bytes: int) -> Header:
        return parse(
            ByteSource(
                lambda first, end: get_range(access, repo_id, name, revision, first, end),
                first_piece_bytes=first_piece_bytes,
            )
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(read, name, piece) for name, piece in zip(names, pieces, strict=True)]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)
