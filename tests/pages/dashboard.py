"""The dashboard as `AppTest` runs it: through the router, with a link's parameters."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
LLAMA = {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-3090"}


def opened(page: str = "plan", /, **query: str) -> AppTest:
    """A page opened by a link; without parameters, as for someone who comes for the first time."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params.update(query)
    at.run()
    if page != "plan":
        at.switch_page(f"pages/{page}.py").run()
    assert not at.exception, at.exception[0].message
    return at


def landed(page: str, /, **query: str) -> AppTest:
    """A page as the first of a visit, by its own link."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page(f"pages/{page}.py")
    at.query_params.update(query)
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def said(at: AppTest) -> str:
    """The first header, without the marks that keep it from being Markdown."""
    return at.header[0].value.replace("\\", "")


def complaints(at: AppTest) -> list[str]:
    """Every warning on the page, as it reads."""
    return [warning.value.replace("\\", "") for warning in at.warning]
