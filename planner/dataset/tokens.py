"""How many tokens a text has: by a tokenizer, or estimated from its characters with the range that comes with that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from planner.core.data import table
from planner.core.errors import PlanError

MOST_TOKENIZER_BYTES = 64_000_000
"""The largest published tokenizer.json (a vocabulary of 262,144) has 34 MB."""

WIDE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+")
"""Chinese, Japanese and Korean characters."""


class Counter(Protocol):
    """Counts tokens; `low` and `high` are factors on its counts, both 1 where they are exact."""

    label: str

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    def count(self, texts: Sequence[str]) -> list[int]: ...


class Rate(NamedTuple):
    """Tokens a character of one script, as a range."""

    low: float
    expected: float
    high: float


@cache
def rates() -> dict[str, Rate]:
    """Tokens a character by script, fitted by `python -m planner.calibrate.tokens`."""
    return {
        row["script"]: Rate(float(row["low"]), float(row["expected"]), float(row["high"]))
        for row in table("calibration/tokens")
    }


def scripts(text: str) -> tuple[int, int, int]:
    """How many of a text's characters are ASCII, Chinese, Japanese or Korean, and any other."""
    if text.isascii():
        return len(text), 0, 0
    ascii_ = len(text.encode("ascii", "ignore"))
    wide = sum(map(len, WIDE.findall(text)))
    return ascii_, wide, len(text) - ascii_ - wide


class Estimated:
    """tokens = sum over scripts of characters * tokens_per_character, without a tokenizer.

    The range is how far six tokenizers of 32,768 to 200,000 words lie apart over eighteen kinds of text. It follows the
    text
    as it is counted: one that is mostly ASCII has a narrower one.
    """

    label = "estimated from characters"

    def __init__(self) -> None:
        self._sums = [0.0, 0.0, 0.0]

    def count(self, texts: Sequence[str]) -> list[int]:
        by_script = [rates()[name] for name in ("ascii", "wide", "other")]
        counts = []
        for text in texts:
            parts = [characters * rate.expected for characters, rate in zip(scripts(text), by_script, strict=True)]
            for index, part in enumerate(parts):
                self._sums[index] += part
            counts.append(max(round(sum(parts)), 1))
        return counts

    @property
    def low(self) -> float:
        return self._factor("low")

    @property
    def high(self) -> float:
        return self._factor("high")

    def _factor(self, end: str) -> float:
        """The mean of the scripts' factors, weighted by the tokens that each gave."""
        by_script = [rates()[name] for name in ("ascii", "wide", "other")]
        total = sum(self._sums)
        sums = self._sums if total else [1.0, 0.0, 0.0]
        return float(
            sum(part * getattr(rate, end) / rate.expected for part, rate in zip(sums, by_script, strict=True))
            / (total or 1.0)
        )


class Tokenized:
    """Counts by a tokenizer.json, its special tokens included, as a trainer would; its own truncation and padding are
    off.
    """

    low = high = 1.0

    def __init__(self, content: bytes, label: str = "the uploaded tokenizer.json") -> None:
        """Read the file with Hugging Face's `tokenizers`.

        Raises:
            PlanError: when it is too large or no tokenizer.
        """
        import tokenizers

        self.label = label
        if len(content) > MOST_TOKENIZER_BYTES:
            raise PlanError(
                f"The tokenizer.json is larger than {MOST_TOKENIZER_BYTES / 1e6:.0f} MB, so it is not read; check the"
                " file.",
                "tokenizer",
            )
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            self._tokenizer.encode("a")
        except BaseException as error:
            if not _of_the_library(error):
                raise
            raise PlanError(
                "This is no tokenizer.json that the tokenizers library reads; take the one beside the model's weights.",
                "tokenizer",
            ) from None

    def count(self, texts: Sequence[str]) -> list[int]:
        try:
            return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts)]
        except BaseException as error:
            if not _of_the_library(error):
                raise
            return [self._one(text) for text in texts]

    def _one(self, text: str) -> int:
        """One text, half characters (lone surrogates, which JSON allows) replaced."""
        try:
            return len(self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")))
        except BaseException as error:
            if not _of_the_library(error):
                raise
            raise PlanError(
                "The tokenizer fails on one of the samples; take another tokenizer.json, or the estimate.", "tokenizer"
            ) from None


def _of_the_library(error: BaseException) -> bool:
    """Errors of the Rust library: ordinary ones, and its panics, which Python sees as no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
