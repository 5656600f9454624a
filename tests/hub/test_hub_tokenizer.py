"""A tokenizer.json from the Hub: read once, refused in words that name it."""

from __future__ import annotations

from typing import Any

import pytest
from server import FakeHub, Repo

from planner.hub import HubError
from planner.hub.tokenizer import fetch_tokenizer


def test_it_is_read_in_one_request(hub: FakeHub) -> None:
    hub.repos["owner/model"] = Repo({"tokenizer.json": b'{"version": "1.0"}'})
    assert (
        fetch_tokenizer("https://huggingface.co/owner/model", endpoint=hub.endpoint, timeout_s=2)
        == b'{"version": "1.0"}'
    )
    assert len(hub.log) == 1


@pytest.mark.parametrize(
    ("repo", "kind"),
    [(Repo({"config.json": b"{}"}), "no_file"), (Repo({"tokenizer.json": b"{}"}, gated="auto"), "gated")],
)
def test_refusals_speak_of_the_tokenizer(hub: FakeHub, repo: Any, kind: str) -> None:
    hub.repos["owner/model"] = repo
    with pytest.raises(HubError, match=r"tokenizer\.json") as caught:
        fetch_tokenizer("owner/model", endpoint=hub.endpoint, timeout_s=2)
    assert caught.value.kind == kind
    assert "config.json" not in str(caught.value)
