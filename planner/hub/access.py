"""One bounded request to the Hub, and its refusals in plain words.

Requests go through `huggingface_hub`'s own session and headers, so its proxies, its offline mode and its mirrors hold.
The
bodies are read here: the library's download would retry a dead network for 25 seconds, and read a whole shard into
memory from a mirror that ignores ranges. A token lives in one header of one request, and in no address, error or
`repr`.
"""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from planner.core.errors import PlanError

TIMEOUT_S = 5.0
"""How long the Hub may stay silent."""
SLOWEST = 12
"""How many times that one file may take in all, however steadily it trickles: a minute."""

Kind = Literal["not_found", "gated", "refused", "rate_limited", "unreachable", "no_file", "broken"]


class HubError(PlanError):
    """The Hub did not give what was asked; `kind` tells a page whether a token, a wait or another name would help."""

    def __init__(self, message: str, kind: Kind) -> None:
        super().__init__(message, "model")
        self.kind = kind


@dataclass(frozen=True)
class Access:
    """How the Hub is asked: see the package's docstring."""

    token: str | None = field(default=None, repr=False)
    endpoint: str | None = None
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        token = self.token.strip() if isinstance(self.token, str) else None
        # An illegal character would come back inside the HTTP library's complaint about its headers.
        if token and not re.fullmatch(r"[\x21-\x7e]{1,500}", token):
            raise HubError(
                "The token holds characters that no Hugging Face token has; copy it again from your settings there.",
                "refused",
            )
        object.__setattr__(self, "token", token or None)
        endpoint = (self.endpoint or "").rstrip("/") or None
        if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
            raise HubError(
                f"The endpoint {endpoint[:80]!r} is no web address; give one such as https://huggingface.co.", "broken"
            )
        object.__setattr__(self, "endpoint", endpoint)

    @property
    def library_token(self) -> str | Literal[False]:
        """What the library is told: this token or none, never one saved on the machine."""
        return self.token or False

    def file_url(self, repo_id: str, filename: str, revision: str | None) -> str:
        if any(part in ("", ".", "..") for part in filename.split("/")):
            raise HubError(
                f"{filename[:80]!r} is no file of a repository; give its name as the Hub lists it.", "no_file"
            )
        url: str = library().hf_hub_url(repo_id, filename, revision=revision, endpoint=self.endpoint)
        return url


@dataclass(frozen=True)
class Answer:
    """A body, and the commit that it is of where the Hub says so."""

    body: bytes
    commit: str


def library(module: str = "") -> Any:
    """`huggingface_hub` or a module of it, imported at the first question.

    It reads its environment then; with its telemetry on, it would ask the Hub one more thing about its caller.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return importlib.import_module(f"huggingface_hub.{module}" if module else "huggingface_hub")


def get(access: Access, repo_id: str, filename: str, revision: str | None, most_bytes: int) -> Answer:
    """A whole small file; one that is larger than `most_bytes` is refused before its body is read."""
    with _opened(access, repo_id, filename, revision, {}) as response:
        stated = response.headers.get("Content-Length", "")
        too_large = stated.isdigit() and int(stated) > most_bytes
        body = b"" if too_large else _read(response, most_bytes + 1, access)
        if too_large or len(body) > most_bytes:
            raise HubError(
                f"The {filename} of {repo_id} is larger than {most_bytes / 1e6:.0f} MB, so it is not read; pick another"
                " model.",
                "broken",
            )
        # On the way to a storage host, only the Hub's own redirect names the commit.
        commits = [step.headers.get("X-Repo-Commit", "") for step in (*response.history, response)]
        return Answer(body, next(filter(None, commits), ""))


def get_range(access: Access, repo_id: str, filename: str, revision: str | None, first: int, end: int) -> bytes:
    """The bytes from `first` up to `end`, or fewer where the file ends."""
    with _opened(access, repo_id, filename, revision, {"Range": f"bytes={first}-{end - 1}"}) as response:
        if response.status_code == 416:
            return b""
        begins = re.match(
            r"bytes (\d+)-", response.headers.get("Content-Range", "bytes 0-" if response.status_code == 200 else "")
        )
        if begins is None or int(begins[1]) != first:
            raise HubError(
                f"The server of {repo_id} cannot send part of a file; ask https://huggingface.co itself.", "broken"
            )
        return _read(response, end - first, access)


@contextmanager
def plain_words(repo_id: str, filename: str = "") -> Iterator[None]:
    """Whatever the library or the network raises inside, as a `HubError`."""
    errors = library("errors")
    try:
        yield
    except PlanError:
        raise
    except errors.HfHubHTTPError as error:
        raise _refusal(error, repo_id, filename) from None
    except (errors.HTTPError, OSError) as error:
        raise _silence(error, repo_id) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HubError(
            f"The Hub's answer about {repo_id} cannot be read; try again, or give the model's config.json.", "broken"
        ) from None


@contextmanager
def _opened(
    access: Access, repo_id: str, filename: str, revision: str | None, headers: Mapping[str, str]
) -> Iterator[Any]:
    """The response to a GET, its body not yet read."""
    with plain_words(repo_id, filename):
        utils, url = library("utils"), access.file_url(repo_id, filename, revision)
        sent = {
            **utils.build_hf_headers(token=access.library_token, library_name="headroom"),
            "Accept-Encoding": "identity",
            **headers,
        }
        with utils.get_session().stream("GET", url, headers=sent, timeout=access.timeout_s) as response:
            if response.status_code != 416:
                utils.hf_raise_for_status(response)
            yield response


def _read(response: Any, most_bytes: int, access: Access) -> bytes:
    """At most so much of the body, which is dropped beyond that; a body that trickles is given up."""
    body, give_up_at = bytearray(), time.monotonic() + SLOWEST * access.timeout_s
    for piece in response.iter_bytes():
        body += piece
        if len(body) >= most_bytes:
            break
        if time.monotonic() > give_up_at:
            raise TimeoutError
    return bytes(body[:most_bytes])


def _refusal(error: Any, repo_id: str, filename: str) -> HubError:
    """The sentence for an HTTP status.

    A gated repository is also a missing one to the library, so the order matters.
    """
    errors, status = library("errors"), error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return HubError(
            f"{repo_id} is gated: accept its licence on Hugging Face and give a token, or give its config.json.",
            "gated",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{repo_id} has no such revision; leave it out to get the main branch.", "not_found")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return HubError(f"{repo_id} has no {filename or 'such file'}; pick a repository that has one.", "no_file")
    if isinstance(error, errors.DisabledRepoError):
        return HubError(f"{repo_id} has been disabled on Hugging Face; pick another model.", "refused")
    if status == 401 and error.response.headers.get("X-Error-Message") == "Invalid credentials in Authorization header":
        return HubError(
            "Hugging Face does not accept the token; copy it again from your settings there, or leave it out.",
            "refused",
        )
    if status in (401, 404):
        return HubError(
            f"There is no public model {repo_id} on the Hub: it is private or misspelt. Check its id, or give a token.",
            "not_found",
        )
    if status == 403:
        return HubError(
            f"Hugging Face refuses to show {repo_id} to this token; give one that may read it, or the model's"
            " config.json.",
            "refused",
        )
    if status == 429:
        return HubError(
            f"Hugging Face takes no more questions{_wait(error)}; try again later, or give the model's config.json.",
            "rate_limited",
        )
    kind: Kind = "unreachable" if status >= 500 else "broken"
    return HubError(
        f"The Hub answered with error {status}; try again in a minute, or give the model's config.json.", kind
    )


def _wait(error: Any) -> str:
    limit = library("utils").parse_ratelimit_headers(error.response.headers)
    seconds = limit.reset_in_seconds if limit else error.response.headers.get("Retry-After", "")
    return f" for {seconds} seconds" if str(seconds).isdigit() else " for now"


def _silence(error: Exception, repo_id: str) -> HubError:
    """The sentence for a request that got no answer."""
    if isinstance(error, library("errors").OfflineModeIsEnabled):
        return HubError(
            f"{repo_id} cannot be looked up in offline mode; unset HF_HUB_OFFLINE, or give the model's config.json.",
            "unreachable",
        )
    slow = "Timeout" in type(error).__name__
    reason = "The Hub took too long to answer" if slow else "The Hub cannot be reached"
    return HubError(f"{reason}; check the network and try again, or give the model's config.json.", "unreachable")
