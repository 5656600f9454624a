"""The header of a safetensors file: its tensors' names, types, shapes and true bytes.

A file begins with the length of its header as a 64-bit number, then the header as JSON, then the data:
`{"name": {"dtype": "BF16", "shape": [4096, 4096], "data_offsets": [0, 33554432]}, ...}`.
Source: https://github.com/huggingface/safetensors README, "Format".
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

from planner.weight_files.tensor_file import ByteSource, TensorEntry, bytes_by_dtype, parse_bytes, parse_path

LENGTH = struct.Struct("<Q")

MOST_HEADER_BYTES = 25_000_000
"""The limit of huggingface_hub; the format itself allows 100 MB, and a published header has less than 2 MB."""

FIRST_PIECE_BYTES = 100_000
"""Asked of a remote file first: most shards have a smaller header, and one of 0.4 MB costs a second request."""


@dataclass(frozen=True)
class SafetensorsHeader:
    """What one safetensors file, or all shards of a model together, say about their tensors.

    Attributes:
        tensors: in the order of the file.
        header_bytes: what stands before the data, over all shards.
        metadata: free texts of the file, for example `{"format": "pt"}`.
    """

    tensors: tuple[TensorEntry, ...]
    header_bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def data_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def file_bytes(self) -> int:
        """Size of the whole file: header and data, which has no gaps."""
        return self.header_bytes + self.data_bytes

    @property
    def bytes_by_dtype(self) -> dict[str, int]:
        return bytes_by_dtype(self.tensors)


def parse(source: ByteSource) -> SafetensorsHeader:
    """The header at the front of a source.

    Raises:
        PlanError: when it is truncated or no safetensors header.
    """
    length = source.number(LENGTH)
    if length > MOST_HEADER_BYTES:
        raise source.broken(f"is no safetensors file: it claims a header of {length:,} bytes")
    text = source.take(length)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise source.broken("is no safetensors file: its header is not JSON") from None
    if not isinstance(raw, dict):
        raise source.broken("is no safetensors file: its header is not a JSON object")
    metadata = raw.pop("__metadata__", None)
    texts = {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
    return SafetensorsHeader(
        tuple(_entry(source, name, entry) for name, entry in raw.items()), LENGTH.size + length, texts
    )


def merge(headers: list[SafetensorsHeader]) -> SafetensorsHeader:
    """One header for the shards of a model: their tensors in order, the metadata of the first."""
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    return SafetensorsHeader(
        tensors, sum(header.header_bytes for header in headers), headers[0].metadata if headers else {}
    )


def read_safetensors_header(file: str | Path | bytes) -> SafetensorsHeader:
    """The header of a local file, or of uploaded bytes, of which the front is enough."""
    return parse_bytes(file, parse) if isinstance(file, bytes) else parse_path(file, parse)


def _entry(source: ByteSource, name: str, entry: Any) -> TensorEntry:
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not (
        isinstance(dtype, str) and _whole(shape) and _whole(offsets) and len(offsets) == 2 and offsets[0] <= offsets[1]
    ):
        raise source.broken(f"has no readable type, shape and offsets for its tensor {name[:80]!r}")
    return TensorEntry(name, tuple(shape), dtype[:20], offsets[1] - offsets[0], offsets[0])


def _whole(numbers: Any) -> TypeGuard[list[int]]:
    return isinstance(numbers, list) and all(type(number) is int and 0 <= number < 2**63 for number in numbers)
