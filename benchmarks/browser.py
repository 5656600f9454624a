"""What a person waits for in a real browser, as a ratio to a Streamlit page with one number and one chart:

`python benchmarks/browser.py`.

Redraw: from the key that commits a number to the last change that Plotly makes to the chart on the screen.
First view: from the address to the first chart with the script at rest, in a browser that has seen nothing, and the
bytes that came over the network, the socket's included.

Headless Chromium and both servers share this machine; the pages take turns, and each ratio is the median of its pairs.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LINK = "model=meta-llama%2FMeta-Llama-3.1-8B&quantization=Q4_K_M&gpus=rtx-3090"
PAGES = {"plan": f"/?{LINK}", "scaling": f"/scaling?{LINK}"}
NUMBER = "Context (tokens)"
QUIET_MS = 400
"""A chart is redrawn when it has not changed for so long; the wait itself is not counted."""

ONE_CHART = f"""
import streamlit as st
n = st.number_input("{NUMBER}", 1, 10**8, 8192, key="context")
st.header("One chart")
st.plotly_chart({{"data": [{{"type": "bar", "y": [n, n / 2, n / 3]}}], "layout": {{"height": 300}}}}, key="chart")
"""

WATCH = """() => {
  window.pressed = window.changed = 0;
  document.addEventListener("keydown", event => { if (event.key === "Enter") { window.pressed = performance.now(); window.changed = 0; } }, true);
  new MutationObserver(records => {
    if (records.some(record => record.target.closest?.(".js-plotly-plot"))) window.changed = performance.now();
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
REDRAWN = f"() => window.changed > window.pressed && performance.now() - window.changed > {QUIET_MS}"
DRAWN = """() => document.querySelector(".js-plotly-plot .main-svg .xaxislayer-above, .js-plotly-plot .main-svg .plot")
  && document.querySelector("[data-testid=stApp]").getAttribute("data-test-script-state") === "notRunning\""""


@contextmanager
def server(script: Path, folder: Path) -> Iterator[str]:
    """Where `streamlit run` answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    settings = {"HF_HUB_OFFLINE": "1", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **settings}
    )
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                    if answer.read() == b"ok":
                        break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def first_view(browser: Any, address: str) -> tuple[float, float]:
    """Seconds and bytes until a new browser shows the chart."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    counted = [0.0]
    network = context.new_cdp_session(page)
    network.send("Network.enable")

    def loaded(event: dict[str, Any]) -> None:
        counted[0] += event["encodedDataLength"]

    def framed(event: dict[str, Any]) -> None:
        frame = event["response"]
        counted[0] += len(frame["payloadData"]) * (0.75 if frame["opcode"] == 2 else 1)

    network.on("Network.loadingFinished", loaded)
    network.on("Network.webSocketFrameReceived", framed)
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_function(DRAWN, timeout=60_000)
    seconds = time.perf_counter() - start
    page.wait_for_timeout(500)  # what is still loading counts as bytes
    context.close()
    return seconds, counted[0]


def opened(browser: Any, address: str) -> Any:
    """A tab that shows the chart and is at rest."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.goto(address)
    page.wait_for_function(DRAWN, timeout=60_000)
    page.wait_for_timeout(1_500)
    page.evaluate(WATCH)
    return page


def redraw(page: Any, value: int) -> float:
    """Seconds from the key to the chart's last change."""
    page.bring_to_front()
    field = page.get_by_role("spinbutton", name=NUMBER)
    field.fill(str(value))
    field.press("Enter")
    page.wait_for_function(REDRAWN, timeout=20_000)
    return float(page.evaluate("() => (window.changed - window.pressed) / 1000"))


def said(name: str, what: str, own: list[float], other: list[float], unit: str, scale: float, aim: str) -> None:
    ratio = statistics.median(a / b for a, b in zip(own, other, strict=True))
    one, yardstick = statistics.median(own) * scale, statistics.median(other) * scale
    print(
        f"{name}, {what}: {one:,.0f} {unit}, one-chart page {yardstick:,.0f} {unit}, ratio {ratio:.2f}{aim}", flush=True
    )


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=15)
    parser.add_argument("--views", type=int, default=5)
    asked = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; load"
        f" {os.getloadavg()[0]:.1f} before"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "one_chart.py").write_text(ONE_CHART)
        bare, ours = (
            stack.enter_context(server(folder / "one_chart.py", folder)),
            stack.enter_context(server(ROOT / "app.py", ROOT)),
        )
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        addresses = {"one chart": bare, **{name: ours + path for name, path in PAGES.items()}}
        for address in addresses.values():
            first_view(browser, address)  # the servers import what they need

        views: dict[str, list[tuple[float, float]]] = {name: [] for name in addresses}
        for _ in range(asked.views):
            for name, address in addresses.items():
                views[name].append(first_view(browser, address))
        tabs = {name: opened(browser, address) for name, address in addresses.items()}
        moves: dict[str, list[float]] = {name: [] for name in tabs}
        for index in range(-2, asked.moves):
            for name, tab in tabs.items():
                seconds = redraw(tab, 12_000 + 1_024 * index)
                if index >= 0:
                    moves[name].append(seconds)
        for name in PAGES:
            said(name, "key to chart", moves[name], moves["one chart"], "ms", 1e3, "; aim <= 2")
            said(
                name,
                "first view",
                [time for time, _ in views[name]],
                [time for time, _ in views["one chart"]],
                "ms",
                1e3,
                "",
            )
            said(
                name,
                "first view",
                [size for _, size in views[name]],
                [size for _, size in views["one chart"]],
                "kB",
                1e-3,
                "",
            )


if __name__ == "__main__":
    main()
