"""How long a search takes: `python benchmarks/find.py` prints, for both directions, the plans that were made, the rows
that were left, and the seconds of a first and of a second search in one process.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from planner.searches.find import find
from planner.searches.find_request import FindRequest

SEARCHES = {
    "models for an RTX 3060 12GB and 32 GiB": {"gpus": "RTX 3060 12GB", "system": {"ram_gib": 32}},
    "models for two RTX 4090": {"gpus": "2x RTX 4090"},
    "hardware for Qwen3 30B A3B under 3,000 USD": {"model": "qwen3:30b-a3b", "budget_usd": 3_000},
    "hardware for gpt-oss 120B": {"model": "gpt-oss:120b"},
}


def main() -> None:
    for title, fields in SEARCHES.items():
        request = FindRequest.read(fields)
        first, second = find(request), find(request)
        print(
            f"{title:46} {first.searched:5,} plans, {len(first.candidates):3} rows:"
            f" {first.seconds:5.2f} s, then {second.seconds:5.2f} s"
            f" ({first.searched / second.seconds:,.0f} plans a second)"
        )


if __name__ == "__main__":
    main()
