"""A Hub on this machine for each test, and the library's offline switch off for it alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from server import FakeHub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The library reads HF_HUB_OFFLINE once, and the suite sets it; here the only host asked is this machine."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    server = FakeHub()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(hub: FakeHub, tmp_path: Path) -> dict[str, Any]:
    """The options that lead `fetch_config` to this Hub and an empty cache, without a long wait."""
    return {"endpoint": hub.endpoint, "cache_dir": tmp_path, "timeout_s": 0.5}
