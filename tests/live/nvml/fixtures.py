"""Machines of a scenario: the library in nvml/nvml.c, built once, under the real pynvml."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from planner.live import inventory_nvml
from tests.live.nvml.library import build, surroundings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus_of(nvml_library: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`python -m planner gpus --json` on a machine of a scenario, in a process whose loader finds the library as it
    would the driver's.
    """

    def run(scenario: str, library: Path = nvml_library) -> dict[str, Any]:
        command = [sys.executable, "-m", "planner", "gpus", "--json"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, env=surroundings(library, scenario, tmp_path)
        )
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture
def nvml(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the machine of this very process: the loader finds a library that is loaded already by its name.

    The scenario can be set again and again. Afterwards no scenario is left, which the library answers as if it were not
    there.
    """
    ctypes.CDLL(str(nvml_library))
    for name, value in surroundings(nvml_library, "", tmp_path).items():
        if name.startswith("HEADROOM_NVML"):
            monkeypatch.setenv(name, value)

    def machine(scenario: str) -> None:
        (tmp_path / "scenario").write_text(scenario, encoding="utf-8")

    inventory_nvml.forget()
    yield machine
    inventory_nvml.forget()
