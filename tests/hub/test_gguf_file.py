"""Headers of GGUF files: what they say, exactly, and what happens when they are cut, garbled or hostile."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest
from weight_files import LLAMA, TENSORS, gguf

from planner.core.data import table
from planner.core.errors import PlanError
from planner.weight_files.gguf_file import ggml_types, read_gguf_header, split_names

WHOLE = gguf(LLAMA, TENSORS)


def test_metadata_and_tensors_are_read_exactly() -> None:
    header = read_gguf_header(WHOLE)
    assert (header.architecture, header.file_type, header.get("block_count"), header.get("context_length")) == (
        "llama",
        15,
        2,
        8192,
    )
    assert header.get("attention.head_count_kv") == (8, 4)
    assert header.metadata["tokenizer.ggml.add_bos_token"] is True
    assert [(t.name, t.shape, t.dtype, t.bytes) for t in header.tensors] == [
        ("token_embd.weight", (2000, 512), "Q6_K", 2000 * 512 // 256 * 210),
        ("blk.0.attn_q.weight", (256, 512), "Q4_K", 256 * 512 // 256 * 144),
        ("output_norm.weight", (512,), "F32", 2048),
    ]
    assert header.parameters == 2000 * 512 + 256 * 512 + 512
    assert header.bytes_by_dtype == {"Q6_K": 840_000, "Q4_K": 73_728, "F32": 2048}
    assert header.tensor_bytes == 840_000 + 73_728 + 2048
    assert header.header_bytes == len(WHOLE)
    assert header.file_bytes == len(WHOLE) + 840_000 + 73_728 + 2048


def test_the_vocabulary_is_counted_and_not_kept() -> None:
    header = read_gguf_header(WHOLE)
    assert header.vocab_size == 2_000
    assert "tokenizer.ggml.tokens" not in header.metadata
    assert header.array_lengths["tokenizer.ggml.scores"] == 2_000


@pytest.mark.parametrize(("version", "order"), [(1, "<"), (2, "<"), (3, "<"), (3, ">")])
def test_every_version_and_byte_order_says_the_same(version: int, order: str) -> None:
    header = read_gguf_header(gguf(LLAMA, TENSORS, version=version, order=order))
    expected = read_gguf_header(WHOLE)
    assert (header.version, header.tensors, dict(header.metadata)) == (
        version,
        expected.tensors,
        dict(expected.metadata),
    )


def test_padding_between_tensors_counts_in_the_file() -> None:
    header = read_gguf_header(gguf({"general.alignment": ("u32", 64)}, [("a", (3,), 0), ("b", (5,), 0)]))
    assert (header.alignment, header.tensor_bytes, header.file_bytes - header.header_bytes) == (64, 32, 128)


def test_a_local_file_and_its_other_parts_are_one_model(tmp_path: Path) -> None:
    split = {**LLAMA, "split.count": ("u32", 2)}
    (tmp_path / "m-00001-of-00002.gguf").write_bytes(gguf(split, TENSORS[:1]))
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(gguf({"split.count": ("u32", 2)}, TENSORS[1:]))
    header = read_gguf_header(tmp_path / "m-00002-of-00002.gguf")
    assert header.architecture == "llama"
    assert header.complete
    assert [tensor.name for tensor in header.tensors] == [name for name, _, _ in TENSORS]
    assert not read_gguf_header((tmp_path / "m-00001-of-00002.gguf").read_bytes()).complete


def test_a_missing_file_or_part_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "m-00001-of-00002.gguf").write_bytes(WHOLE)
    for path in (tmp_path / "none.gguf", tmp_path / "m-00001-of-00002.gguf", tmp_path, Path("nul\0.gguf")):
        with pytest.raises(PlanError, match=r"check the path\.$"):
            read_gguf_header(path)


@pytest.mark.parametrize("name", ["m-00003-of-00002.gguf", "m-00000-of-00002.gguf", "m-00001-of-99999.gguf"])
def test_impossible_split_names_are_refused(name: str) -> None:
    with pytest.raises(PlanError, match="no part of a split model"):
        split_names(name)


def test_a_file_cut_anywhere_is_one_plain_sentence() -> None:
    small = gguf({key: LLAMA[key] for key in list(LLAMA)[:6]}, TENSORS)
    end = len(small.rstrip(b"\0")) - 8  # what follows the last field is padding, which nobody needs
    for length in range(end):
        with pytest.raises(PlanError, match=r"(ends in the middle of its header|no GGUF).*give another file\.$"):
            read_gguf_header(small[:length])


def test_garbage_is_read_or_refused_but_never_anything_else() -> None:
    seeded = random.Random(7)
    small = gguf({key: LLAMA[key] for key in list(LLAMA)[:6]}, TENSORS)
    refused, sentences = 0, set()
    for _ in range(3_000):
        damaged = bytearray(small)
        for _ in range(seeded.randint(1, 6)):
            damaged[seeded.randrange(4, len(damaged))] = seeded.choice((0, 1, 127, 255, seeded.randrange(256)))
        try:
            read_gguf_header(bytes(damaged))
        except PlanError as error:
            sentences.add(str(error).split(";")[-1])
            refused += 1
    assert refused > 1_000
    assert sentences == {" download it again, or give another file."}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends in the middle"),
        (b"PK\3\4" + bytes(100), "does not begin with the letters GGUF"),
        (b"GGUF" + struct.pack("<I", 4) + bytes(64), "version 4"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 1), "claims .* tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**60), "claims .* keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "claims .* bytes of text"),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**62),
            "claims .* entries in an array",
        ),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 12, 2**26),
            "more than the 128 MiB",
        ),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1), "value type 9"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 77), "value type 77"),
        (gguf({}, [("a", (256,), 99)]), "a type that is not known, number 99"),
        (gguf({}, [("a", (100,), 12)]), "a shape that Q4_K cannot store"),
        (gguf({}, [("a", (2**40, 2**40), 0)]), "a shape that F32 cannot store"),
        (gguf({"general.alignment": ("u32", 0)}, []), "alignment"),
    ],
)
def test_hostile_claims_are_refused_at_once(data: bytes, message: str) -> None:
    started = time.perf_counter()
    with pytest.raises(PlanError, match=message) as caught:
        read_gguf_header(data)
    assert caught.value.field == "model"
    assert time.perf_counter() - started < 0.5


def test_a_vocabulary_of_the_largest_models_is_skipped_in_a_moment() -> None:
    tokens, merges = [f"tok{i:06d}" for i in range(200_000)], [f"ab{i} cd{i}" for i in range(400_000)]
    data = gguf({"tokenizer.ggml.tokens": ("[string]", tokens), "tokenizer.ggml.merges": ("[string]", merges)}, TENSORS)
    started = time.perf_counter()
    header = read_gguf_header(data)
    assert time.perf_counter() - started < 2.0
    assert header.array_lengths == {"tokenizer.ggml.tokens": 200_000, "tokenizer.ggml.merges": 400_000}


def test_every_block_type_has_a_size_a_source_and_its_own_number() -> None:
    rows = table("gguf_types")
    assert len({row["name"] for row in rows}) == len(rows)
    assert len(ggml_types()) == sum(bool(row["ggml_id"]) for row in rows)
    bits = {name: 8 * block_bytes / elements for name, elements, block_bytes in ggml_types().values()}
    assert (bits["F16"], bits["Q8_0"], bits["Q4_K"], bits["Q6_K"], bits["IQ4_XS"], bits["MXFP4"]) == (
        16,
        8.5,
        4.5,
        6.5625,
        4.25,
        4.25,
    )
