"""What llama.cpp's converter makes of a model beyond its tensors: differences by family, and factors of the rotary
angles.
"""

from __future__ import annotations

from functools import cache

from planner.architecture.config import Config
from planner.core.data import table


@cache
def differences(model_type: str) -> dict[str, int]:
    """The rows of `data/gguf_converters.csv` that name this model type, each with its value (0 where it has none)."""
    return {
        row["difference"]: int(row["value"] or 0)
        for row in table("gguf_converters")
        if model_type in row["model_types"].split()
    }


def rope_section(config: Config) -> Config | None:
    """How the rotary angles are scaled: the whole section, or that of the layers that attend to everything where it is
    keyed by their kind.
    """
    section = config.section("rope_scaling", "rope_parameters")
    return section and (section.section("full_attention") or section)


def rope_factors(config: Config, head_dim: int) -> tuple[int, ...]:
    """Lengths of the tables of frequency factors that a file stores beside the weights.

    Llama 3's scaling has one for half a head, Gemma 4's global layers one for half of theirs, LongRoPE a long and a
    short one.
    """
    section = rope_section(config)
    kind = section.text("rope_type", "type").lower() if section else ""
    if section is None or kind not in ("llama3", "proportional", "longrope", "su"):
        return ()
    if kind == "llama3":
        return (head_dim // 2,)
    if kind == "proportional":
        return (config.int("global_head_dim", default=head_dim) // 2,)
    return tuple(
        len(factors) for name in ("long_factor", "short_factor") if (factors := section.list(name)) is not None
    )
