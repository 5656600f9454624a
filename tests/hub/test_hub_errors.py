"""Refusals told apart in plain words, quickly, and never with a token in them."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from server import SECRET, FakeHub

from planner.core.errors import PlanError
from planner.hub import HubError, fetch_config, gguf_files, model_info, read_gguf_header, safetensors_headers
from planner.hub.access import Access

Ask = Callable[..., Any]
ASKS: dict[str, Ask] = {
    "config": lambda repo_id, **options: fetch_config(repo_id, **options),
    "info": lambda repo_id, **options: model_info(repo_id, **_without_cache(options)),
    "safetensors": lambda repo_id, **options: safetensors_headers(repo_id, **_without_cache(options)),
    "gguf files": lambda repo_id, **options: gguf_files(repo_id, **_without_cache(options)),
    "gguf header": lambda repo_id, **options: read_gguf_header(repo_id, "m.gguf", **_without_cache(options)),
}


def _without_cache(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "cache_dir"}


@pytest.fixture(params=sorted(ASKS))
def ask(request: pytest.FixtureRequest) -> Ask:
    return ASKS[request.param]


def refusal(ask: Ask, repo_id: str, **options: Any) -> HubError:
    started = time.perf_counter()
    with pytest.raises(HubError) as caught:
        ask(repo_id, **options)
    assert time.perf_counter() - started < 3.0, "a refusal comes at once, without retries"
    assert caught.value.field == "model"
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).endswith(".")
    return caught.value


@pytest.mark.parametrize("token", [None, SECRET])
def test_missing_and_private_models_look_the_same(
    hub: FakeHub, asked: dict[str, Any], ask: Ask, token: str | None
) -> None:
    error = refusal(ask, "meta/none", token=token, **asked)
    assert (error.kind, "private or misspelt" in str(error)) == ("not_found", True)
    if token is None:
        hub.add("meta/hidden", {"config.json": b"{}"}, private=True)
        assert str(refusal(ask, "meta/hidden", **asked)) == str(error).replace("meta/none", "meta/hidden")


def test_a_gated_model_is_told_from_a_missing_one(hub: FakeHub, asked: dict[str, Any]) -> None:
    hub.add("meta/gated", {"config.json": b"{}", "m.gguf": b""}, gated="manual")
    for name in ("config", "safetensors", "gguf header"):
        error = refusal(ASKS[name], "meta/gated", **asked)
        assert (error.kind, "accept its licence" in str(error)) == ("gated", True)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (429, "rate_limited", "for 55 seconds"),
        (500, "unreachable", "error 500"),
        (403, "refused", "refuses to show"),
        (400, "broken", "error 400"),
    ],
)
def test_errors_of_the_hub_are_told_apart(
    hub: FakeHub, asked: dict[str, Any], ask: Ask, status: int, kind: str, words: str
) -> None:
    hub.status = status
    error = refusal(ask, "meta/llama", **asked)
    assert (error.kind, words in str(error)) == (kind, True), str(error)


def test_a_wrong_token_is_said_to_be_wrong(hub: FakeHub, asked: dict[str, Any], ask: Ask) -> None:
    hub.add("meta/llama", {"config.json": b"{}"})
    error = refusal(ask, "meta/llama", token="hf_wrong", **asked)
    assert (error.kind, "does not accept the token" in str(error), "hf_wrong" in str(error)) == ("refused", True, False)


def test_nobody_listening_is_unreachable(asked: dict[str, Any], ask: Ask) -> None:
    error = refusal(ask, "meta/llama", token=SECRET, **{**asked, "endpoint": "http://127.0.0.1:9"})
    assert (error.kind, "cannot be reached" in str(error)) == ("unreachable", True)


def test_silence_is_unreachable_too(hub: FakeHub, asked: dict[str, Any], ask: Ask) -> None:
    hub.delay_s = 0.6
    error = refusal(ask, "meta/llama", token=SECRET, **{**asked, "timeout_s": 0.2})
    assert (error.kind, "too long to answer" in str(error)) == ("unreachable", True)


def test_a_file_that_trickles_is_given_up(hub: FakeHub, asked: dict[str, Any]) -> None:
    hub.add("meta/llama", {"config.json": bytes(10_000)})
    hub.trickle_s = 0.02
    error = refusal(ASKS["config"], "meta/llama", **{**asked, "timeout_s": 0.05})
    assert (error.kind, "too long to answer" in str(error)) == ("unreachable", True)


def test_offline_mode_says_so(hub: FakeHub, asked: dict[str, Any], ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    error = refusal(ask, "meta/llama", **asked)
    assert (error.kind, "offline mode" in str(error)) == ("unreachable", True)
    assert hub.log == []


def test_an_answer_cut_short_is_unreachable(hub: FakeHub, asked: dict[str, Any], ask: Ask) -> None:
    hub.add("meta/llama", {name: bytes(500) for name in ("config.json", "model.safetensors.index.json", "m.gguf")})
    hub.cut = 10
    error = refusal(ask, "meta/llama", **asked)
    assert error.kind == "unreachable"


@pytest.mark.parametrize("repo_id", ["", "a/b/c", "own er/x", "../x", "https://example.com/a/b"])
def test_an_impossible_id_asks_nothing(hub: FakeHub, asked: dict[str, Any], ask: Ask, repo_id: str) -> None:
    with pytest.raises(PlanError, match="give its id on Hugging Face") as caught:
        ask(repo_id, token=SECRET, **asked)
    assert caught.value.field == "model"
    assert hub.log == []


@pytest.mark.parametrize("token", ["hf_two\nlines", "hf_\u00e9", "with space", "x" * 501])
def test_an_illegal_token_is_refused_unsaid(hub: FakeHub, asked: dict[str, Any], ask: Ask, token: str) -> None:
    error = refusal(ask, "meta/llama", token=token, **asked)
    assert "token holds characters" in str(error)
    assert token not in "".join(traceback.format_exception(error))
    assert hub.log == []


def test_a_token_goes_into_one_header_and_nowhere_else(hub: FakeHub, asked: dict[str, Any], ask: Ask) -> None:
    hub.add("meta/llama", {"config.json": b"{}"})
    with contextlib.suppress(PlanError):  # some of the files that they ask for are not there
        ask("meta/llama", token=SECRET, **asked)
    assert hub.log
    for request in hub.log:
        assert request.authorization == f"Bearer {SECRET}"
        assert SECRET not in request.path + str(request.query)
    assert SECRET not in repr(Access(SECRET))


@pytest.mark.parametrize("endpoint", ["ftp://x", "file:///etc", "huggingface.co"])
def test_an_endpoint_is_a_web_address(asked: dict[str, Any], ask: Ask, endpoint: str) -> None:
    assert "no web address" in str(refusal(ask, "meta/llama", **{**asked, "endpoint": endpoint}))
