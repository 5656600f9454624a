"""What published kernel tables say of GPUs on which no serving engine was measured:

`python -m planner.calibrate.kernels FOLDER [--write]` fits `data/calibration/kernels.csv`.

FOLDER is `systems/data` of the wheel `aiconfigurator-core` (Apache-2.0, PyPI), unpacked by hand; it is read only here,
and of it only the tables of matrix products and of routed experts. Each kernel is one formula with a few numbers:

    seconds = ((bytes / (bandwidth * memory)) ** p + (FLOPs / (peak * compute)) ** p) ** (1 / p) + fixed

Experts multiply `tile` more rows than chose them (the padding of `planner.performance.passes`). Of the engines in a
table the fastest counts. Printed are the median and the 90th percentile of the errors as fitted, and with each shape
left out in turn (a tenth of the shapes at a time).

With `--write`, the rows of `data/calibration/speed.csv` whose source is that table take from it what a family's kernels
reach against those of the family that was measured end to end.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu
from planner.core.data import FOLDER
from planner.performance.rates import memory_kind, peak_tflops

REFERENCES = {"Blackwell GDDR": "b200-sxm", "": "h100-sxm"}
"""The card measured end to end against which a family stands; the last one for those that are not named."""

GPUS = {
    "a100_sxm": "A100 SXM4 80GB",
    "h100_sxm": "H100 SXM5 80GB",
    "h200_sxm": "H200 SXM",
    "b200_sxm": "B200 SXM",
    "b300_sxm": "B300 SXM",
    "l40s": "L40S",
    "rtx_pro_6000_server": "RTX PRO 6000 Blackwell Server",
    "b60": "Arc Pro B60",
}
"""Folders of the wheel and the cards that they measured."""

FORMATS = {"bfloat16": ("bf16", 2.0), "fp8": ("fp8", 1.0), "nvfp4": ("nvfp4", 0.5625)}
"""Types of the tables: the format's name and bytes of an element."""

SOURCE = "data/calibration/kernels.csv"

MOST = 1_500
"""Rows that a fit takes of a table, evenly."""

START = np.log([0.7, 0.6, 1.6, 6e-6, 16.0])
PRIOR_SPREAD = np.array([0.5, 0.5, 0.2, 1.0, 0.5])
LEAST, LARGEST = np.log([0.05, 0.05, 1.0, 1e-7, 1.0]), np.log([1.0, 1.0, 8.0, 1e-3, 128.0])
PARTS = 10
COLUMNS = ("kernel", "gpu", "family", "format", "memory", "compute", "blend", "fixed_us", "tile_rows")


Measured = tuple[float, float, float, float, tuple[int, ...]]
"""Bytes, FLOPs, FLOPs that one row of padding adds, seconds, and the shape."""


class Table:
    """Rows of one kernel on one GPU: bytes, FLOPs, FLOPs that one row of padding adds, seconds, and their shapes."""

    def __init__(self, gpu: Gpu, format: str, rows: Sequence[Measured]) -> None:
        self.bandwidth, self.peak = gpu.bandwidth_gb_per_s * 1e9, peak_tflops("vllm", gpu, format) * 1e12
        every = max(len(rows) // MOST, 1)
        kept = rows[::every]
        self.bytes, self.flops, self.padding, seconds = (np.array([row[i] for row in kept]) for i in range(4))
        self.logs = np.log(seconds)
        shapes = sorted({row[4] for row in kept})
        self.part = np.array([shapes.index(row[4]) % PARTS for row in kept])

    def predicted(self, found: np.ndarray) -> np.ndarray:
        """log(seconds) of the rows by these numbers' logarithms."""
        memory, compute, blend, fixed, tile = np.exp(found)
        reading = self.bytes / (self.bandwidth * memory)
        computing = (self.flops + tile * self.padding) / (self.peak * compute)
        logs: np.ndarray = np.log((reading**blend + computing**blend) ** (1 / blend) + fixed)
        return logs

    def fit(self, kept: np.ndarray) -> np.ndarray:
        """The numbers' logarithms with the least Huber loss over the rows that are kept."""
        found = START.copy()
        for _ in range(40):
            error = (self.predicted(found) - self.logs)[kept]
            slope = np.empty((len(error), len(found)))
            for column in range(len(found)):
                moved = found.copy()
                moved[column] += 0.01
                slope[:, column] = (self.predicted(moved)[kept] - self.logs[kept] - error) / 0.01
            weight = np.minimum(1, 0.15 / np.maximum(np.abs(error), 1e-9)) / 0.1**2
            normal = slope.T @ (slope * weight[:, None]) + np.diag(PRIOR_SPREAD**-2)
            right = slope.T @ (weight * error) + (found - START) / PRIOR_SPREAD**2
            step = np.clip(np.linalg.solve(normal, right), -0.3, 0.3)
            found = np.clip(found - step, LEAST, LARGEST)
            if np.abs(step).max() < 1e-3:
                break
        return found

    def left_out(self) -> np.ndarray:
        """Errors of each row from a fit without its shape."""
        errors = np.zeros(len(self.logs))
        for part in range(PARTS):
            outside = self.part == part
            if outside.any() and not outside.all():
                errors[outside] = (self.predicted(self.fit(~outside)) - self.logs)[outside]
        return errors


def fastest(folder: Path, kernel: str, keys: Sequence[str], type_column: str) -> dict[tuple[Any, ...], float]:
    """Milliseconds by type and shape, the least over engines and versions."""
    import pyarrow.parquet as parquet

    found: dict[tuple[Any, ...], float] = {}
    for path in sorted(folder.glob(f"{kernel}/*/*/{kernel}_perf.parquet")):
        data = parquet.read_table(path, columns=[type_column, *keys, "latency"]).to_pydict()
        for values in zip(*(data[name] for name in (type_column, *keys, "latency")), strict=True):
            if values[-1] and values[-1] > 0:
                found[values[:-1]] = min(found.get(values[:-1], 1e9), values[-1])
    return found


def matrices(folder: Path, kind: str, size: float) -> list[Measured]:
    """Products of m rows with an n x k matrix of this type."""
    rows: list[Measured] = []
    for (type_, m, n, k), ms in sorted(fastest(folder, "gemm", ("m", "n", "k"), "gemm_dtype").items(), key=str):
        if type_ == kind and 512 <= n <= 65_536 and 512 <= k <= 65_536:
            read = n * k * size + 2.0 * m * (n + k)
            rows.append((read, 2.0 * m * n * k, 0.0, ms / 1e3, (n, k)))
    return rows


def experts(folder: Path, kind: str, size: float) -> list[Measured]:
    """Routed experts of one rank over some tokens, evenly chosen."""
    names = (
        "num_tokens",
        "hidden_size",
        "inter_size",
        "topk",
        "num_experts",
        "moe_tp_size",
        "moe_ep_size",
        "distribution",
    )
    rows: list[Measured] = []
    for (type_, tokens, hidden, inner, chosen, count, ranks, spread, how), ms in sorted(
        fastest(folder, "moe", names, "moe_dtype").items(), key=str
    ):
        if type_ != kind or how != "balanced":
            continue
        matrix = 3.0 * hidden * inner / ranks
        touched = count / spread * (1 - (1 - chosen / count) ** tokens)
        flops = 2.0 * tokens * chosen / spread * matrix
        rows.append((touched * matrix * size, flops, 2.0 * touched * matrix, ms / 1e3, (hidden, inner, count)))
    return rows


def family_of(gpu: Gpu) -> str:
    """The tag by which a fitted row holds: architecture and kind of memory."""
    return f"{gpu.architecture} {memory_kind(gpu)}"


def against(lines: Sequence[Sequence[str]], family: str, column: str) -> float:
    """What matrix products of a family reach against the reference's: the geometric mean over their common formats."""
    at = COLUMNS.index(column)
    reference = resolve(REFERENCES.get(family, REFERENCES[""])).id
    own = {line[3]: float(line[at]) for line in lines if line[0] == "matrix" and line[2] == family}
    other = {line[3]: float(line[at]) for line in lines if line[0] == "matrix" and line[1] == reference}
    common = sorted(set(own) & set(other))
    return float(np.exp(np.mean([np.log(own[format] / other[format]) for format in common])))


def hand_on(lines: Sequence[Sequence[str]]) -> None:
    """Write the rows of the speeds that rest on kernels."""
    path = FOLDER / "calibration/speed.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["source"] == SOURCE:
            column = {"bandwidth": "memory", "compute": "compute"}[row["coefficient"]]
            row["prior"] = row["value"] = f"{against(lines, row['family'], column):.4g}"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def shown(errors: np.ndarray) -> str:
    sizes = np.sort(np.abs(np.expm1(errors)))
    return f"{np.median(sizes):6.1%} {sizes[int(len(sizes) * 0.9)]:7.1%}"


def main() -> int:
    """Fit every table of the folder, print the errors, and write where asked to; 2 without a folder."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    lines = []
    for kernel, read in (("matrix", matrices), ("experts", experts)):
        for name, title in GPUS.items():
            gpu = resolve(title)
            for kind, (format, size) in FORMATS.items():
                rows = read(folder / name, kind, size)
                if len(rows) < 300:
                    continue
                table = Table(gpu, format, rows)
                found = table.fit(np.ones(len(table.logs), dtype=bool))
                fitted, outside = table.predicted(found) - table.logs, table.left_out()
                memory, compute, blend, fixed, tile = np.exp(found)
                print(
                    f"{kernel:8} {gpu.name:32} {format:6} {len(rows):6} rows: fitted {shown(fitted)}, shape left out"
                    f" {shown(outside)}; memory {memory:.3f} compute {compute:.3f} p {blend:.2f} fixed"
                    f" {fixed * 1e6:.1f} us tile {tile:.0f}"
                )
                numbers = (f"{memory:.3f}", f"{compute:.3f}", f"{blend:.2f}", f"{fixed * 1e6:.1f}", f"{tile:.0f}")
                lines.append([kernel, gpu.id, family_of(gpu), format, *numbers])
    if "--write" in sys.argv:
        with (FOLDER / "calibration/kernels.csv").open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow([*COLUMNS, "source", "as_of"])
            out.writerows(
                [*line, "https://pypi.org/project/aiconfigurator-core/0.12.0 (systems/data)", "2026-11-27"]
                for line in lines
            )
        hand_on(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
