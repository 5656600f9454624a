"""Headers of safetensors files."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from weight_files import safetensors

from planner.core.errors import PlanError
from planner.weight_files.safetensors_file import read_safetensors_header

TENSORS = {
    "a.weight": ("BF16", [4, 8], 64),
    "a.scales": ("F8_E4M3", [4, 1], 4),
    "empty": ("F32", [0], 0),
    "scalar": ("F32", [], 4),
}


def test_names_types_shapes_and_bytes_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(TENSORS))
    header = read_safetensors_header(path)
    assert [(t.name, t.dtype, list(t.shape), t.bytes) for t in header.tensors] == [
        (name, *rest) for name, rest in TENSORS.items()
    ]
    assert header.bytes_by_dtype == {"BF16": 64, "F32": 4, "F8_E4M3": 4}
    assert header.file_bytes == path.stat().st_size
    assert header.metadata == {"format": "pt"}
    assert [tensor.elements for tensor in header.tensors] == [32, 4, 0, 1]


def test_the_front_of_an_upload_is_enough() -> None:
    assert read_safetensors_header(safetensors(TENSORS, data=False)) == read_safetensors_header(safetensors(TENSORS))


def with_header(raw: object) -> bytes:
    text = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends in the middle"),
        (b"1234567", "ends in the middle"),
        (struct.pack("<Q", 100) + b"{}", "ends in the middle"),
        (struct.pack("<Q", 2**63), "claims a header of"),
        (with_header(b"\xff\xfe not json"), "not JSON"),
        (with_header(b"[" * 100_000), "not JSON"),
        (with_header([1]), "not a JSON object"),
        (with_header({"a": 1}), "no readable type, shape and offsets for its tensor 'a'"),
        (with_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}), "no readable"),
        (with_header({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), "no readable"),
        (with_header({"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}), "no readable"),
        (with_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}), "no readable"),
    ],
)
def test_what_is_no_safetensors_is_one_plain_sentence(data: bytes, message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        read_safetensors_header(data)
    assert caught.value.field == "model"
