"""Links of another age: what parameters and values are called now, and a plain word about what this version does not
know.

A link names its version, `v=1`; one without is taken for the first. Ids of models never change, GPUs are found by any
spelling, and
labels are in no link, so that this table stays short: whoever renames a field or a value adds a row, and nobody's
bookmark breaks.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.engines.info import engines

VERSION = 1
PARAMETER = "v"

FIELDS = {
    "quant": "quantization",
    "format": "quantization",
    "gpu": "gpus",
    "ctx": "context",
    "context_length": "context",
    "max_model_len": "context",
    "batch_size": "batch",
    "kv_cache_type": "kv_cache_dtype",
    "n_gpu_layers": "gpu_layers",
    "ubatch_size": "ubatch",
    "n_cpu_moe": "cpu_moe_layers",
    "base": "quantization",
    "train_flash_attention": "flash_attention",
    "train_tensor_parallel": "tensor_parallel",
    "train_pipeline_parallel": "pipeline_parallel",
}
"""Other name of a parameter -> its name; the others are what engines call the same."""

VALUES = {
    "engine": {alias: one.name for one in engines().values() for alias in one.aliases},
    "quantization": {"none": "auto"},
}
"""Field -> other spelling of a value -> the value."""


def name(parameter: str) -> str:
    """What a parameter is called now."""
    return FIELDS.get(parameter, parameter)


def migrated(link: Mapping[str, str]) -> dict[str, str]:
    """The link as this version spells it; a parameter under its own name wins over another name of it."""
    own = {FIELDS[key]: text for key, text in link.items() if key in FIELDS} | {
        key: text for key, text in link.items() if key not in FIELDS
    }
    return {key: VALUES.get(key, {}).get(text, text) for key, text in own.items() if key != PARAMETER}


def remark(link: Mapping[str, str]) -> str:
    """One sentence where the link is of a version that this one cannot know; else nothing."""
    version = link.get(PARAMETER, str(VERSION))
    if version == str(VERSION):
        return ""
    if version.isascii() and version.isdigit() and int(version[:9]) > VERSION:
        return (
            f"This link is of version {version[:9]}, newer than this Headroom, which knows version {VERSION}: what it"
            " does not know is left out."
        )
    return f"The link's version {version[:20]!r} is none that there is; it was read as version {VERSION}."
