"""`python -m planner gpus` in every scenario."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.cli.main import main
from tests.live.nvml.library import surroundings
from tests.live.nvml.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_machine_has_an_answer(
    nvml: Callable[[str], None], capsys: pytest.CaptureFixture[str], scenario: str
) -> None:
    nvml(SCENARIOS[scenario])
    assert main(["gpus"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "memory free" in printed.out
    assert "None" not in printed.out


def test_the_table_says_what_is_free(nvml: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    nvml(SCENARIOS["two unequal cards"])
    main(["gpus"])
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[2].split()
        == "0 NVIDIA GeForce RTX 4090 20.7 GiB 2.93 GiB 24.0 GiB 37 % 216 / 450 W 61 °C gen 1 x16".split()
    )
    assert lines[3].strip() == "process 4242, compute: 2.54 GiB"
    assert lines[5].strip() == "held back by power limit"


def test_watching_ends_without_a_word(nvml_library: Path, tmp_path: Path) -> None:
    import signal

    environment = surroundings(nvml_library, SCENARIOS["two unequal cards"], tmp_path)
    command = [sys.executable, "-m", "planner", "gpus", "--json", "--watch", "0.2"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        lines = [watching.stdout.readline() for _ in range(3)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 0
        assert watching.stderr.read() == ""
    assert [len(json.loads(line)["gpus"]) for line in lines] == [2, 2, 2]
    assert (tmp_path / "opened").read_text() == "i"
