"""What llama.cpp's converter makes of a model beyond its tensors: differences by family, and factors of the rotary angles."""

from __future__ import annotations

from functools import cache

from planner.architecture.config import Config
from planner.data import table


@cache
def differences(model_type: str) -> dict[str, int]:
    """The rows of `data/gguf_converters.csv` that name this model type, each with its value (0 where it has none)."""
    return {row["difference"]: int(row["value"] or 0) for row in table("gguf_converters") if model_type in row["model_types"].split()}


def rope_factors(config: Config, head_dim: int) -> tuple[int, ...]:
    """Lengths of the tables of frequency factors that a file stores beside the weights.

    Llama 3's scaling has one for half a head, Gemma 4's global layers one for half of theirs, LongRoPE a long and a short one.
    """
    section = config.get("rope_scaling", "rope_parameters")
    if not isinstance(section, dict):
        return ()
    if isinstance(nested := section.get("full_attention"), dict):
        section = nested
    kind = str(section.get("rope_type", section.get("type", ""))).lower()
    if kind == "llama3":
        return (head_dim // 2,)
    if kind == "proportional":
        return (config.int("global_head_dim", default=head_dim) // 2,)
    lists = [section.get(name) for name in ("long_factor", "short_factor")]
    return tuple(len(factors) for factors in lists if isinstance(factors, list)) if kind in ("longrope", "su") else ()
