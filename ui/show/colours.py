"""The same five colours everywhere, apart by lightness as much as by hue, so that grey eyes and colour-blind eyes tell
them too.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True, slots=True)
class Part:
    """A part of memory as the page shows it: the planner's names that it gathers, its label, its colour, and the colour
    of text on it.
    """

    names: tuple[str, ...]
    label: str
    colour: str
    ink: str


PARTS = (
    Part(("weights",), "Weights", "#2f68ad", "#ffffff"),
    Part(("kv_cache", "state"), "KV cache", "#efa73a", "#1b2430"),
    Part(("activation",), "Activations", "#2f9488", "#ffffff"),
    Part(("overhead",), "Overhead", "#d8c3ea", "#1b2430"),
)

TOO_MUCH = "#d13438"
"""What doesn't fit, beyond the frame."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What lies behind the colours in one theme."""

    free: str
    frame: str
    text: str
    unusable: str


LIGHT = Ground(free="#eef1f5", frame="#5b6675", text="#1b2430", unusable="#c3cad4")
DARK = Ground(free="#1f2732", frame="#a5b0be", text="#e4e9f0", unusable="#3f4957")

VERDICTS = {
    "fits": ("green", ":material/check_circle:"),
    "tight": ("orange", ":material/error:"),
    "offload": ("orange", ":material/swap_horiz:"),
    "does_not_fit": ("red", ":material/cancel:"),
}


def ground() -> Ground:
    """The visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT
