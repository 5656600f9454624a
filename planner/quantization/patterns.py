"""Lists of module names in a quantized config, read safely: the text comes from strangers and never becomes a regular
expression.

Three spellings are in use: plain names (`lm_head`, `model.layers.3.mlp.gate`, `gate`), names with `*`
(`model.layers.*.self_attn`), and `re:` expressions. Of those the parts that publishers use are understood (`.*`, `.`,
escapes, `^`, `$`, `\\d+`, `(a|b)`), each translated to literal text and wildcards; any other expression is refused, and
the caller says so. Numbers in names are layers (`layers.3`) or experts. Matching is plain string work, linear in the
name for every wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 400
MOST = 50_000
"""Names in the longest published lists number some thousands: each projection of each layer."""
MOST_ALTERNATIVES = 64

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d{1,4})(?=[.*]|$)")
_NUMBER = re.compile(r"(?<=\.)\d{1,6}(?=\.|$)")
_WRAPPERS = ("model.", "language_model.", "text_model.", "transformer.", "backbone.")


@dataclass(frozen=True)
class Pattern:
    """One translated entry: literal pieces between wildcards, and whether it must match whole modules or anywhere.

    `layers` are the layers that the entry names; None means any.
    """

    pieces: tuple[str, ...]
    layers: frozenset[int] | None
    start: bool
    end: bool

    def matches(self, name: str) -> bool:
        """Whether the pieces occur in this order in the module's name, the first at its start or the last at its end
        where that is asked.
        """
        at = 0
        for index, piece in enumerate(self.pieces):
            if index == 0 and self.start:
                if not name.startswith(piece):
                    return False
                at = len(piece)
                continue
            if index == len(self.pieces) - 1 and self.end:
                return len(name) - len(piece) >= at and name.endswith(piece)
            found = name.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return not (self.end and len(self.pieces) == 1 and self.start) or len(name) == at


@dataclass(frozen=True)
class Names:
    """A list of module names; `unread` counts the entries that were not understood."""

    patterns: tuple[Pattern, ...]
    unread: int = 0

    def layers(self, name: str) -> frozenset[int] | None:
        """Layers in which the module of this name is listed: None for all, an empty set for none."""
        found: set[int] = set()
        plain = f".{unwrapped(name)}."
        for pattern in self.patterns:
            if pattern.matches(plain):
                if pattern.layers is None:
                    return None
                found |= pattern.layers
        return frozenset(found)


def read(entries: object) -> Names:
    """The list as patterns; entries that differ only in their layer become one. Anything but texts is left unread."""
    if not isinstance(entries, list | tuple):
        return Names(())
    grouped: dict[tuple[tuple[str, ...], bool, bool], set[int] | None] = {}
    unread = max(len(entries) - MOST, 0)
    for entry in entries[:MOST]:
        translated = list(_translate(entry)) if isinstance(entry, str) and 0 < len(entry) <= LONGEST else []
        unread += not translated
        for pattern in translated:
            key = (pattern.pieces, pattern.start, pattern.end)
            if pattern.layers is None:
                grouped[key] = None
            else:
                known = grouped.setdefault(key, set())
                if known is not None:
                    known |= pattern.layers
    return Names(
        tuple(
            Pattern(pieces, None if layers is None else frozenset(layers), start, end)
            for (pieces, start, end), layers in grouped.items()
        ),
        unread,
    )


def unwrapped(name: str) -> str:
    """The name without the wrappers that frameworks put before the layers, and with numbers replaced by `#`."""
    name = name.removesuffix(".weight").removesuffix(".bias")
    while name.startswith(_WRAPPERS):
        name = name.split(".", 1)[1]
    return _NUMBER.sub("#", name).replace(".*", ".#")


def _translate(entry: str) -> Iterable[Pattern]:
    if not entry.startswith("re:"):
        yield _pattern(entry, start=False, end=False, whole=True)
        return
    text = entry[3:]
    start, end = text.startswith("^"), text.endswith("$")
    for plain in _alternatives(text.removeprefix("^").removesuffix("$")):
        yield _pattern(plain, start=start and not plain.startswith("*"), end=end, whole=False)


def _pattern(text: str, start: bool, end: bool, whole: bool) -> Pattern:
    """Literal text with `*` as a pattern; `whole` names begin and end where a module's name does."""
    layer = _LAYER.search(text)
    layers = frozenset({int(layer[1])}) if layer else None
    if layer:
        text = text[: layer.start(1)] + "#" + text[layer.end(1) :]
    star = text.endswith("*")
    if whole:
        text = "." + unwrapped(text.rstrip("*").rstrip(".")) + ("" if star else ".")
        text = text.replace(".#*", ".#").replace("..", ".")
    else:
        text = unwrapped(text) if start else text
        text = "." + text if start else text
        text = text + "." if end and not star else text
    pieces = tuple(piece for piece in text.split("*"))
    return Pattern(tuple(piece for piece in pieces if piece), layers, start, end)


def _alternatives(text: str) -> list[str]:
    """Every plain text with `*` that the understood part of an expression can mean; nothing when something else occurs
    in it.
    """
    found = [""]
    index = 0
    while index < len(text):
        rest = text[index:]
        if rest.startswith((".*", ".+")):
            piece, index = ["*"], index + 2
            index += text[index : index + 1] == "?"
        elif rest.startswith(("\\d+", "\\w+", "[0-9]+")):
            piece, index = ["#" if rest[1] != "w" else "*"], index + rest.index("+") + 1
        elif rest[0] == "\\" and len(rest) > 1 and not rest[1].isalnum():
            piece, index = [rest[1]], index + 2
        elif rest[0] == "(" and ")" in rest:
            inside = rest[1 : rest.index(")")].removeprefix("?:")
            options = [_alternatives(option) for option in inside.split("|")]
            if not all(options):
                return []
            piece, index = [text for option in options for text in option], index + rest.index(")") + 1
        elif rest[0] in "\\()[]{}?*+|^$":
            return []
        else:
            piece, index = [rest[0]], index + 1
        found = [before + after for before in found for after in piece]
        if len(found) > MOST_ALTERNATIVES:
            return []
    return found
