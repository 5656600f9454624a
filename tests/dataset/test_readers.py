"""Files of every format, whole, broken and large: malformed rows are counted and shown, and memory stays bounded."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import note_lengths, notes, words_tokenizer

from planner.core.errors import PlanError
from planner.dataset import Analysis, Estimated, Malformed, Source, Tokenized, analyse, readers
from planner.dataset.analysis import MOST_SHOWN, nothing_read

WORDS = Tokenized(words_tokenizer())
ROWS = [{"text": "one two three"}, {"text": "four, five"}, {"text": "six\nseven"}]


def analysed(content: bytes, name: str = "data.jsonl", column: str | None = None) -> Analysis:
    return analyse(Source(io.BytesIO(content), name), WORDS, column)


def lengths(found: Analysis) -> dict[int, int]:
    return dict(found.lengths.counts())


def parquet(rows: list[Any]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        ("\n".join(map(json.dumps, ROWS)).encode(), "a.jsonl", "jsonl"),
        ("\n\n".join(map(json.dumps, ROWS)).encode() + b"\r\n\r\n", "a.json", "jsonl"),
        (b"\xef\xbb\xbf" + "\n".join(map(json.dumps, ROWS)).encode(), "", "jsonl"),
        (json.dumps(ROWS).encode(), "alpaca_data.json", "json"),
        (json.dumps(ROWS, indent=2).encode(), "a.jsonl", "json"),
        (b'text\none two three\n"four, five"\n"six\nseven"\n', "a.csv", "csv"),
        (b'\xef\xbb\xbfid;text\n1;one two three\n2;"four, five"\n3;"six\nseven"', "a.csv", "csv"),
        (b"text\tid\none two three\t1\nfour, five\t2\nsix seven\t3", "a.tsv", "csv"),
        (parquet(ROWS), "a.parquet", "parquet"),
        (parquet(ROWS), "no-ending", "parquet"),
        (b"one two three\nfour, five\n\nsix seven\n", "a.txt", "text"),
    ],
)
def test_every_format_gives_the_same_samples(content: bytes, name: str, kind: str) -> None:
    found = analysed(content, name)
    assert (found.kind, found.malformed, found.lengths.samples) == (kind, 0, 3)
    assert lengths(found) == {4: 1, 3: 2}  # with the end-of-text token


def test_pasted_samples() -> None:
    assert Source.pasted('{"text": "a b"}').kind == "jsonl"
    assert Source.pasted(' [{"text": "a b"}]').kind == "json"
    assert Source.pasted("a b\nc").kind == "text"
    assert analyse(Source.pasted("a b\nc"), WORDS).lengths.tokens == 5


def test_malformed_lines_are_counted_and_shown_and_the_others_read() -> None:
    lines = [
        b'{"text": "one two"}',
        b'{"text": "cut',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"title": 1, "score": 2}',
        b'{"text": ""}',
        b"12",
        b'{"text": {"a": 1}}',
        b'{"messages": [1]}',
        b'{"messages": "hello"}',
        b'{"n": ' + b"9" * 5_000 + b"}",
        b'{"text": "three"}',
    ]
    found = analysed(b"\n".join(lines))
    assert lengths(found) == {3: 1, 2: 1}
    assert found.malformed == len(lines) - 2
    assert [one.number for one in found.examples] == list(range(2, 12))
    assert found.examples[0].reason.startswith("is no JSON: unterminated string")
    assert found.examples[0].excerpt == '{"text": "cut'
    assert all(len(one.excerpt) <= 160 for one in found.examples)


def test_only_some_malformed_lines_are_kept() -> None:
    found = analysed(b"{\n" * 5_000 + b'{"text": "a"}')
    assert (found.malformed, len(found.examples), found.lengths.samples) == (5_000, MOST_SHOWN, 1)


def test_a_line_without_end_is_one_malformed_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LONGEST_ROW_BYTES", 2**16)
    found = analysed(b'{"text": "a b"}\n{"text": "' + b"x " * 2**20 + b'"}\n{"text": "c"}')
    assert lengths(found) == {3: 1, 2: 1}
    assert found.malformed == 1
    assert found.examples[0].number == 2


def test_csv_rows_of_another_width_are_malformed() -> None:
    found = analysed(b"text,id\na b,1\nc\nd,2,3\ne f,4\n", "a.csv")
    assert lengths(found) == {3: 2}
    assert [(one.number, one.reason) for one in found.examples] == [
        (3, "has 1 fields where the header has 2"),
        (4, "has 3 fields where the header has 2"),
    ]


def test_a_broken_element_ends_an_array_but_not_what_came_before() -> None:
    found = analysed(b'[{"text": "a b"}, {"text": "c"}, {"text": oops}, {"text": "d"}]', "a.json")
    assert (found.lengths.samples, found.malformed, found.examples[0].number) == (2, 1, 3)
    assert analysed(b'[{"text": "a b"}, {"te', "a.json").malformed == 1
    assert analysed(b"[]", "a.json").malformed == 0


def test_an_array_is_decoded_over_the_ends_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "PIECE_BYTES", 7)
    found = analysed(json.dumps([{"text": "é è " * n} for n in range(1, 30)], ensure_ascii=False).encode(), "a.json")
    assert [length for length, _ in found.lengths.counts()] == [2 * n + 1 for n in range(1, 30)]


@pytest.mark.parametrize("name", ["a.xlsx", "a.gz", "a.exe"])
def test_other_files_are_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(PlanError, match="give JSON lines, CSV or Parquet"):
        Source(io.BytesIO(b"anything"), name)


def test_compressed_and_broken_files_are_refused_in_a_sentence() -> None:
    with pytest.raises(PlanError, match="unpack"):
        Source(io.BytesIO(b"\x1f\x8b\x08"), "a.jsonl.gz")
    whole = parquet(ROWS)
    for broken in (whole[: len(whole) // 2], b"PAR1" + b"\x00" * 100, whole[:20] + b"\xff" * (len(whole) - 20)):
        with pytest.raises(PlanError, match="Parquet"):
            analysed(broken, "a.parquet")


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.txt", ""]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    try:
        found = analysed(content, name)
    except PlanError:
        return
    if not found.lengths.samples:
        assert str(nothing_read(found))


def test_a_source_is_read_again_from_the_start() -> None:
    source = Source(io.BytesIO(notes([5, 6])), "a.jsonl")
    assert len(list(source.rows())) == len(list(source.rows())) == 2
    assert source.done == 1.0


def test_progress_goes_up_to_the_whole() -> None:
    seen: list[tuple[float, int]] = []
    analyse(
        Source(io.BytesIO(notes(note_lengths())), "a.jsonl"),
        WORDS,
        on_progress=lambda share, samples: seen.append((share, samples)),
    )
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1] == (1.0, 1_602)


def test_malformed_is_a_row_of_the_stream() -> None:
    rows = list(Source(io.BytesIO(b'{"a": 1}\n{'), "a.jsonl").rows())
    assert isinstance(rows[1], Malformed)
    assert rows[1].number == 2


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_fifty_megabytes_in_bounded_memory(kind: str, tmp_path: Path) -> None:
    """The file is on disk; what Python holds while reading it stays far below its size."""
    path, size = tmp_path / f"large.{kind}", 50_000_000
    text = "The patient was seen for a routine examination. " * 40
    row = {
        "jsonl": json.dumps({"text": text}) + "\n",
        "json": json.dumps({"text": text}) + ",\n",
        "csv": f'1,"{text}"\n',
    }[kind].encode()
    with path.open("wb") as file:
        file.write({"jsonl": b"", "json": b"[", "csv": b"id,text\n"}[kind])
        for _ in range(size // len(row) // 100):
            file.write(row * 100)
        file.write({"jsonl": b'{"broken', "json": row.rstrip(b",\n") + b"]", "csv": b"too,many,fields"}[kind])
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            found = analyse(Source(file, path.name), Estimated())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert path.stat().st_size > 0.98 * size
    assert found.lengths.samples > 20_000
    assert found.malformed == (kind != "json")
    assert peak < 12_000_000, f"{peak / 1e6:.1f} MB for a file of {size / 1e6:.0f} MB"
