"""Types of the KV cache and what a number takes in each."""

from __future__ import annotations

from functools import cache

from planner.core.data import table
from planner.core.errors import PlanError, did_you_mean

ALIASES = {"f16": "fp16", "f32": "fp32", "float16": "fp16", "bfloat16": "bf16", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8"}
PLAIN = {"fp32": (1, 4), "bf16": (1, 2), "fp16": (1, 2), "fp8": (1, 1)}


@cache
def cache_types() -> dict[str, tuple[int, int]]:
    """Every cache type as (numbers in a block, bytes of a block)."""
    blocks = {row["name"].lower(): (int(row["block_elements"]), int(row["block_bytes"])) for row in table("gguf_types")}
    return {
        **PLAIN,
        **{name: blocks[name] for name in ("q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl") if name in blocks},
    }


def cache_type(name: str, auto: str = "fp16") -> tuple[str, int, int]:
    """The type's own name with its block: (name, numbers in a block, bytes of a block).

    Raises:
        PlanError: for a name that is no cache type, offering the nearest.
    """
    wanted = name.lower()
    wanted = auto if wanted == "auto" else ALIASES.get(wanted, wanted)
    known = cache_types()
    if wanted not in known:
        raise PlanError(
            f"There is no cache type {name[:20]!r}.{did_you_mean(wanted, known)} Choose one of auto,"
            f" {', '.join(known)}.",
            "kv_cache_dtype",
        )
    return (wanted, *known[wanted])
