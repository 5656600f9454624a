"""How many small mistakes the tests would catch: a sample of one-place changes of `planner`, each tested on its own.

    pip install cosmic-ray && python benchmarks/mutation.py [--sample 200] [--seed 1] [--only planner/performance]

cosmic-ray finds the places and makes the changes, in a clone of this repository. A change that the quick tests let
through is tried on all others but the pages and the browser. What is left is printed with its place: an equivalent
change, or a test that is missing. For a night: a sample of 200 takes about an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parent.parent
KINDS = (
    "NumberReplacer", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub", "ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Div_Mul", "ReplaceBinaryOperator_Mul_Add", "ReplaceBinaryOperator_FloorDiv_Div",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Eq_NotEq",
)  # fmt: skip
"""Mistakes that people make: a sign, a factor, an off-by-one, a condition turned round. (Others, such as a shift for a
product, are caught at once.)
"""

ELSEWHERE = (
    "planner/cli",
    "planner/hardware/",
    "planner/live/",
    "planner/calibrate/",
    "planner/hub/",
    "planner/__main__",
)
"""Modules whose figures come from devices, servers and terminals, or that only fit."""

QUICK = ("tests/golden", "tests/test_formula_values.py")
SLOW = (
    "tests",
    "--ignore=tests/browser",
    "--ignore=tests/pages",
    "--ignore=tests/hub",
    "--ignore=tests/hardware",
    "--ignore=tests/golden",
)


def places(only: str) -> Iterator[tuple[Path, str, int]]:
    """Every place of each kind of change: the module, the operator, and the how many-th it is there."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator

    for path in sorted((ROOT / "planner").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(ELSEWHERE) or not name.startswith(only):
            continue
        tree = get_ast_from_path(path)
        for kind in KINDS:
            operator = get_operator(f"core/{kind}")()
            count = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
            yield from ((path.relative_to(ROOT), kind, occurrence) for occurrence in range(count))


def caught(tree: Path, place: tuple[Path, str, int]) -> tuple[bool, str]:
    """Whether a test fails once the change is made, and the change as a difference."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    path, kind, occurrence = place
    file = tree / path
    original = file.read_bytes()
    changed = mutate_code(original.decode(), get_operator(f"core/{kind}")(), occurrence)
    if changed is None:
        return True, ""
    try:
        file.write_text(changed, encoding="utf-8")
        shown = subprocess.run(
            ["git", "-C", str(tree), "diff", "-U0", "--", str(path)], capture_output=True, text=True, check=True
        ).stdout
        return any(fails(tree, tests) for tests in (QUICK, SLOW)), "\n".join(
            line for line in shown.splitlines() if line[:1] in "-+@"
        )
    finally:
        file.write_bytes(original)


def fails(tree: Path, tests: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}
    try:
        return subprocess.run(command, cwd=tree, capture_output=True, env=environment, timeout=1_200).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="planner/", help="the modules whose path begins so")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    known = list(places(options.only))
    sample = random.Random(options.seed).sample(known, min(options.sample, len(known)))
    print(f"{len(sample)} of {len(known):,} places", flush=True)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.workers) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.workers):
            tree = Path(scratch) / str(number)
            subprocess.run(["git", "clone", "-q", str(ROOT), str(tree)], check=True)
            if fails(tree, QUICK):
                print("The tests fail without any change; mend that first.")
                return 1
            trees.put(tree)

        def tried(place: tuple[Path, str, int], trees: SimpleQueue[Path]) -> bool:
            tree = trees.get()
            try:
                found, change = caught(tree, place)
            finally:
                trees.put(tree)
            if not found:
                print(f"\nnot caught: {place[0]} ({place[1]})\n{change}", flush=True)
            return found

        results = list(pool.map(tried, sample, repeat(trees)))
    print(f"\n{sum(results)} of {len(results)} caught: {sum(results) / len(results):.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
