"""A soak of the live page:

`python benchmarks/live_page.py [--minutes 10]`, a real server and a real browser that look at it all the time.

The GPUs come from the tests' library that answers NVML's symbols from a scenario, whose figures change every second and
one of whose cards comes and goes. Printed are the server's memory over time, how often NVML was opened, and what went
wrong; the suite runs the same for half a minute. Memory is compared between a warm server and the end: what a first
visitor costs (imports, caches) is no leak.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.live.nvml.library import build, surroundings  # noqa: E402
from tests.live.nvml.scenarios import LOST, MIB, RTX_3060, RTX_4090, machine  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WARM_S = 6.0
GONE_EVERY = 7
"""Every so many seconds the second card is gone for one."""


@dataclass(frozen=True)
class Soak:
    """What a soak saw: memory of the server in bytes, when warm and later; openings of NVML; readings that reached the
    screen; complaints.
    """

    memory: tuple[int, ...]
    opened: int
    changes: int
    complaints: tuple[str, ...]

    @property
    def grown_bytes(self) -> int:
        """The median of the last third less that of the first, so that one garbage collection more or less is no
        growth.
        """
        third = max(len(self.memory) // 3, 1)
        return sorted(self.memory[-third:])[third // 2] - sorted(self.memory[:third])[third // 2]


def soak(seconds: float, folder: Path, browser: Any) -> Soak:
    """Look at the live page for so long, at its fastest rate, in a Playwright browser."""
    import psutil

    environment = surroundings(build(folder), _scenario(0), folder) | {"HF_HUB_OFFLINE": "1"}
    memory, complaints, seen = [], [], set()
    with _server(folder, environment) as (address, server):
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/my_gpus?rate=1")
        page.get_by_text("free now.").first.wait_for(timeout=30_000)
        page.get_by_text("1 s", exact=True).click()
        process, begin = psutil.Process(server.pid), time.monotonic()
        for second in itertools.count():
            passed = time.monotonic() - begin
            if passed > WARM_S + seconds:
                break
            (folder / "next").write_text(_scenario(second), encoding="utf-8")
            (folder / "next").replace(folder / "scenario")  # the library reads it at any moment
            page.wait_for_timeout(1_000)
            seen.add(page.get_by_text("free now.").first.inner_text())
            complaints += [error.inner_text() for error in page.get_by_test_id("stException").all()]
            if passed > WARM_S:
                memory.append(process.memory_info().rss)
        page.close()
    log = (folder / "log").read_text(encoding="utf-8")
    complaints += [line for line in log.splitlines() if "Error" in line or "Traceback" in line]
    return Soak(tuple(memory), len((folder / "opened").read_text()), len(seen), tuple(complaints))


def _scenario(second: int) -> str:
    """A busy card whose figures change, and one that comes and goes."""
    used = 3_000 + second * 37 % 9_000
    busy = {
        **RTX_4090,
        "used": used * MIB,
        "busy": second * 7 % 101,
        "power": 200_000 + second * 1_000 % 200_000,
        "process0": f"4242:{(used - 400) * MIB}",
    }
    gone = {"gpu1_handle": LOST} if second % GONE_EVERY == GONE_EVERY - 1 else {}
    return machine(busy, RTX_3060, **gone)


@contextmanager
def _server(folder: Path, environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.port",
        str(port),
        "--server.headless",
        "true",
        "--server.fileWatcherType",
        "none",
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.terminate()


def _wait(health: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(health, timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the dashboard did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        found = soak(minutes * 60, Path(folder), running.chromium.launch(executable_path=CHROMIUM, args=FLAGS))
    marks = found.memory[:: max(len(found.memory) // 10, 1)]
    print(
        f"{minutes:g} minutes, {len(found.memory)} looks, {found.changes} different readings on screen; NVML opened"
        f" {found.opened} times"
    )
    print("server memory (MiB): " + ", ".join(f"{size / 2**20:.1f}" for size in marks))
    print(
        f"grown {found.grown_bytes / 2**20:+.2f} MiB from the first third to the last; {len(found.complaints)}"
        f" complaints {found.complaints[:3]}"
    )
    sys.exit(bool(found.complaints))


if __name__ == "__main__":
    main()
