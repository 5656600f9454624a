"""The one error a person sees: a plain sentence with a next step, and the field it belongs to."""

from __future__ import annotations

from collections.abc import Iterable


class PlanError(ValueError):
    """Something in the request cannot be planned.

    Args:
        message: one plain sentence that ends in a next step.
        field: the request field where it happened, so that a page can show it there.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def shown(value: object, longest: int = 60) -> str:
    """A value as the person wrote it, in JSON's spelling and no longer than `longest` characters:

    `true`, `null`, `"abc"`, `[1, 2, ...`.
    """
    import json

    plain = value if isinstance(value, list | tuple | dict | str | int | float | None) else str(value)
    try:
        text = json.dumps(plain, ensure_ascii=False, default=str)
        text.encode()  # what is no Unicode stays escaped
    except UnicodeEncodeError:
        text = json.dumps(plain, default=str)
    except (ValueError, RecursionError, TypeError):
        text = "a number of thousands of digits" if isinstance(value, int) else "a value nested too deeply"
    return text if len(text) <= longest else text[: longest - 3] + "..."


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words closest in spelling to `word`, best first, compared without case."""
    import difflib  # most programs never misspell

    by_lower = {name.lower(): name for name in known}
    return [by_lower[hit] for hit in difflib.get_close_matches(word.lower()[:200], by_lower, n=count, cutoff=0.5)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Did you mean a, b or c?" with a leading space, or nothing when no known word is close."""
    hits = nearest(word, known)
    if not hits:
        return ""
    listed = hits[0] if len(hits) == 1 else ", ".join(hits[:-1]) + " or " + hits[-1]
    return f" Did you mean {listed}?"
