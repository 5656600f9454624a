"""What a question was taken for, where it is not what the question literally says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Taken:
    """What became of a question's names.

    Attributes:
        typed: the model's name as it was asked for; "" where that is the model's own id.
        note: what the reader must know of it, or "".
        others: ids of models that the name may also mean, the likeliest first.
    """

    typed: str = ""
    note: str = ""
    others: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """The keys that stand beside the model's own in an answer; none where there is nothing to say."""
        told = {"resolved_from": self.typed, "note": self.note, "others": list(self.others)}
        return {key: value for key, value in told.items() if value}


LITERALLY = Taken()
"""A question that was taken word for word."""
