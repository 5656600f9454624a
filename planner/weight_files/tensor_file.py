"""What the readers of GGUF and safetensors headers share: bytes pulled as they are needed, and the tensors found.

A header stands at the front of a file of many gigabytes, and its length is known only by reading it. So a parser pulls:
it asks for the next bytes, and only then are they read from the disk, the upload or the network, in growing pieces.
Nothing is believed that the file says about itself: a length beyond the file or the limit is refused before it is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from planner.core.errors import PlanError

FIRST_PIECE_BYTES = 4 * 2**20
"""Enough for the header of most files: a vocabulary of 128,000 tokens with its merges takes 5 to 8 MB, a shard 0.1 MB.
"""

MOST_HEADER_BYTES = 128 * 2**20
"""Far above any header published; what asks for more is broken."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor as a file lists it.

    Attributes:
        name: as the file spells it.
        shape: (out_features, in_features) for a linear layer, whatever order the format writes.
        dtype: the format's own name, for example `BF16` or `Q4_K`.
        bytes: what it takes in the file, without padding.
        offset_bytes: where it begins, counted from the end of the header.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    offset_bytes: int = 0

    @property
    def elements(self) -> int:
        """Numbers stored: the product of the shape; of packed formats the packed words."""
        count = 1
        for size in self.shape:
            count *= size
        return count


class Fetch(Protocol):
    """The bytes from `first` up to `end`, or fewer where the file ends; asked in order, each from where the
    last ended.
    """

    def __call__(self, first: int, end: int, /) -> bytes: ...


class ByteSource:
    """Reads forward through the front of a file, pulling what it needs.

    Args:
        fetch: where the bytes come from.
        field: the request field that a complaint belongs to.
        first_piece_bytes: asked first; each later piece doubles what is held.
    """

    def __init__(self, fetch: Fetch, field: str = "model", first_piece_bytes: int = FIRST_PIECE_BYTES) -> None:
        self._fetch = fetch
        self._field = field
        self._piece_bytes = first_piece_bytes
        self.data = bytearray()
        self.position = 0

    def hold(self, end: int) -> None:
        """Make sure that the bytes before `end` are held.

        Raises:
            PlanError: when the file is shorter, or no header is that long.
        """
        if end <= len(self.data):
            return
        if end > MOST_HEADER_BYTES:
            raise self.broken(f"asks for more than the {MOST_HEADER_BYTES // 2**20} MiB that any header takes")
        held = len(self.data)
        self.data += self._fetch(held, min(max(end, held + self._piece_bytes), MOST_HEADER_BYTES))
        self._piece_bytes = len(self.data)
        if end > len(self.data):
            raise self.broken("ends in the middle of its header")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.position + count
        self.hold(end)
        piece = bytes(self.data[self.position : end])
        self.position = end
        return piece

    def number(self, layout: struct.Struct) -> Any:
        """The next number in this layout."""
        end = self.position + layout.size
        self.hold(end)
        value = layout.unpack_from(self.data, self.position)[0]
        self.position = end
        return value

    def broken(self, what: str) -> PlanError:
        return PlanError(f"The file {what}; download it again, or give another file.", self._field)


def bytes_by_dtype(tensors: Iterable[TensorEntry]) -> dict[str, int]:
    """Bytes of all tensors of each type, largest first."""
    totals: dict[str, int] = {}
    for tensor in tensors:
        totals[tensor.dtype] = totals.get(tensor.dtype, 0) + tensor.bytes
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


Header = TypeVar("Header")


def parse_bytes(data: bytes, parse: Callable[[ByteSource], Header]) -> Header:
    """The header in uploaded bytes: a whole file or its front."""
    view = memoryview(data)
    return parse(ByteSource(lambda first, end: bytes(view[first:end])))


def parse_path(path: str | Path, parse: Callable[[ByteSource], Header]) -> Header:
    """The header of a file on this machine; only its front is read.

    Raises:
        PlanError: when there is no such file or it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return parse(ByteSource(lambda first, end: file.read(end - first)))
    except PlanError:
        raise
    except (OSError, ValueError) as error:
        reason = "There is no file" if isinstance(error, FileNotFoundError) else "This machine cannot read"
        raise PlanError(f"{reason} {str(path)[:200]!r}; check the path.", "model") from None
