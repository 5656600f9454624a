"""Takes the README's picture:

`python docs/screenshot.py` starts the dashboard, opens one plan in Chromium and writes docs/screenshot.png.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
QUESTION = {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "quantization": "Q4_K_M", "gpus": "2x rtx-4090"}
SIZE = {"width": 1_400, "height": 860}


@contextmanager
def dashboard() -> Iterator[str]:
    """The address of a dashboard that runs as long as it is looked at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


def main() -> None:
    with dashboard() as address, browser() as chromium:
        page = chromium.new_context(viewport=SIZE, color_scheme="light").new_page()
        page.goto(f"{address}/?{urlencode(QUESTION)}")
        page.wait_for_selector(".js-plotly-plot .bars", timeout=60_000)
        page.wait_for_timeout(1_000)
        page.screenshot(path=ROOT / "docs" / "screenshot.png")


if __name__ == "__main__":
    main()
