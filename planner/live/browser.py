"""A visitor's own GPU from what their browser says of it: a hint that they confirm, never a fact.

WebGL names the renderer, WebGPU a vendor and an architecture. Firefox rounds the name to a family, Safari hides it, and
a browser without a GPU names its software renderer. None of them tells the memory. Every string is a stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError

LONGEST_TEXT = 200
FIELDS = (
    "webgl_renderer",
    "webgl_vendor",
    "webgpu_vendor",
    "webgpu_architecture",
    "webgpu_device",
    "webgpu_description",
)

DIGIT = re.compile(r"\d")
SOFTWARE = re.compile(r"swiftshader|llvmpipe|softpipe|software|basic render", re.IGNORECASE)
ROUNDED = re.compile(r",? or similar$", re.IGNORECASE)
ANGLE = re.compile(r"^ANGLE \((?:[^,()]{1,40}, )?(.+?)\)?$", re.IGNORECASE)
TAIL = re.compile(
    r"(?:/PCIe/SSE2.*|/SSE2.*| Direct3D.*| \(0x[0-9a-f]{4,8}\).*| \((?:radeonsi|RADV|DG2|LLVM)[^)]*\).*|,"
    r" (?:OpenGL|D3D|Vulkan|Unspecified).*)$",
    re.IGNORECASE,
)
OPENING = re.compile(r"^(?:ANGLE Metal Renderer: |Mesa |Vulkan [\d.]+ \()", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a browser's words may mean: the catalogue's card or None, and a sentence for the visitor."""

    said: str
    gpu: Gpu | None
    sentence: str


def hint(told: Mapping[str, Any]) -> Hint:
    """The card that a browser's words may mean; anything at all may be in them."""
    words = {field: _clean(told.get(field)) for field in FIELDS}
    said = words["webgl_renderer"] or words["webgpu_description"] or words["webgpu_device"] or " ".join(
        filter(None, (words["webgpu_vendor"], words["webgpu_architecture"]))
    )  # fmt: skip
    if not said:
        return Hint("", None, "Your browser tells nothing about a GPU. Pick yours from the list.")
    if SOFTWARE.search(said):
        return Hint(
            said, None, "Your browser draws in software, without a GPU. Pick yours from the list, if you have one."
        )
    if ROUNDED.search(said):
        return Hint(said, None, "Your browser tells only the family of your GPU. Pick yours from the list.")
    for name in dict.fromkeys(
        (_core(words["webgl_renderer"]), words["webgl_renderer"], words["webgpu_device"], words["webgpu_description"])
    ):
        if not DIGIT.search(name):  # a vendor or an architecture is no card
            continue
        try:
            return Hint(
                said,
                resolve(name),
                "Is this yours? The browser does not tell its memory, and may name another GPU of the same machine.",
            )
        except PlanError:
            continue
    return Hint(
        said,
        None,
        "Your browser names a GPU that is not in the catalogue, or hides its name. Pick yours from the list.",
    )


def _core(renderer: str) -> str:
    """The card's own name inside the renderer's: `ANGLE (NVIDIA, NVIDIA GeForce RTX 4090 (0x2684) Direct3D11 ...)`."""
    inner = ANGLE.match(renderer)
    name = OPENING.sub("", inner[1] if inner else renderer)
    return TAIL.sub("", name).strip()


def _clean(value: Any) -> str:
    return " ".join(value.split())[:LONGEST_TEXT] if isinstance(value, str) else ""
