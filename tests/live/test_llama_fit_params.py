"""llama.cpp's own tool beside the plan: a script on the PATH prints what the tool prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner import PlanRequest
from planner.cli.main import main
from planner.core.errors import PlanError
from planner.live.llama_fit_params import TOOL, Row, arguments, measured, ours, rows_in
from planner.weight_files import sources
from tests.hub.weight_files import LLAMA, gguf

PRINTED = "CUDA0 7401 814 517 \nHost 1280 0 154 \n"
LOG = "0.00.196.882 I main: printing estimated memory in MiB to stdout (device, model, context, compute) ..."


@pytest.fixture
def model(tmp_path: Path) -> str:
    sizes = {
        "block_count": 1,
        "embedding_length": 512,
        "feed_forward_length": 1_024,
        "attention.head_count": 8,
        "attention.head_count_kv": 4,
    }
    metadata = {**LLAMA, **{f"llama.{key}": ("u32", value) for key, value in sizes.items()}}
    shapes = {
        "attn_q": (512, 512),
        "attn_k": (512, 256),
        "attn_v": (512, 256),
        "attn_output": (512, 512),
        "ffn_gate": (512, 1_024),
        "ffn_up": (512, 1_024),
        "ffn_down": (1_024, 512),
    }
    layer = [(f"blk.0.{name}.weight", shape, 12) for name, shape in shapes.items()]
    path = tmp_path / "brand-Q4_K_M.gguf"
    path.write_bytes(
        gguf(metadata, [("token_embd.weight", (512, 2_000), 14), *layer, ("output.weight", (512, 2_000), 14)])
    )
    return str(path)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    tool = folder / "bin" / TOOL
    tool.parent.mkdir(exist_ok=True)
    tool.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")


def test_every_device_is_read_and_the_log_passed_over() -> None:
    assert rows_in(f"{LOG}\n{PRINTED}") == (Row("CUDA0", 7401, 814, 517), Row("Host", 1280, 0, 154))
    assert rows_in("Vulkan1 12 3 4 \nMTL0 1 2 \nllama: 3 4 5 6 MiB\n") == (Row("Vulkan1", 12, 3, 4),)


def test_the_tools_figures_stand_beside_the_plans(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        tmp_path,
        monkeypatch,
        f'echo "$@" > {tmp_path}/given',
        f"echo '{LOG}' >&2",
        "echo 'CUDA0 7401 814 517 '",
        "echo 'Host 1280 0 154 '",
    )
    flags = [
        "--model",
        model,
        "--engine",
        "llama.cpp",
        "--gpu",
        "RTX 4090",
        "--context",
        "4096",
        "--batch",
        "2",
        "--kv-cache-dtype",
        "q8_0",
        "--exact",
    ]
    assert main(["plan", *flags]) == 0
    printed = capsys.readouterr().out
    assert "llama-fit-params, CUDA0                  7,401       814       517" in printed
    assert "plan, 0: " in printed
    assert "The tool saw" not in printed
    given = (tmp_path / "given").read_text()
    assert f"-m {model} -c 8192 -np 2 -ngl 2 " in given
    assert "-ctk q8_0 -ctv q8_0" in given
    assert given.endswith("--fit-print on\n")
    assert main(["plan", *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["llama_fit_params"][1] == {
        "device": "Host",
        "weights_mib": 1280,
        "cache_mib": 0,
        "compute_mib": 154,
    }


def test_another_number_of_gpus_is_said(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, monkeypatch, "echo 'Host 1280 0 154 '")
    assert main(["plan", "--model", model, "--gpu", "2x RTX 4090", "--exact"]) == 0
    assert "The tool saw 0 GPUs on this machine and the plan has 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["echo 'error: invalid argument: --fit-print' >&2", "exit 1"], "invalid argument: --fit-print"),
        (["echo '-c 4096 -ngl 33'"], "printed no device"),
        (["exec sleep 30"], "took longer than 0.3 s"),
    ],
)
def test_a_tool_that_fails_is_one_sentence(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], words: str
) -> None:
    install(tmp_path, monkeypatch, *lines)
    with pytest.raises(PlanError, match=words):
        measured(sources.plan(PlanRequest.read({"model": model, "gpus": "RTX 4090"})), model, seconds=0.3)


def test_without_the_tool_the_file_or_the_engine_the_reason_is_said(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = sources.plan(PlanRequest.read({"model": model, "gpus": "RTX 4090"}))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlanError, match="no llama-fit-params on the PATH"):
        measured(answer, model)
    with pytest.raises(PlanError, match="name the path of a"):
        measured(answer, "Qwen/Qwen3-8B")
    with pytest.raises(PlanError, match="choose the engine"):
        measured(
            sources.plan(PlanRequest.read({"model": "Qwen/Qwen3-8B", "engine": "vllm", "gpus": "RTX 4090"})), model
        )


def test_the_plans_rows_are_its_devices_and_the_flags_its_split() -> None:
    asked = {"model": "Qwen/Qwen3-30B-A3B", "engine": "llama.cpp", "gpus": "RTX 4060 Ti 16GB", "split_mode": "layer"}
    answer = sources.plan(PlanRequest.read(asked))
    rows, given = ours(answer), arguments(answer, Path("m.gguf"))
    assert [row.device.split(":")[0] for row in rows] == ["0", "Host"]
    assert rows[0].weights_mib == answer.memory.devices[0].weights.expected // 2**20
    assert int(given[given.index("-ncmoe") + 1]) > 0
    assert given[given.index("-ngl") + 1] == str(answer.memory.gpu_layers)
