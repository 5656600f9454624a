"""config.json over HTTP: requests, cache, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import hf_hub_download
from server import COMMIT, SECRET, FakeHub

from planner.hub import HubError, fetch_config, model_info

LLAMA = {"model_type": "llama", "hidden_size": 4096, "quantization_config": {"quant_method": "fp8"}}
PLAIN = {"model_type": "llama", "hidden_size": 4096}


def paths(hub: FakeHub) -> list[str]:
    return [f"{request.method} {request.path}" for request in hub.log]


def test_one_request_reads_the_config(hub: FakeHub, asked: dict[str, Any]) -> None:
    hub.add("meta/llama", {"config.json": LLAMA})
    assert fetch_config("https://huggingface.co/meta/llama/tree/main", **asked) == LLAMA
    assert paths(hub) == ["GET /meta/llama/resolve/main/config.json"]


def test_sizing_a_400b_model_takes_two_requests_and_less_than_a_megabyte(hub: FakeHub, asked: dict[str, Any]) -> None:
    shards = [f"model-{i:05d}-of-00191.safetensors" for i in range(1, 192)]
    files: dict[str, Any] = {
        "config.json": {**PLAIN, "num_hidden_layers": 126},
        "tokenizer.json": bytes(9_000_000),
        **dict.fromkeys(shards, bytes(8)),
    }
    repo = hub.add(
        "meta/405b", files, facts={"safetensors": {"parameters": {"BF16": 405_853_388_800}, "total": 405_853_388_800}}
    )
    repo.files["model.safetensors.index.json"] = bytes(200_000)
    info = model_info("meta/405b", endpoint=hub.endpoint)
    config = fetch_config("meta/405b", info.sha, files=info.files, **asked)
    assert (info.total_parameters, config["num_hidden_layers"]) == (405_853_388_800, 126)
    assert len(hub.log) == 2
    assert sum(request.sent_bytes for request in hub.log) < 20_000


def test_a_known_commit_is_read_from_the_cache_without_a_request(hub: FakeHub, asked: dict[str, Any]) -> None:
    hub.add("meta/llama", {"config.json": LLAMA})
    fetch_config("meta/llama", **asked)
    hub.log.clear()
    assert fetch_config("meta/llama", COMMIT, **asked) == LLAMA
    assert hub.log == []


def test_the_copy_is_the_librarys_own_cache_both_ways(hub: FakeHub, asked: dict[str, Any], tmp_path: Path) -> None:
    hub.add("meta/llama", {"config.json": LLAMA})
    hub.add("meta/other", {"config.json": LLAMA})
    fetch_config("meta/llama", **asked)
    kept = hf_hub_download("meta/llama", "config.json", cache_dir=tmp_path, local_files_only=True)
    assert Path(kept).read_bytes() == hub.repos["meta/llama"].files["config.json"]
    hf_hub_download("meta/other", "config.json", cache_dir=tmp_path, endpoint=hub.endpoint, token=False)
    hub.status = 503
    assert fetch_config("meta/other", **asked) == LLAMA


@pytest.mark.parametrize("trouble", ["closed", "slow", "503", "429", "offline"])
def test_the_cached_copy_answers_when_the_hub_cannot(
    hub: FakeHub, asked: dict[str, Any], trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("meta/llama", {"config.json": PLAIN})
    assert fetch_config("meta/llama", **asked) == PLAIN
    hub.log.clear()
    if trouble == "closed":
        asked["endpoint"] = "http://127.0.0.1:9"
    elif trouble == "slow":
        hub.delay_s = 1.0
    elif trouble == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    else:
        hub.status = int(trouble)
    assert fetch_config("meta/llama", **asked) == PLAIN
    assert len(hub.log) <= 1, "after one silence nothing more is asked"


def test_a_newer_config_replaces_the_copy(hub: FakeHub, asked: dict[str, Any]) -> None:
    repo = hub.add("meta/llama", {"config.json": LLAMA})
    fetch_config("meta/llama", **asked)
    repo.files["config.json"] = b'{"model_type": "new", "quantization_config": {"a": 1}}'
    assert fetch_config("meta/llama", **asked)["model_type"] == "new"


def test_what_a_token_opened_is_neither_kept_nor_shown_to_others(
    hub: FakeHub, asked: dict[str, Any], tmp_path: Path
) -> None:
    hub.add("meta/gated", {"config.json": LLAMA}, gated="manual")
    assert fetch_config("meta/gated", token=SECRET, **asked) == LLAMA
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    hub.status = 503
    with pytest.raises(HubError):
        fetch_config("meta/gated", **asked)


def test_a_refusal_is_not_answered_from_the_cache(hub: FakeHub, asked: dict[str, Any]) -> None:
    repo = hub.add("meta/llama", {"config.json": LLAMA})
    fetch_config("meta/llama", **asked)
    repo.gated = "auto"
    with pytest.raises(HubError, match="gated"):
        fetch_config("meta/llama", **asked)


@pytest.mark.parametrize("lengths", [True, False])
def test_a_config_of_50_mb_is_refused_before_it_is_downloaded(
    hub: FakeHub, asked: dict[str, Any], tmp_path: Path, lengths: bool
) -> None:
    hub.add("meta/huge", {"config.json": bytes(50_000_000)})
    hub.lengths = lengths
    with pytest.raises(HubError, match=r"larger than 10 MB, so it is not read"):
        fetch_config("meta/huge", **asked)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert hub.log[0].sent_bytes < 30_000_000, "what the sockets hold in between may have been sent"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'{"a": ', b"\xff\xfe\x00", b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"]
)
def test_a_broken_config_is_one_plain_sentence_and_not_kept(
    hub: FakeHub, asked: dict[str, Any], tmp_path: Path, body: bytes
) -> None:
    hub.add("meta/broken", {"config.json": body})
    with pytest.raises(HubError, match=r"config.json of meta/broken is not a JSON object; give"):
        fetch_config("meta/broken", **asked)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_quantization_in_its_own_file_is_merged_in(hub: FakeHub, asked: dict[str, Any]) -> None:
    exported = {
        "producer": {"name": "modelopt"},
        "quantization": {"quant_algo": "NVFP4", "group_size": 16, "exclude_modules": ["lm_head"]},
    }
    hub.add("nvidia/fp4", {"config.json": PLAIN, "hf_quant_config.json": exported})
    merged = fetch_config("nvidia/fp4", **asked)["quantization_config"]
    assert {key: merged[key] for key in ("quant_method", "quant_algo", "group_size", "ignore")} == {
        "quant_method": "modelopt",
        "quant_algo": "NVFP4",
        "group_size": 16,
        "ignore": ["lm_head"],
    }
    hub.add("nvidia/both", {"config.json": LLAMA, "hf_quant_config.json": exported})
    assert fetch_config("nvidia/both", **asked) == LLAMA


def test_a_broken_quantization_file_is_not_passed_over(hub: FakeHub, asked: dict[str, Any]) -> None:
    hub.add("nvidia/fp4", {"config.json": PLAIN, "hf_quant_config.json": b"{"})
    with pytest.raises(HubError, match=r"hf_quant_config.json of nvidia/fp4 is not a JSON object"):
        fetch_config("nvidia/fp4", **asked)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("params.json", "publishes only Mistral's own params.json"),
        ("adapter_config.json", "is an adapter"),
        ("model_index.json", "is a diffusion pipeline"),
        ("Q4/model-Q4_K_M.gguf", "has GGUF files and no config.json"),
        ("README.md", "has no config.json"),
    ],
)
def test_a_repository_without_a_config_says_what_it_holds_instead(
    hub: FakeHub, asked: dict[str, Any], file: str, message: str
) -> None:
    hub.add("mistralai/raw", {file: b"{}"})
    for files in (None, [file]):
        with pytest.raises(HubError, match=f"^mistralai/raw {message}") as caught:
            fetch_config("mistralai/raw", files=files, **asked)
        assert caught.value.kind == "no_file"


@pytest.mark.parametrize("commit", ["../../escape", "", "0" * 39, "0" * 40 + "/x"])
def test_a_server_cannot_name_a_path_outside_the_cache(
    hub: FakeHub, asked: dict[str, Any], tmp_path: Path, commit: str
) -> None:
    hub.commit = commit
    hub.add("meta/llama", {"config.json": LLAMA})
    assert fetch_config("meta/llama", **asked) == LLAMA
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("revision", ["../../x", "a..b", "/abs", "a b", "", "x/"])
def test_an_impossible_revision_asks_nothing(hub: FakeHub, asked: dict[str, Any], revision: str) -> None:
    with pytest.raises(HubError, match="is no revision"):
        fetch_config("meta/llama", revision, **asked)
    assert hub.log == []


def test_a_cache_that_cannot_be_written_costs_nothing(hub: FakeHub, asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    hub.add("meta/llama", {"config.json": LLAMA})
    assert fetch_config("meta/llama", **{**asked, "cache_dir": tmp_path / "file"}) == LLAMA
