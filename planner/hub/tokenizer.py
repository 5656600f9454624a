"""A model's tokenizer.json from the Hub, to count tokens as the model does."""

from __future__ import annotations

from planner.hub.access import TIMEOUT_S, Access, HubError, get
from planner.hub.names import repo_id_from

MOST_BYTES = 64_000_000
"""The largest published one, of a vocabulary of 262,144, has 34 MB."""


def fetch_tokenizer(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    """The content of a model's tokenizer.json, in one request; nothing is kept.

    Raises:
        HubError: when there is no such model or file, it is gated or too large, or the Hub cannot answer.
    """
    repo_id = repo_id_from(repo_id)
    try:
        return get(Access(token, endpoint, timeout_s), repo_id, "tokenizer.json", revision, MOST_BYTES).body
    except HubError as error:
        raise HubError(str(error).replace("config.json", "tokenizer.json"), error.kind) from None
