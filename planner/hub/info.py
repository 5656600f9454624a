"""What the Hub knows about a model without opening its files: counts by type, GGUF facts, gate, commit, file sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from planner.hub.access import TIMEOUT_S, Access, library, plain_words
from planner.hub.names import repo_id_from

EXPANDED = ["safetensors", "gguf", "gated", "sha", "siblings"]


@dataclass(frozen=True)
class HubModel:
    """A model repository at one commit.

    Attributes:
        id: as the Hub spells it, after redirects from an old name.
        sha: the commit that these facts are of, to ask for its files next.
        gated: `auto` or `manual` when a licence must be accepted first, else False.
        parameters: numbers in its safetensors by type, for example `{"BF16": 8030261248}`; packed 4-bit weights count
            as the I32 words that hold them. Empty when the Hub counted none.
        total_parameters: their sum as the Hub gives it, or that of its GGUF; 0 when unknown.
        gguf: what the Hub read from a GGUF of the repository: `architecture`, `context_length`, ...
        files: every file with its size in bytes, None where sizes were not asked for.
    """

    id: str
    sha: str
    gated: Literal["auto", "manual"] | bool
    parameters: Mapping[str, int] = field(default_factory=dict)
    total_parameters: int = 0
    gguf: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, int | None] = field(default_factory=dict)


def model_info(
    repo_id: str,
    revision: str | None = None,
    token: str | None = None,
    *,
    file_sizes: bool = False,
    endpoint: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> HubModel:
    """What the Hub says about a model, in one request; with `file_sizes` a larger one that also gives them.

    Raises:
        HubError: when there is no such model, it is gated, or the Hub cannot answer.
    """
    repo_id, access = repo_id_from(repo_id), Access(token, endpoint, timeout_s)
    with plain_words(repo_id):
        asked: dict[str, Any] = {"files_metadata": True} if file_sizes else {"expand": EXPANDED}
        api = library().HfApi(endpoint=access.endpoint, token=access.library_token, library_name="headroom")
        info = api.model_info(repo_id, revision=revision, timeout=access.timeout_s, token=access.library_token, **asked)
        counted, gguf = info.safetensors, info.gguf if isinstance(info.gguf, dict) else {}
        return HubModel(
            id=str(info.id),
            sha=str(info.sha or ""),
            gated=info.gated or False,
            parameters={str(dtype): int(count) for dtype, count in counted.parameters.items()} if counted else {},
            total_parameters=int(counted.total if counted else gguf.get("total") or 0),
            gguf=gguf,
            files={sibling.rfilename: sibling.size for sibling in info.siblings or ()},
        )
