"""A data set of 1 GB in bounded memory, as ratios to reading its lines: `python benchmarks/dataset.py [megabytes]`.

Each reading runs in a process of its own on a file in a temporary folder. Memory is what the process gained at its peak
over one that has read nothing; time is set against a loop over the lines of the same file.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WORDS = (
    "the patient was seen for a routine examination of both eyes and given three drops of a mild solution twice daily"
    " without sign of pain".split()
)


def write(path: Path, size: int) -> None:
    """JSON lines of chats from 20 to 2,000 words, one in ten thousand broken."""
    dice = random.Random(1)
    with path.open("w") as file:
        while file.tell() < size:
            lines = []
            for _ in range(500):
                text = " ".join(dice.choices(WORDS, k=int(20 * 100 ** dice.random())))
                line = json.dumps(
                    {"messages": [{"role": "user", "content": text[:200]}, {"role": "assistant", "content": text}]}
                )
                lines.append(line[:-5] if dice.random() < 1e-4 else line)
            file.write("\n".join(lines) + "\n")


def loop(path: Path) -> str:
    with path.open("rb") as file:
        return f"{sum(1 for _ in file):,} lines"


def estimated(path: Path) -> str:
    from planner.dataset import Estimated, Source, analyse

    with path.open("rb") as file:
        found = analyse(Source(file, path.name), Estimated())
    return f"{found.lengths.samples:,} samples, {found.lengths.tokens:,} tokens, {found.malformed:,} malformed"


def tokenized(path: Path) -> str:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    from planner.dataset import Source, Tokenized, analyse

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel()
    tokenizer.train_from_iterator([" ".join(WORDS)] * 10, BpeTrainer(vocab_size=600, show_progress=False))
    with path.open("rb") as file:
        found = analyse(Source(file, path.name), Tokenized(tokenizer.to_str().encode()))
    return f"{found.lengths.samples:,} samples, {found.lengths.tokens:,} tokens, {found.malformed:,} malformed"


TASKS = {"loop": loop, "estimated": estimated, "tokenized": tokenized}


def child(task: str, path: Path, empty: Path) -> None:
    TASKS[task](empty)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    said = TASKS[task](path)
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "seconds": seconds,
                "gained": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1_024,
                "said": said,
            }
        )
    )


def main() -> None:
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 1_000) * 1e6)
    with tempfile.TemporaryDirectory() as folder:
        path, empty = Path(folder) / "large.jsonl", Path(folder) / "small.jsonl"
        write(path, size)
        write(empty, 1)
        base = 0.0
        for task in TASKS:
            out = subprocess.run(
                [sys.executable, __file__, "--child", task, str(path), str(empty)],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            got = json.loads(out.stdout.splitlines()[-1])
            base = base or got["seconds"]
            print(
                f"{task}: {got['seconds']:.1f} s, {got['seconds'] / base:.0f} times the loop; {got['gained'] / 1e6:.0f}"
                f" MB gained, {got['gained'] / path.stat().st_size:.2%} of the file; {got['said']}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
