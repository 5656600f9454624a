"""What the Hub says about a model: one request, the library's own call."""

from __future__ import annotations

import pytest
from server import COMMIT, SECRET, FakeHub

from planner.hub import HubError, model_info

FACTS = {
    "safetensors": {"parameters": {"BF16": 8_000, "F32": 30}, "total": 8_030},
    "gguf": {"total": 7, "architecture": "llama", "context_length": 8192},
}


def test_counts_by_type_gate_commit_and_names_come_in_one_request(hub: FakeHub) -> None:
    hub.add("meta/llama", {"config.json": b"{}", "model.safetensors": bytes(50)}, facts=FACTS, gated="manual")
    info = model_info("meta/llama", endpoint=hub.endpoint)
    assert (info.id, info.sha, info.gated) == ("meta/llama", COMMIT, "manual")
    assert (dict(info.parameters), info.total_parameters) == ({"BF16": 8_000, "F32": 30}, 8_030)
    assert info.gguf["context_length"] == 8192
    assert info.files == {"config.json": None, "model.safetensors": None}
    assert len(hub.log) == 1
    assert set(hub.log[0].query["expand"]) == {"safetensors", "gguf", "gated", "sha", "siblings"}


def test_file_sizes_come_when_asked_for(hub: FakeHub) -> None:
    hub.add("meta/llama", {"config.json": b"{}", "model.safetensors": bytes(50)}, facts=FACTS)
    info = model_info("meta/llama", file_sizes=True, endpoint=hub.endpoint)
    assert info.files == {"config.json": 2, "model.safetensors": 50}
    assert info.total_parameters == 8_030
    assert len(hub.log) == 1


def test_a_model_that_nobody_counted_has_no_counts(hub: FakeHub) -> None:
    hub.add("meta/raw", {"consolidated.pth": b""})
    info = model_info("meta/raw", endpoint=hub.endpoint)
    assert (dict(info.parameters), info.total_parameters, info.gated, dict(info.gguf)) == ({}, 0, False, {})
    hub.add("someone/GGUF", {}, facts={"gguf": {"total": 1_235_814_432, "architecture": "llama"}})
    assert model_info("someone/GGUF", endpoint=hub.endpoint).total_parameters == 1_235_814_432


def test_a_revision_is_asked_for(hub: FakeHub) -> None:
    hub.add("meta/llama", facts=FACTS)
    assert model_info("meta/llama", COMMIT, endpoint=hub.endpoint).sha == COMMIT
    assert hub.log[0].path.endswith(f"/revision/{COMMIT}")
    with pytest.raises(HubError, match="no such revision"):
        model_info("meta/llama", "nowhere", endpoint=hub.endpoint)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>captive portal</html>",
        b"[]",
        b"{}",
        b'{"id": "x", "siblings": 3}',
        b'{"id": "x", "safetensors": {"parameters": 1, "total": 2}}',
    ],
)
def test_an_answer_that_makes_no_sense_is_one_plain_sentence(hub: FakeHub, body: bytes) -> None:
    hub.add("meta/llama")
    hub.raw = body
    with pytest.raises(HubError, match="answer about meta/llama cannot be read") as caught:
        model_info("meta/llama", endpoint=hub.endpoint)
    assert caught.value.kind == "broken"


def test_a_private_model_opens_with_its_token(hub: FakeHub) -> None:
    hub.add("me/private", facts=FACTS, private=True)
    assert model_info("me/private", token=f" {SECRET}\n", endpoint=hub.endpoint).total_parameters == 8_030
    assert hub.log[0].authorization == f"Bearer {SECRET}"
