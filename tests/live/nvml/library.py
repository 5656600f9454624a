"""The library of nvml.c: built, and put where a process looks for the driver's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "nvml.c"
NAME = "libnvidia-ml.so.1"
"""The name under which pynvml looks it up."""


def build(folder: Path, *flags: str) -> Path:
    """The library in a folder of its own; the test is skipped without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) is installed")
    library = folder / NAME
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", *flags, f"-Wl,-soname,{NAME}", "-o", library, SOURCE],
        check=True,
    )
    return library


def surroundings(library: Path, scenario: str, folder: Path) -> dict[str, str]:
    """The environment of a process on a machine of this scenario; it may be rewritten in `folder` while the process
    runs.
    """
    file = folder / "scenario"
    file.write_text(scenario, encoding="utf-8")
    return os.environ | {
        "LD_LIBRARY_PATH": str(library.parent),
        "HEADROOM_NVML_SCENARIO": str(file),
        "HEADROOM_NVML_LOG": str(folder / "opened"),
    }
