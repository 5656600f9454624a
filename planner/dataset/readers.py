"""Rows of a file as a stream: JSON lines, one JSON array, CSV, Parquet, and text with a sample a line.

What cannot be read is a `Malformed` in the stream, with its line and the reason; reading goes on after it where the
format allows.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from planner.core.errors import PlanError

Kind = Literal["jsonl", "json", "csv", "parquet", "text"]

LONGEST_ROW_BYTES = 2**24
"""A longer line is counted as malformed: it bounds the memory that a file can take, at some five million tokens a
sample.
"""
PIECE_BYTES = 2**18
PARQUET_ROWS = 64
EXCERPT = 160
BETWEEN = re.compile(r"[\s,]*")
ENDINGS: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A sample as the file has it: an object by key, or a bare text.

    `number` counts lines, or rows where a file has none.
    """

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Malformed:
    """What could not be read: where, why, and how it begins."""

    number: int
    reason: str
    excerpt: str = ""


class Source:
    """An opened file of samples; `done` is how much of it has been read, from 0 to 1."""

    def __init__(self, file: BinaryIO, name: str = "", kind: Kind | None = None) -> None:
        """Look at the first bytes and the name's ending to tell the format, unless it is given.

        Raises:
            PlanError: when it is a format that is not read.
        """
        self.file, self.name = file, name
        self.size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        self.kind: Kind = kind or told(file.read(4_096), name)
        file.seek(0)
        self._rows_done = self._rows_total = 0

    @classmethod
    def pasted(cls, text: str) -> Source:
        """Samples typed or pasted: JSON lines or a JSON array where it begins like one, else a sample a line."""
        return cls(
            io.BytesIO(text.encode("utf-8", "replace")), "", "text" if text.lstrip()[:1] not in ("{", "[") else None
        )

    @property
    def done(self) -> float:
        if self.kind == "parquet":
            return self._rows_done / self._rows_total if self._rows_total else 1.0
        return min(self.file.tell() / self.size_bytes, 1.0) if self.size_bytes else 1.0

    def rows(self) -> Iterator[Row | Malformed]:
        """Every row in order.

        Raises:
            PlanError: when nothing of the file can be read, as with a Parquet file that is cut short.
        """
        self.file.seek(0)
        readers = {
            "jsonl": self._json_lines,
            "json": self._json_array,
            "csv": self._csv,
            "parquet": self._parquet,
            "text": self._text,
        }
        return readers[self.kind]()

    def _lines(self) -> Iterator[tuple[int, bytes | None]]:
        """Numbered lines that are not blank; None for one that is too long."""
        number = 0
        while line := self.file.readline(LONGEST_ROW_BYTES):
            number += 1
            if len(line) == LONGEST_ROW_BYTES and not line.endswith(b"\n"):
                while (rest := self.file.readline(PIECE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            elif line.strip():
                yield number, line if number > 1 else line.removeprefix(codecs.BOM_UTF8)

    def _json_lines(self) -> Iterator[Row | Malformed]:
        for number, line in self._lines():
            if line is None:
                yield Malformed(number, _too_long())
                continue
            try:
                yield Row(number, json.loads(line.rstrip()))
            except UnicodeDecodeError:
                yield Malformed(number, "is not UTF-8 text", _excerpt(line))
            except json.JSONDecodeError as error:
                said = error.msg.removesuffix(" at").removesuffix(" starting")
                yield Malformed(
                    number, f"is no JSON: {said[:1].lower()}{said[1:]} at character {error.colno:,}", _excerpt(line)
                )
            except (ValueError, RecursionError):
                yield Malformed(number, "is nested too deeply or holds a number that is too long", _excerpt(line))

    def _text(self) -> Iterator[Row | Malformed]:
        for number, line in self._lines():
            yield (
                Malformed(number, _too_long())
                if line is None
                else Row(number, line.decode("utf-8", "replace").rstrip("\r\n"))
            )

    def _json_array(self) -> Iterator[Row | Malformed]:
        """The elements of `[{...}, {...}]`, each decoded as soon as it is whole."""
        decode, text = json.JSONDecoder().raw_decode, codecs.getincrementaldecoder("utf-8-sig")("replace")
        held, number, ended = text.decode(self.file.read(PIECE_BYTES)), 0, False
        at = held.find("[") + 1
        while True:
            at = BETWEEN.match(held, at).end()  # type: ignore[union-attr]  # it matches nothing at all, too
            if at < len(held) and held[at] == "]":
                return
            try:
                value, at = decode(held, at)
            except (ValueError, RecursionError) as error:
                if ended or len(held) - at > LONGEST_ROW_BYTES or isinstance(error, RecursionError):
                    yield Malformed(
                        number + 1,
                        "is no JSON, and the array cannot be read from there on",
                        _excerpt(held[at : at + EXCERPT]),
                    )
                    return
                more = self.file.read(max(PIECE_BYTES, len(held) - at))
                ended = not more
                held, at = held[at:] + text.decode(more, ended), 0
                continue
            number += 1
            yield Row(number, value)

    def _csv(self) -> Iterator[Row | Malformed]:
        csv.field_size_limit(LONGEST_ROW_BYTES)
        text = io.TextIOWrapper(self.file, encoding="utf-8-sig", errors="replace", newline="")
        try:
            lines = csv.reader(_bounded(text), delimiter=self._delimiter())
            header = next(lines, [])
            while True:
                try:
                    fields = next(lines, None)
                except csv.Error as error:
                    yield Malformed(lines.line_num, f"is no CSV: {error}")
                    continue
                if fields is None:
                    return
                if len(fields) != len(header) and fields:
                    yield Malformed(
                        lines.line_num,
                        f"has {len(fields)} fields where the header has {len(header)}",
                        _excerpt(",".join(fields)[:EXCERPT]),
                    )
                elif fields:
                    yield Row(lines.line_num, dict(zip(header, fields, strict=True)))
        finally:
            text.detach()

    def _delimiter(self) -> str:
        """What separates the header's names: the most frequent of the usual four."""
        place = self.file.tell()
        header = self.file.readline(LONGEST_ROW_BYTES)
        self.file.seek(place)
        return max(",;\t|", key=lambda mark: header.count(mark.encode()))

    def _parquet(self) -> Iterator[Row | Malformed]:
        import pyarrow.parquet as parquet
        from pyarrow import ArrowException

        try:
            table = parquet.ParquetFile(self.file)
            self._rows_done, self._rows_total = 0, table.metadata.num_rows
            for batch in table.iter_batches(batch_size=PARQUET_ROWS):
                for value in batch.to_pylist():
                    self._rows_done += 1
                    yield Row(self._rows_done, value)
        except (ArrowException, OSError, ValueError, NotImplementedError) as error:
            if not self._rows_done:
                raise PlanError(
                    "This is no Parquet file that can be read, or it is cut short; save it again, or give JSON lines.",
                    "data",
                ) from None
            yield Malformed(
                self._rows_done + 1, "and all that follow cannot be read from the Parquet file", _excerpt(str(error))
            )


def told(beginning: bytes, name: str) -> Kind:
    """The format, by the first bytes and the name's ending.

    Raises:
        PlanError: for an archive or another format that is not read.
    """
    ending = "." + name.lower().rpartition(".")[2] if "." in name else ""
    if beginning[:4] == b"PAR1":
        return "parquet"
    if beginning[:2] == b"\x1f\x8b" or beginning[:4] in (b"PK\x03\x04", b"\x28\xb5\x2f\xfd"):
        raise PlanError("The file is compressed; unpack it and upload what is inside.", "data")
    first = beginning.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    kind = ENDINGS.get(ending, "jsonl" if first in (b"{", b"[") or not ending else None)
    if kind is None:
        raise PlanError(f"Files that end in {ending[:12]} are not read; give JSON lines, CSV or Parquet.", "data")
    return "json" if kind == "jsonl" and first == b"[" else kind


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines of a CSV, each at most as long as a row may be."""
    while line := text.readline(LONGEST_ROW_BYTES):
        yield line


def _too_long() -> str:
    return f"is longer than {LONGEST_ROW_BYTES // 2**20} MiB"


def _excerpt(text: str | bytes) -> str:
    shown = text[: EXCERPT * 4].decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(shown.split())[:EXCERPT]
