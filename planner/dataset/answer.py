"""An analysis as JSON, for the terminal and for download."""

from __future__ import annotations

from typing import Any

from planner.dataset.advice import lengths_to_show, recommended
from planner.dataset.analysis import Analysis
from planner.dataset.lengths import AtLength

PERCENTILES = (1, 5, 25, 50, 75, 90, 95, 99, 99.9, 100)


def analysis_json(found: Analysis, batch: int = 4) -> dict[str, Any]:
    """Counts, percentiles, what each maximum length does, and the recommended one;

    `samples`, `seq_len`, `tokens_per_sample` as a train request takes them.
    """
    lengths, advised = found.lengths, recommended(found.lengths, found.high)
    at = lengths.at(advised.seq_len, batch)
    return {
        "file": found.name,
        "format": found.kind,
        "counted_by": found.counted_by,
        "tokens": found.tokens.json(),
        "train": {
            "samples": lengths.samples,
            "seq_len": advised.seq_len,
            "tokens_per_sample": round(at.tokens / at.samples, 2),
        },
        "recommended": {"seq_len": advised.seq_len, "reason": advised.reason},
        "percentiles": {f"{percent:g}": lengths.percentile(percent) for percent in PERCENTILES},
        "lengths": [_at(lengths.at(length, batch)) for length in lengths_to_show(lengths, advised.seq_len)],
        "shapes": dict(found.shapes),
        "malformed": {
            "rows": found.malformed,
            "examples": [{"line": one.number, "reason": one.reason, "begins": one.excerpt} for one in found.examples],
        },
    }


def _at(row: AtLength) -> dict[str, float]:
    return {
        "seq_len": row.seq_len,
        "samples_cut": row.cut,
        "tokens_lost": row.lost_tokens,
        "used_padded": round(float(row.used.value), 4),
        "used_padded_in_batch": round(row.used_in_batch, 4),
        "used_packed": round(float(row.packed.value), 4),
        "packed_sequences": row.sequences,
    }
