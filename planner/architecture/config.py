"""Reading a config.json: aliases, types and bounds in one place, so that parsers state only the architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from planner.core.errors import PlanError, shown

Whole = int
"""The number type, under a name that the reader `Config.int` does not hide."""

LARGEST = 2**40
"""No honest field of a config is above this; larger numbers are refused before they make the arithmetic meaningless."""

LARGEST_FACTOR = 2**20
"""The same of factors, by which widths are multiplied."""

GGUF = "_gguf"
"""Key of a config that holds a weight file's header:

`{"architecture", "file_type", "vocab_size", "metadata", "tensors"}`.
"""

DEEPEST = 32
"""Levels of objects and lists inside one another; the deepest published configs have seven."""


def checked(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config, whoever sent it, where every later walk through it ends and every text in it can be shown.

    Raises:
        PlanError: when it is nested deeper than any config, or holds text that is no Unicode.
    """
    level: list[Any] = [raw]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for node in level:
            for value in (*node, *node.values()) if isinstance(node, Mapping) else node:
                if isinstance(value, str):
                    _encodable(value)
                elif isinstance(value, Mapping | list | tuple):
                    inner.append(value)
        if not inner:
            return raw
        level = inner
    raise too_deep()


def too_deep() -> PlanError:
    return PlanError(
        f"The config is nested more than {DEEPEST} levels deep; give the config.json as the Hub has it.", "config"
    )


def _encodable(text: str) -> None:
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        raise PlanError(
            "The config holds text that is no Unicode; give the config.json as the Hub has it.", "config"
        ) from None


class Config:
    """A config with typed access: every read names its aliases, and a bad value is a sentence about that field.

    Later names are fallbacks for the first. Beneath the config lie the defaults of its class, which hold for the keys
    that are absent; a key that is present but null counts as absent and hides the default, as it does in transformers.
    """

    def __init__(self, raw: Mapping[str, Any], path: str = "", defaults: Mapping[str, Any] | None = None) -> None:
        if not isinstance(raw, Mapping):
            where = f"The config's {path.removesuffix('.')}" if path else "The config"
            raise PlanError(
                f"{where} must be a JSON object, not {shown(raw)}; give a Hugging Face config.json.", "config"
            )
        self.raw = raw
        self.path = path
        self.defaults: Mapping[str, Any] = defaults or {}

    def has(self, *names: str) -> bool:
        return self._find(names)[1] is not None

    def get(self, *names: str) -> Any:
        """The first value present among the aliases, unchecked."""
        return self._find(names)[1]

    def int(self, *names: str, default: int | None = None, low: int = 1, high: int = LARGEST) -> int:
        """A whole number between `low` and `high`; absent without a default is an error that names the field."""
        name, value = self._find(names)
        if value is None:
            if default is None:
                raise PlanError(
                    f"The config has no {self.path}{names[0]}; add it, or give the model's Hugging Face id instead.",
                    "config",
                )
            return default
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int):
            raise PlanError(f"The config's {self.path}{name} must be a whole number, not {shown(value)}.", "config")
        if not low <= whole <= high:
            raise PlanError(
                f"The config's {self.path}{name} is {shown(whole)}; it must lie between {low:,} and {high:,}.", "config"
            )
        return whole

    def number(self, *names: str, default: float, low: float = 0, high: float = LARGEST_FACTOR) -> float:
        """A number between `low` and `high`, such as a factor of a width."""
        name, value = self._find(names)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise PlanError(f"The config's {self.path}{name} must be a number, not {shown(value)}.", "config")
        if not low <= value <= high:
            raise PlanError(
                f"The config's {self.path}{name} is {shown(value)}; it must lie between {low:,} and {high:,}.", "config"
            )
        return float(value)

    def flag(self, *names: str, default: bool) -> bool:
        name, value = self._find(names)
        if value is None:
            return default
        if not (isinstance(value, int) and value in (0, 1)):
            raise PlanError(f"The config's {self.path}{name} must be true or false, not {shown(value)}.", "config")
        return bool(value)

    def text(self, *names: str, default: str = "") -> str:
        name, value = self._find(names)
        if value is None:
            return default
        if not isinstance(value, str):
            raise PlanError(f"The config's {self.path}{name} must be a text, not {shown(value)}.", "config")
        return value

    def list(self, *names: str, length: Whole | None = None) -> list[Any] | None:
        """A list, or None when absent; with `length`, one that is shorter is refused."""
        name, value = self._find(names)
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise PlanError(f"The config's {self.path}{name} must be a list, not {shown(value)}.", "config")
        if length is not None and len(value) < length:
            raise PlanError(f"The config's {self.path}{name} has {len(value)} entries for {length} layers.", "config")
        return list(value)

    def section(self, *names: str) -> Config | None:
        """A nested config, or None when absent."""
        name, value = self._find(names)
        if value is None:
            return None
        return Config(cast(Mapping[str, Any], value), f"{self.path}{name}.")

    def over(self, **defaults: Any) -> Config:
        """The same config above further defaults: they hold where neither it nor its own defaults name the key."""
        return Config(self.raw, self.path, {**defaults, **self.defaults})

    def replace(self, **values: Any) -> Config:
        """The same config with these keys set, whatever it said."""
        return Config({**self.raw, **values}, self.path, self.defaults)

    def _find(self, names: tuple[str, ...]) -> tuple[str, Any]:
        for name in names:
            value = self.raw.get(name)
            if value is not None:
                return name, value
        if not any(name in self.raw for name in names):
            for name in names:
                value = self.defaults.get(name)
                if value is not None:
                    return name, value
        return names[0] if names else "", None
