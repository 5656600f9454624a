"""llama.cpp's own memory figures for a local GGUF, from its tool `llama-fit-params`, beside the plan's.

The tool builds the graph without allocating anything and prints a line a device: its name and the MiB of weights, cache
and compute buffers; the last line is the host's. It sees this machine's devices, so its figures compare only where the
plan has the same ones.

Source: https://github.com/ggml-org/llama.cpp/pull/22171
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from planner.core.errors import PlanError
from planner.engines.info import info
from planner.engines.llama_cpp.commands import CACHE_FLAGS
from planner.engines.llama_cpp.layout import Layout
from planner.engines.registry import engine
from planner.plan import Plan

TOOL = "llama-fit-params"
SECONDS = 120.0
"""How long it may take: it reads the header and builds graphs, which takes seconds."""

MIB = 2**20
LINE = re.compile(r"^([\w .:\[\]-]{1,80}?)\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One device: MiB of weights, cache and compute buffers, as the tool rounds them, down."""

    device: str
    weights_mib: int
    cache_mib: int
    compute_mib: int


def rows_in(text: str) -> tuple[Row, ...]:
    """The lines of the tool's standard output that are devices; what it logs is passed over."""
    found = (LINE.match(line) for line in text.splitlines())
    return tuple(Row(match[1], int(match[2]), int(match[3]), int(match[4])) for match in found if match)


def arguments(plan: Plan, path: Path) -> list[str]:
    """The tool's flags for this plan, the split that the plan has found included."""
    request = plan.request
    layout = Layout.of(plan.case, engine(request.engine).quantization(plan.case))
    cache = CACHE_FLAGS.get(layout.cache_name, layout.cache_name)
    given = [
        "-m",
        str(path),
        "-c",
        str(request.context * request.batch),
        "-np",
        str(request.batch),
        "-ngl",
        str(layout.split.gpu_layers),
    ]
    given += [
        "-ub",
        str(layout.cells.ubatch),
        "-fa",
        "on" if layout.flash_attention else "off",
        "-ctk",
        cache,
        "-ctv",
        cache,
    ]
    given += ["-ncmoe", str(layout.split.cpu_moe_layers)] if layout.split.cpu_moe_layers else []
    given += ["-sm", request.split_mode] if request.split_mode else []
    shares = request.tensor_split or layout.own_shares
    given += ["-ts", ",".join(f"{share:g}" for share in shares)] if shares else []
    given += ["--kv-unified"] if request.batch > 1 and layout.cells.streams == 1 else []
    given += ["--swa-full"] if request.swa_full else []
    return [*given, "--fit-print", "on"]


def measured(plan: Plan, model: str | None, seconds: float = SECONDS) -> tuple[Row, ...]:
    """Run the tool for a plan of llama.cpp, on the local GGUF that `model` names.

    Raises:
        PlanError: where the plan is another engine's, the model is no local file, or the tool is missing, too slow or
            fails.
    """
    path = Path(model or "")
    if not info(plan.request.engine).splits_with_host:
        raise PlanError("Exact figures come from llama.cpp's own tool: choose the engine llama.cpp.", "engine")
    if path.suffix.lower() != ".gguf" or not path.is_file():
        raise PlanError(
            "Exact figures need the file itself: name the path of a .gguf on this machine as the model.", "model"
        )
    tool = shutil.which(TOOL)
    if tool is None:
        raise PlanError(
            f"There is no {TOOL} on the PATH; build llama.cpp of April 2026 or later, or leave the flag out."
        )
    try:
        done = subprocess.run(
            [tool, *arguments(plan, path.resolve())],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PlanError(f"{TOOL} took longer than {seconds:g} s and was stopped; try it by hand.") from None
    except OSError as error:
        raise PlanError(f"{TOOL} does not start: {(error.strerror or 'unreadable').lower()}; check the file.") from None
    found = rows_in(done.stdout)
    if done.returncode or not found:
        last = next(
            (line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "it printed no device"
        )
        raise PlanError(f"{TOOL} gave no figures ({last[:160]}); builds before April 2026 do not know --fit-print.")
    return found


def ours(plan: Plan) -> tuple[Row, ...]:
    """The plan's figures in the tool's form: GPUs in order, then the host."""
    memory = plan.memory
    gpus = [
        Row(
            f"{device.index}: {device.name}",
            device.weights.expected // MIB,
            (device.kv_cache.expected + device.state.expected) // MIB,
            device.activation.expected // MIB,
        )
        for device in memory.devices
    ]
    host = memory.host
    return (
        *gpus,
        Row("Host", host.weights.expected // MIB, host.kv_cache.expected // MIB, host.activation.expected // MIB),
    )


def beside(plan: Plan, found: tuple[Row, ...]) -> list[str]:
    """Lines for a terminal: the plan's figures, then the tool's."""
    lines = [f"{'MiB':36}{'weights':>10}{'cache':>10}{'compute':>10}"]
    for who, rows in (("plan", ours(plan)), (TOOL, found)):
        lines += [
            f"{f'{who}, {row.device}'[:35]:36}{row.weights_mib:>10,}{row.cache_mib:>10,}{row.compute_mib:>10,}"
            for row in rows
        ]
    if len(found) != len(plan.memory.devices) + 1:
        lines.append(
            f"The tool saw {len(found) - 1} GPUs on this machine and the plan has {len(plan.memory.devices)}: name this"
            " machine's GPUs to compare."
        )
    return lines
