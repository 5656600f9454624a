"""A small Hugging Face Hub on this machine: the part of its HTTP interface that is asked about models.

It serves `/api/models/<id>[/revision/<rev>]`, `/<id>/resolve/<rev>/<file>` with HEAD and ranges, and the Hub's own
refusals (status, `X-Error-Code`, `X-Error-Message`). Every request is logged with what was sent back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = hashlib.sha1(b"commit").hexdigest()
SECRET = "hf_secretTokenOfAVisitor"


@dataclass
class Repo:
    """A repository: files by name, facts by name, and who may read it."""

    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    gated: str | bool = False
    private: bool = False


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    range: str | None
    authorization: str | None
    sent_bytes: int = 0


class FakeHub(ThreadingHTTPServer):
    """The server; tests fill `repos` and may set how it misbehaves.

    Attributes:
        commit: what files claim to be of.
        status: answer everything with this error status.
        delay_s: wait before each answer.
        trickle_s: wait after each byte of a body.
        redirects: send files from another host, as the Hub does with large ones.
        ranges: whether ranges are honoured.
        cut: announce a body and send only this many bytes of it.
        raw: answer every file and fact with these bytes.
        lengths: whether a body's length is announced.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, Repo] = {}
        self.log: list[Request] = []
        self.status: int | None = None
        self.commit = COMMIT
        self.delay_s = 0.0
        self.trickle_s = 0.0
        self.redirects = False
        self.ranges = True
        self.cut: int | None = None
        self.raw: bytes | None = None
        self.lengths = True
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, repo_id: str, files: dict[str, bytes | dict[str, Any]] | None = None, **settings: Any) -> Repo:
        contents = {
            name: json.dumps(body).encode() if isinstance(body, dict) else body for name, body in (files or {}).items()
        }
        self.repos[repo_id] = Repo(contents, **settings)
        return self.repos[repo_id]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.entry = Request(
            self.command,
            unquote(url.path),
            parse_qs(url.query),
            self.headers.get("Range"),
            self.headers.get("Authorization"),
        )
        self.server.log.append(self.entry)
        time.sleep(self.server.delay_s)
        if self.server.status is not None:
            self.refuse(
                self.server.status, headers={"ratelimit": '"api";r=0;t=55'} if self.server.status == 429 else {}
            )
        elif facts := re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)(?:/revision/(.+))?", self.entry.path):
            self.answer_facts(facts[1], facts[2])
        elif stored := re.fullmatch(r"/stored/([^/]+/[^/]+)/(.+)", self.entry.path):
            self.send_file(self.server.repos[stored[1]].files[stored[2]], {})
        elif file := re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", self.entry.path):
            self.answer_file(file[1], file[2], file[3])
        else:
            self.refuse(404)

    do_HEAD = do_GET

    def allowed(self, repo_id: str, revision: str | None, gate: bool) -> Repo | None:
        repo, visitor = self.server.repos.get(repo_id), self.headers.get("Authorization")
        if visitor not in (None, f"Bearer {SECRET}"):
            self.refuse(401, message="Invalid credentials in Authorization header")
        elif repo is None or (repo.private and not visitor):
            if visitor:
                self.refuse(404, "RepoNotFound", "Repository not found")
            else:
                self.refuse(401, "RepoNotFound", "Repository not found")
        elif gate and repo.gated and not visitor:
            self.refuse(401, "GatedRepo", f"Access to model {repo_id} is restricted.")
        elif revision not in (None, "main", COMMIT):
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
        else:
            return repo
        return None

    def answer_facts(self, repo_id: str, revision: str | None) -> None:
        repo = self.allowed(repo_id, revision, gate=False)
        if repo is None:
            return
        sizes = "blobs" in self.entry.query
        siblings = [{"rfilename": name, **({"size": len(body)} if sizes else {})} for name, body in repo.files.items()]
        facts = {"sha": COMMIT, "gated": repo.gated, "siblings": siblings, **repo.facts}
        asked = self.entry.query.get("expand")
        chosen = {key: value for key, value in facts.items() if asked is None or key in asked}
        body = (
            self.server.raw
            if self.server.raw is not None
            else json.dumps({"_id": "0", "id": repo_id, **chosen}).encode()
        )
        self.send(200, {"Content-Type": "application/json"}, body)

    def answer_file(self, repo_id: str, revision: str, name: str) -> None:
        repo = self.allowed(repo_id, revision, gate=True)
        if repo is None:
            return
        if name not in repo.files:
            self.refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": self.server.commit})
            return
        body = self.server.raw if self.server.raw is not None else repo.files[name]
        headers = {
            "X-Repo-Commit": self.server.commit,
            "ETag": f'"{hashlib.sha1(body).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        if self.server.redirects:
            self.send(
                302,
                {**headers, "Location": f"http://localhost:{self.server.server_address[1]}/stored/{repo_id}/{name}"},
                b"",
            )
        else:
            self.send_file(body, headers)

    def send_file(self, body: bytes, headers: dict[str, str]) -> None:
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.entry.range or "") if self.server.ranges else None
        if span is None:
            self.send(200, headers, body)
        elif int(span[1]) >= len(body):
            self.send(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
        else:
            piece = body[int(span[1]) : int(span[2]) + 1]
            self.send(
                206, {**headers, "Content-Range": f"bytes {span[1]}-{int(span[1]) + len(piece) - 1}/{len(body)}"}, piece
            )

    def refuse(self, status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None) -> None:
        named = {"X-Error-Code": code, "X-Error-Message": message}
        self.send(
            status,
            {**{key: value for key, value in named.items() if value}, **(headers or {})},
            json.dumps({"error": message}).encode(),
        )

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = {"Content-Length": str(len(body))} if self.server.lengths else {"Connection": "close"}
        for key, value in {**headers, **length}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        pieces = body if self.server.cut is None else body[: self.server.cut]
        with contextlib.suppress(OSError):
            step = 65_536 if not self.server.trickle_s else 1
            for start in range(0, len(pieces), step):
                self.entry.sent_bytes += self.wfile.write(pieces[start : start + step])
                time.sleep(self.server.trickle_s)
        if self.server.cut is not None or not self.server.lengths:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
