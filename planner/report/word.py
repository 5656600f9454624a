"""The answer in one word, and a speed in words that a person understands: rows of `data/answer_words.csv` and of
`data/speed_scale.csv`, each threshold with its reason and source.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf

from planner.core.data import table
from planner.plan import Plan


@dataclass(frozen=True, slots=True)
class Word:
    """One answer.

    Attributes:
        word: `Runs well`, `Runs slowly`, `Tight` or `Won't run`.
        verdicts: the verdicts that it can stand for.
        min_tokens_per_s: the least that one stream may write a second.
        max_first_token_s: the longest that one may wait for its first token, seconds.
        reason: why these limits.
    """

    word: str
    verdicts: tuple[str, ...]
    min_tokens_per_s: float
    max_first_token_s: float
    reason: str


@cache
def words() -> tuple[Word, ...]:
    """The rows in their order: the first that holds is the answer."""
    return tuple(
        Word(
            row["word"],
            tuple(row["verdicts"].split()),
            float(row["min_tokens_per_s"] or 0),
            float(row["max_first_token_s"] or inf),
            row["reason"],
        )
        for row in table("answer_words")
    )


def word_for(verdict: str, tokens_per_s: float, first_token_s: float) -> Word:
    """The answer for a verdict, and the expected tokens a second and wait for the first token of one stream."""
    return next(
        one
        for one in words()
        if verdict in one.verdicts and tokens_per_s >= one.min_tokens_per_s and first_token_s <= one.max_first_token_s
    )


def word(plan: Plan) -> Word:
    """The answer of a plan. A model that writes nothing, such as one for embeddings, has no speed to be slow at."""
    verdict = "does_not_fit" if plan.memory.refusal else plan.fit.verdict
    if verdict in ("does_not_fit", "tight") or not plan.architecture.generates:
        return word_for(verdict, inf, 0.0)
    speed = plan.speed
    return word_for(verdict, speed.decode_tokens_per_s_per_sequence.expected, speed.idle_time_to_first_token_s.expected)


@cache
def _scale() -> tuple[tuple[float, str], ...]:
    return tuple((float(row["from_tokens_per_s"]), row["words"]) for row in table("speed_scale"))


def pace(tokens_per_s: float) -> str:
    """What a stream's tokens a second mean to the person who reads them, such as `twice as fast as you read`."""
    return next(words for least, words in reversed(_scale()) if tokens_per_s >= least)
