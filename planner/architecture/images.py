"""The largest picture that a model's processor makes of an image: positions in the tower, tokens in the text, and
numbers of pixels.

The size is the processor's, which a config.json doesn't hold, so `data/image_inputs.csv` has it by the wrapper's type:
patches = tiles * pixels / patch^2, tokens = patches / merge^2, values = 3 * tiles * pixels * frames taken together.
"""

from __future__ import annotations

from functools import cache

from planner.architecture.config import Config
from planner.architecture.tensors import Image
from planner.core.data import table

COLOURS = 3


@cache
def rows() -> dict[str, dict[str, str]]:
    return {row["model_type"]: row for row in table("image_inputs")}


def largest(wrapper: Config, tower: Config) -> Image | None:
    """The largest image of a wrapper with this tower;

    None where its processor is not known and the tower has no fixed size either.
    """
    row = rows().get(
        wrapper.text("model_type").lower(), {"tiles": "1", "pixels": "", "patch": "", "merge": "1", "frames": "1"}
    )
    side = tower.get("image_size")
    side = max(side) if isinstance(side, list) and side and all(isinstance(n, int) for n in side) else side
    pixels = int(row["pixels"]) if row["pixels"] else side * side if isinstance(side, int) and 0 < side < 1 << 16 else 0
    patch = tower.get("patch_size")
    patch = patch[-1] if isinstance(patch, list) and patch else patch
    patch = int(row["patch"]) if row["patch"] else patch
    if not pixels or not isinstance(patch, int) or patch < 1:
        return None
    merge = next(
        (n for config in (tower, wrapper) if isinstance(n := config.get("spatial_merge_size"), int) and 0 < n < 65),
        int(row["merge"]),
    )
    paired = tower.get("temporal_patch_size")
    paired = paired if isinstance(paired, int) and 0 < paired < 17 else 1
    patches = int(row["tiles"]) * pixels // patch**2
    return Image(
        max(patches, 1),
        max(patches // merge**2, 1),
        COLOURS * int(row["tiles"]) * pixels * paired,
        max(int(row["frames"]) // paired, 1),
    )
