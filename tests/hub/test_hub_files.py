"""Headers of remote weight files by range: every tensor, and no weight."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from server import COMMIT, SECRET, FakeHub
from weight_files import LLAMA, TENSORS, gguf, safetensors

from planner.core.errors import PlanError
from planner.hub import GgufFile, HubError, fetch_config, gguf_files, read_gguf_header, safetensors_headers
from planner.weight_files.gguf_file import read_gguf_header as read_local_gguf

SHARDS = {
    "model-00001-of-00002.safetensors": {"a": ("BF16", [4, 500_000], 4_000_000), "b": ("F32", [10], 40)},
    "model-00002-of-00002.safetensors": {"c": ("I32", [4, 100], 1_600), "d": ("BF16", [5], 10)},
}


def add_sharded(hub: FakeHub) -> None:
    index = {"weight_map": {name: file for file, tensors in SHARDS.items() for name in tensors}}
    hub.add(
        "meta/sharded",
        {"model.safetensors.index.json": index, **{file: safetensors(tensors) for file, tensors in SHARDS.items()}},
    )


def test_all_shards_are_read_as_one_model_without_their_weights(hub: FakeHub) -> None:
    add_sharded(hub)
    header = safetensors_headers("meta/sharded", endpoint=hub.endpoint)
    assert [(t.name, t.dtype, t.shape, t.bytes) for t in header.tensors] == [
        ("a", "BF16", (4, 500_000), 4_000_000),
        ("b", "F32", (10,), 40),
        ("c", "I32", (4, 100), 1_600),
        ("d", "BF16", (5,), 10),
    ]
    assert header.bytes_by_dtype == {"BF16": 4_000_010, "I32": 1_600, "F32": 40}
    assert header.file_bytes == sum(len(hub.repos["meta/sharded"].files[file]) for file in SHARDS)
    assert len(hub.log) == 3
    assert sum(request.sent_bytes for request in hub.log) < 110_000


def test_a_single_file_is_read_without_an_index(hub: FakeHub) -> None:
    hub.add("meta/single", {"model.safetensors": safetensors(SHARDS["model-00002-of-00002.safetensors"])})
    assert safetensors_headers("meta/single", endpoint=hub.endpoint).data_bytes == 1_610
    assert len(hub.log) == 2


def test_a_header_larger_than_the_first_range_is_fetched_on(hub: FakeHub) -> None:
    many = {f"model.layers.{i}.mlp.experts.down_proj.weight": ("BF16", [8, 8], 128) for i in range(5_000)}
    hub.add("meta/experts", {"model.safetensors": safetensors(many)})
    assert len(safetensors_headers("meta/experts", endpoint=hub.endpoint).tensors) == 5_000
    ranges = [request.range for request in hub.log[1:]]
    assert ranges[0] == "bytes=0-99999"
    assert len(ranges) == 2
    assert str(ranges[1]).startswith("bytes=100000-")


def test_a_repository_without_safetensors_says_so(hub: FakeHub) -> None:
    hub.add("meta/pickle", {"pytorch_model.bin": b""})
    with pytest.raises(HubError, match=r"meta/pickle has no model\.safetensors; pick a repository that has one\."):
        safetensors_headers("meta/pickle", endpoint=hub.endpoint)


@pytest.mark.parametrize("index", [b"{}", b"[]", b"{", b'{"weight_map": {}}', b'{"weight_map": []}'])
def test_a_broken_index_is_one_plain_sentence(hub: FakeHub, index: bytes) -> None:
    hub.add("meta/broken", {"model.safetensors.index.json": index})
    with pytest.raises(HubError, match="index of meta/broken cannot be read"):
        safetensors_headers("meta/broken", endpoint=hub.endpoint)


@pytest.mark.parametrize("name", ["../../other/repo/resolve/main/x", "/x", "a//b"])
def test_an_index_cannot_name_a_file_outside_its_repository(hub: FakeHub, name: str) -> None:
    hub.add("meta/sly", {"model.safetensors.index.json": json.dumps({"weight_map": {"a": name}}).encode()})
    with pytest.raises(HubError, match="is no file of a repository"):
        safetensors_headers("meta/sly", endpoint=hub.endpoint)
    assert len(hub.log) == 1


def test_a_mirror_that_ignores_ranges_cannot_send_a_whole_shard(hub: FakeHub) -> None:
    hub.ranges = False
    hub.add("meta/whole", {"model.safetensors": safetensors({"a": ("BF16", [25_000_000], 50_000_000)})})
    assert safetensors_headers("meta/whole", endpoint=hub.endpoint).data_bytes == 50_000_000
    assert hub.log[-1].sent_bytes < 20_000_000


def test_gguf_files_are_listed_with_sizes_and_split_ones_as_one(hub: FakeHub) -> None:
    parts = [f"BF16/m-BF16-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    files = {
        "README.md": b"x",
        "m-Q4_K_M.gguf": bytes(40),
        "mmproj-m-f16.gguf": bytes(5),
        **{part: bytes(100) for part in reversed(parts)},
    }
    hub.add("someone/m-GGUF", files)
    listed = gguf_files("someone/m-GGUF", endpoint=hub.endpoint)
    assert listed == (
        GgufFile("mmproj-m-f16.gguf", 5, ("mmproj-m-f16.gguf",)),
        GgufFile("m-Q4_K_M.gguf", 40, ("m-Q4_K_M.gguf",)),
        GgufFile(parts[0], 300, tuple(parts)),
    )
    assert [file.is_projector for file in listed] == [True, False, False]
    assert len(hub.log) == 1


def test_a_remote_header_equals_the_local_one_and_no_weight_is_fetched(hub: FakeHub) -> None:
    data = gguf(LLAMA, TENSORS, data_bytes=30_000_000)
    hub.add("someone/m-GGUF", {"m.gguf": data})
    assert read_gguf_header("someone/m-GGUF", "m.gguf", endpoint=hub.endpoint) == read_local_gguf(data)
    assert [request.range for request in hub.log] == ["bytes=0-4194303"]


def test_the_range_grows_until_the_header_is_whole(hub: FakeHub) -> None:
    long = {**LLAMA, "tokenizer.ggml.merges": ("[string]", [f"left{i} right{i}" for i in range(400_000)])}
    data = gguf(long, TENSORS, data_bytes=100)
    assert 8 * 2**20 < len(data) < 16 * 2**20
    hub.add("someone/m-GGUF", {"m.gguf": data})
    header = read_gguf_header("someone/m-GGUF", "m.gguf", endpoint=hub.endpoint)
    assert header.array_lengths["tokenizer.ggml.merges"] == 400_000
    assert [request.range for request in hub.log] == [
        "bytes=0-4194303",
        "bytes=4194304-8388607",
        "bytes=8388608-16777215",
    ]


def test_all_parts_of_a_split_model_are_read(hub: FakeHub) -> None:
    split = {"split.count": ("u32", 3)}
    files = {
        f"Q8/m-0000{i}-of-00003.gguf": gguf(
            {**(LLAMA if i == 1 else {}), **split}, TENSORS[i - 1 : i], data_bytes=9_000_000
        )
        for i in (1, 2, 3)
    }
    hub.add("someone/m-GGUF", files)
    header = read_gguf_header("someone/m-GGUF", "Q8/m-00001-of-00003.gguf", endpoint=hub.endpoint)
    assert [tensor.name for tensor in header.tensors] == [name for name, _, _ in TENSORS]
    assert (header.complete, header.vocab_size) == (True, 2_000)
    assert sum(request.sent_bytes for request in hub.log) < 5_000_000


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PK" + bytes(99), "no GGUF"), (gguf(LLAMA, TENSORS)[:-200], "ends in the middle"), (b"", "ends in the middle")],
)
def test_a_remote_file_that_is_no_gguf_is_one_plain_sentence(hub: FakeHub, data: bytes, message: str) -> None:
    hub.add("someone/m-GGUF", {"m.gguf": data})
    with pytest.raises(PlanError, match=message):
        read_gguf_header("someone/m-GGUF", "m.gguf", endpoint=hub.endpoint)


def test_a_mirror_that_ignores_a_later_range_is_told_apart(hub: FakeHub) -> None:
    long = {**LLAMA, "tokenizer.ggml.merges": ("[string]", [f"left{i} right{i}" for i in range(200_000)])}
    hub.ranges = False
    hub.add("someone/m-GGUF", {"m.gguf": gguf(long, TENSORS)})
    with pytest.raises(HubError, match="cannot send part of a file"):
        read_gguf_header("someone/m-GGUF", "m.gguf", endpoint=hub.endpoint)


def test_a_token_does_not_follow_to_the_storage_host(hub: FakeHub, tmp_path: Path) -> None:
    data = gguf(LLAMA, TENSORS, data_bytes=30_000_000)
    hub.add("meta/gated", {"m.gguf": data, "config.json": b'{"model_type": "llama"}'}, gated="auto")
    hub.redirects = True
    assert read_gguf_header("meta/gated", "m.gguf", token=SECRET, endpoint=hub.endpoint) == read_local_gguf(data)
    assert [(request.path.split("/")[1], request.authorization, request.range) for request in hub.log] == [
        ("meta", f"Bearer {SECRET}", "bytes=0-4194303"),
        ("stored", None, "bytes=0-4194303"),
    ]
    hub.repos["meta/gated"].gated = False
    fetch_config("meta/gated", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert (tmp_path / "models--meta--gated" / "snapshots" / COMMIT / "config.json").is_file()


def test_a_gated_file_opens_with_a_token(hub: FakeHub) -> None:
    hub.add("meta/gated", {"m.gguf": gguf(LLAMA, TENSORS)}, gated="auto")
    with pytest.raises(HubError, match="gated"):
        read_gguf_header("meta/gated", "m.gguf", endpoint=hub.endpoint)
    assert read_gguf_header("meta/gated", "m.gguf", token=SECRET, endpoint=hub.endpoint).architecture == "llama"
