"""The header of a GGUF file: its metadata and the exact list of its tensors, without their data.

A file is `GGUF`, a version, two counts, the metadata (key, type, value), the tensors (name, dimensions, type, offset),
padding to the alignment, and the data. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 1 to
3. The reference reader maps the whole file, so it cannot read the first megabytes of a remote one; this one reads
nothing else. Bytes of a tensor = elements / block_elements * block_bytes, with the blocks of `data/gguf_types.csv`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from planner.core.data import table
from planner.core.errors import PlanError
from planner.weight_files.tensor_file import ByteSource, TensorEntry, bytes_by_dtype, parse_bytes, parse_path

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]

MOST_KEYS = 2**14
MOST_TENSORS = 2**17
"""Published files have less than 100 keys and about 2,000 tensors."""
MOST_DIMENSIONS = 4
LONGEST_NAME_BYTES = 2**16 - 1
LONGEST_TEXT_BYTES = 2**24
LONGEST_ARRAY = 2**26
LONGEST_KEPT_ARRAY = 1_024
"""Arrays up to here are kept (one value a layer); longer ones, above all the vocabulary, are only counted."""
MOST_SPLITS = 1_000

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
SPLIT_NAME = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says before its data.

    Attributes:
        version: of the format.
        metadata: every key but those of long arrays.
        array_lengths: how many entries each array has, long or short, for example of `tokenizer.ggml.tokens`.
        tensors: in the order of the file; shapes as (out_features, in_features), reversed from how GGUF writes them.
        header_bytes: where the data begins, padding included.
        alignment: every tensor begins at a multiple of it.
        parts: files that this header was read from; less than `split_count` when some are missing.
    """

    version: int
    metadata: Mapping[str, Value]
    array_lengths: Mapping[str, int]
    tensors: tuple[TensorEntry, ...]
    header_bytes: int
    alignment: int = 32
    parts: int = 1

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture, for example `llama` or `qwen3moe`; empty when the file gives no text
        for it.
        """
        name = self.metadata.get("general.architecture")
        return name if isinstance(name, str) else ""

    def get(self, name: str) -> Value | None:
        """The architecture's own value: `get("block_count")` reads `llama.block_count` of a Llama."""
        return self.metadata.get(f"{self.architecture}.{name}")

    @property
    def vocab_size(self) -> int:
        """Tokens in the vocabulary that the file carries; 0 when it carries none."""
        return self.array_lengths.get("tokenizer.ggml.tokens", 0)

    @property
    def file_type(self) -> int | None:
        """llama.cpp's number of the mix (15 is Q4_K_M), which the file may leave out or get wrong; the tensors
        decide.
        """
        value = self.metadata.get("general.file_type")
        return value if isinstance(value, int) else None

    @property
    def split_count(self) -> int:
        """Files that the model is split into, 1 when it is whole."""
        value = self.metadata.get("split.count")
        return value if isinstance(value, int) and value > 1 else 1

    @property
    def complete(self) -> bool:
        """Whether the tensors are those of the whole model."""
        return self.parts >= self.split_count

    @cached_property
    def tensor_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def bytes_by_dtype(self) -> dict[str, int]:
        return bytes_by_dtype(self.tensors)

    @property
    def file_bytes(self) -> int:
        """Size of the whole file or files: headers, and each tensor padded to the alignment."""
        return self.header_bytes + sum(_padded(tensor.bytes, self.alignment) for tensor in self.tensors)


@cache
def ggml_types() -> Mapping[int, tuple[str, int, int]]:
    """Each ggml type by its number: (name, numbers in a block, bytes of a block)."""
    return {
        int(row["ggml_id"]): (row["name"], int(row["block_elements"]), int(row["block_bytes"]))
        for row in table("gguf_types")
        if row["ggml_id"]
    }


def parse(source: ByteSource) -> GgufHeader:
    """The header at the front of a source.

    Raises:
        PlanError: when it is truncated, garbage, or of a version or tensor type that is not known.
    """
    return _Parser(source).header()


def read_gguf_header(file: str | Path | bytes) -> GgufHeader:
    """The header of a local file (with the others it is split into), or of uploaded bytes, of which the front is
    enough.

    Raises:
        PlanError: when a file is missing, truncated or no GGUF.
    """
    if isinstance(file, bytes):
        return parse_bytes(file, parse)
    path = Path(file)
    return merge([parse_path(path.with_name(name), parse) for name in split_names(path.name)])


def split_names(name: str) -> tuple[str, ...]:
    """All files of the model that a file belongs to: itself, or `x-00001-of-00003.gguf` and its siblings in order.

    Raises:
        PlanError: for a split into no files or into thousands.
    """
    match = SPLIT_NAME.match(name)
    if match is None:
        return (name,)
    count = int(match["count"])
    if not 1 <= int(match["number"]) <= count <= MOST_SPLITS:
        raise PlanError(f"The file name {name[-80:]!r} is no part of a split model; give the first file.", "model")
    return tuple(f"{match['stem']}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1))


def merge(headers: Sequence[GgufHeader]) -> GgufHeader:
    """One header for the files of a split model: the metadata of the first, the tensors of all."""
    tensors = tuple(tensor for header in headers for tensor in header.tensors)
    return replace(
        headers[0], tensors=tensors, header_bytes=sum(header.header_bytes for header in headers), parts=len(headers)
    )


class _Parser:
    """Reads one header in the byte order and integer width that its version tells."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        magic, version = source.take(4), source.take(4)
        if magic != b"GGUF":
            raise source.broken("is no GGUF: it does not begin with the letters GGUF")
        # A big-endian file is told by its version alone, whose significant byte then stands last.
        order = "<" if version[0] else ">"
        self.version = int.from_bytes(version, "little" if order == "<" else "big")
        if not 1 <= self.version <= 3:
            raise source.broken(f"is a GGUF of version {self.version}, and versions 1 to 3 are known")
        self.scalars = {kind: struct.Struct(order + code) for kind, code in SCALARS.items()}
        self.u32, self.u64 = self.scalars[4], self.scalars[10]
        self.size = self.u32 if self.version == 1 else self.u64

    def header(self) -> GgufHeader:
        tensor_count = self.count("tensors", MOST_TENSORS)
        metadata: dict[str, Value] = {}
        lengths: dict[str, int] = {}
        for _ in range(self.count("keys", MOST_KEYS)):
            key, kind = self.text(LONGEST_NAME_BYTES), self.source.number(self.u32)
            value, length = self.array() if kind == ARRAY else (self.scalar(kind), None)
            if length is not None:
                lengths[key] = length
            if value is not None:
                metadata[key] = value
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or not 0 < alignment <= 2**20 or alignment & (alignment - 1):
            raise self.source.broken("states an alignment that is no power of two")
        tensors = tuple(self.tensor() for _ in range(tensor_count))
        return GgufHeader(self.version, metadata, lengths, tensors, _padded(self.source.position, alignment), alignment)

    def count(self, what: str, most: int) -> int:
        number: int = self.source.number(self.size)
        if number > most:
            raise self.source.broken(f"is no readable GGUF: it claims {number:,} {what}")
        return number

    def text(self, longest: int) -> str:
        return self.source.take(self.count("bytes of text", longest)).decode("utf-8", "replace")

    def scalar(self, kind: int) -> Scalar:
        if kind == STRING:
            return self.text(LONGEST_TEXT_BYTES)
        if kind not in self.scalars:
            raise self.source.broken(f"is no readable GGUF: it uses a value type {kind}")
        value: Scalar = self.source.number(self.scalars[kind])
        return value

    def array(self) -> tuple[tuple[Scalar, ...] | None, int]:
        """The values, or None when they are only counted, and how many there are."""
        kind, length = self.source.number(self.u32), self.count("entries in an array", LONGEST_ARRAY)
        if length <= LONGEST_KEPT_ARRAY:
            return tuple(self.scalar(kind) for _ in range(length)), length
        if kind == STRING:
            self.skip_texts(length)
        elif kind in self.scalars:
            end = self.source.position + length * self.scalars[kind].size
            self.source.hold(end)
            self.source.position = end
        else:
            self.scalar(kind)
        return None, length

    def skip_texts(self, count: int) -> None:
        """Step over texts, which have no common length: the inner loop of reading a vocabulary."""
        source, unpack, width = self.source, self.size.unpack_from, self.size.size
        data, position, held = source.data, source.position, len(source.data)
        for _ in range(count):
            if position + width > held:
                source.hold(position + width)
                held = len(data)
            position += width + unpack(data, position)[0]
        source.hold(position)
        source.position = position

    def tensor(self) -> TensorEntry:
        name, dimensions = self.text(LONGEST_NAME_BYTES), self.source.number(self.u32)
        if dimensions > MOST_DIMENSIONS:
            raise self.source.broken(f"is no readable GGUF: its tensor {name[:80]!r} has {dimensions:,} dimensions")
        sizes = [self.source.number(self.size) for _ in range(dimensions)]
        kind, offset = self.source.number(self.u32), self.source.number(self.u64)
        if kind not in ggml_types():
            raise self.source.broken(f"stores its tensor {name[:80]!r} in a type that is not known, number {kind}")
        dtype, block_elements, block_bytes = ggml_types()[kind]
        tensor = TensorEntry(name, tuple(reversed(sizes)), dtype, 0, offset)
        if tensor.elements >= 2**63 or (sizes[0] if sizes else 1) % block_elements:
            raise self.source.broken(
                f"is no readable GGUF: its tensor {name[:80]!r} has a shape that {dtype} cannot store"
            )
        return replace(tensor, bytes=tensor.elements // block_elements * block_bytes)


def _padded(count: int, alignment: int) -> int:
    return -(-count // alignment) * alignment
