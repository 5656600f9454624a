"""Reading a config.json: aliases, types and bounds in one place, so that parsers state only the architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from planner.errors import PlanError

Whole = int
"""The number type, under a name that the reader `Config.int` does not hide."""

LARGEST = 2**40
"""No honest field of a config is above this; larger numbers are refused before they make the arithmetic meaningless."""

GGUF = "_gguf"
"""Key of a config that holds a weight file's header: `{"architecture", "file_type", "vocab_size", "metadata", "tensors"}`."""


class Config:
    """A config with typed access: every read names its aliases, and a bad value is a sentence about that field.

    Later names are fallbacks for the first. Beneath the config lie the defaults of its class, which hold for the keys
    that are absent; a key that is present but null counts as absent and hides the default, as it does in transformers.
    """

    def __init__(self, raw: Mapping[str, Any], path: str = "", defaults: Mapping[str, Any] | None = None) -> None:
        if not isinstance(raw, Mapping):
            raise PlanError(f"The config{' section ' + path if path else ''} is not a JSON object; give a Hugging Face config.json.", "config")
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
                raise PlanError(f"The config has no {self.path}{names[0]}; add it, or give the model's Hugging Face id instead.", "config")
            return default
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int):
            raise PlanError(f"The config's {self.path}{name} must be a whole number, not {_short(value)}.", "config")
        if not low <= whole <= high:
            raise PlanError(f"The config's {self.path}{name} is {_short(whole)}; it must lie between {low:,} and {high:,}.", "config")
        return whole

    def number(self, *names: str, default: float) -> float:
        name, value = self._find(names)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > LARGEST:
            raise PlanError(f"The config's {self.path}{name} must be a number, not {_short(value)}.", "config")
        return float(value)

    def flag(self, *names: str, default: bool) -> bool:
        name, value = self._find(names)
        if value is None:
            return default
        if not isinstance(value, bool | int):
            raise PlanError(f"The config's {self.path}{name} must be true or false, not {_short(value)}.", "config")
        return bool(value)

    def text(self, *names: str, default: str = "") -> str:
        name, value = self._find(names)
        if value is None:
            return default
        if not isinstance(value, str):
            raise PlanError(f"The config's {self.path}{name} must be a text, not {_short(value)}.", "config")
        return value

    def list(self, *names: str, length: Whole | None = None) -> list[Any] | None:
        """A list, or None when absent; with `length`, one that is shorter is refused."""
        name, value = self._find(names)
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise PlanError(f"The config's {self.path}{name} must be a list, not {_short(value)}.", "config")
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


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
