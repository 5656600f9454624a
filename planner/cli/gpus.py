"""`python -m planner gpus`: the GPUs of this machine, once or again and again."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Iterable
from threading import Event

from planner.core.units import mem
from planner.live import inventory
from planner.live.inventory import Inventory
from planner.live.live_gpu import LiveGpu

MISSING = "-"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of the others."""
    command = commands.add_parser(
        "gpus",
        help="this machine's GPUs and what is free on them",
        description="This machine's GPUs and what is free on them.",
    )
    command.add_argument("--json", action="store_true", help="every field in JSON; with --watch one object a line")
    command.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=2.0,
        default=None,
        metavar="SECONDS",
        help="again every so many seconds, until Ctrl-C",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the inventory; a machine without a GPU is no error.

    Ctrl-C is waited for and not raised: raised inside a driver's call it can be lost, and a shell's background job
    ignores it.
    """
    stopped = Event()
    if options.watch is not None:
        signal.signal(signal.SIGINT, lambda *_: stopped.set())
    while True:
        found = inventory.read()
        if options.json:
            print(json.dumps(found.json(), indent=None if options.watch else 2, ensure_ascii=False), flush=True)
        else:
            print(text(found), flush=True)
        if options.watch is None or stopped.wait(options.watch):
            return 0


def text(found: Inventory) -> str:
    """A line for each GPU, its slices and processes below it, then the host and what is missing."""
    lines = [f"{found.at}  {', '.join(f'{vendor} {version}' for vendor, version in found.drivers.items())}".rstrip()]
    if found.gpus:
        lines.append(f"{'':4}{'GPU':34}{'free':>10}{'used':>10}{'total':>10}{'busy':>7}{'power':>13}{'temp':>7}  PCIe")
    for gpu in found.gpus:
        lines.append(_line(gpu))
        lines += [
            f"{'':6}{one.name[:32]:32}{_size(one.free_bytes):>10}{_size(one.used_bytes):>10}{_size(one.total_bytes):>10}"
            for one in gpu.mig
        ]
        lines += [
            f"{'':6}process {one.pid}, {one.kind}: {_size(one.used_bytes)}{f', {one.name}' if one.name else ''}"
            for one in gpu.processes or ()
        ]
        if gpu.throttled:
            lines.append(f"{'':6}held back by {', '.join(gpu.throttled)}")
        if gpu.error:
            lines.append(f"{'':6}{gpu.error}")
    host = found.host
    cores = f", {host.cores} cores" if host.cores else ""
    lines.append(
        f"{host.system}{f', {host.cpu}' if host.cpu else ''}{cores}: {_size(host.ram_available_bytes)} of"
        f" {_size(host.ram_bytes)} memory free"
    )
    return "\n".join([*lines, *found.notes])


def _line(gpu: LiveGpu) -> str:
    power = _joined(" / ", _plain(gpu.power_w, ""), _plain(gpu.power_limit_w, " W"))
    link = _joined(
        " ",
        f"gen {gpu.pcie_generation}" if gpu.pcie_generation else None,
        f"x{gpu.pcie_width}" if gpu.pcie_width else None,
    )
    cells = f"{_size(gpu.free_bytes):>10}{_size(gpu.used_bytes):>10}{_size(gpu.total_bytes):>10}"
    busy, warm = _plain(gpu.utilization, " %") or MISSING, _plain(gpu.temperature_c, " °C") or MISSING
    return f"{gpu.index:<4}{(gpu.name or 'not available')[:33]:34}{cells}{busy:>7}{power:>13}{warm:>7}  {link}"


def _size(size: int | None) -> str:
    return MISSING if size is None else mem(size)


def _plain(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:,.0f}{unit}"


def _joined(between: str, *parts: str | None) -> str:
    found: Iterable[str] = [part or MISSING for part in parts]
    return between.join(found) if any(parts) else MISSING


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.2 <= value <= 3_600:
        raise argparse.ArgumentTypeError("between 0.2 and 3,600 seconds")
    return value
