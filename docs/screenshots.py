"""Pictures of every page for a reviewer, light and dark, wide and narrow:

`python docs/screenshots.py [folder] [page ...]`.

Each picture is the whole page, as long as it is. Beside each it prints what a reviewer would look for first: a page
that scrolls sideways, and what the browser complained of.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))

from screenshot import QUESTION, browser, dashboard

PAGES = {
    "plan": QUESTION, "matrix": QUESTION, "scaling": QUESTION, "compare": QUESTION, "speed": QUESTION,
    "splits": QUESTION, "serve": QUESTION | {"engine": "vllm", "quantization": "awq-int4"},
    "cost": QUESTION, "job": QUESTION | {"requests": "1200", "calls_per_request": "7"},
    "fine_tune": {"model": "meta-llama/Llama-3.1-8B", "gpus": "rtx-4090"}, "data": {}, "my_gpus": QUESTION,
    "scenarios": {}, "log": {}, "accuracy": {},
}  # fmt: skip
WIDTHS = (1_400, 400)
TALL = 900
SETTLED_MS = 1_500


def picture(page: Any, address: str, path: Path) -> None:
    """One page as it is drawn, at its whole height."""
    page.goto(address)
    page.wait_for_selector("[data-testid=stHeading], [data-testid=stAlert]", timeout=60_000)
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'",
        timeout=60_000,
    )
    page.wait_for_timeout(SETTLED_MS)
    width = page.viewport_size["width"]
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(int(height) + 80, TALL)})
    page.wait_for_timeout(SETTLED_MS // 2)
    page.screenshot(path=path)
    page.set_viewport_size({"width": width, "height": TALL})
    wider = page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('[data-testid=stMain],"
        " [data-testid=stMainBlockContainer]')].map(one => one.scrollWidth - one.clientWidth))"
    )
    print(path.name, f"scrolls sideways by {wider} px" if wider else "")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:] or list(PAGES)
    with dashboard() as address, browser() as chromium:
        for theme in ("light", "dark"):
            for width in WIDTHS:
                context = chromium.new_context(viewport={"width": width, "height": TALL}, color_scheme=theme)
                for name in wanted:
                    page = context.new_page()
                    page.on(
                        "console", lambda message: print("  ", message.text[:200]) if message.type == "error" else None
                    )
                    path = "" if name == "plan" else name
                    picture(page, f"{address}/{path}?{urlencode(PAGES[name])}", folder / f"{name}-{theme}-{width}.png")
                    page.close()
                context.close()


if __name__ == "__main__":
    main()
