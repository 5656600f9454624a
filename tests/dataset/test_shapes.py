"""Shapes of samples, and counting their tokens."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from notes import words_tokenizer

from planner.calibrate.tokens import errors, fit
from planner.core.data import table
from planner.core.errors import PlanError
from planner.dataset import Estimated, Source, Tokenized, analyse
from planner.dataset.shapes import END_OF_TEXT, MARKS_OF_A_MESSAGE, UnreadableError, sample
from planner.dataset.tokens import rates, scripts

CHAT = [{"role": "user", "content": "a b"}, {"role": "assistant", "content": "c"}]
SHAREGPT = [{"from": "human", "value": "a b"}, {"from": "gpt", "value": "c"}]
PARTS = [
    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "a b"}]},
    {"role": "assistant", "content": "c"},
]


@pytest.mark.parametrize(
    ("row", "text", "extra", "shape"),
    [
        ({"messages": CHAT}, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "messages"),
        ({"messages": json.dumps(CHAT), "id": 7}, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "messages"),
        ({"conversations": SHAREGPT}, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "conversations"),
        ({"messages": PARTS}, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "messages"),
        (CHAT, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "messages"),
        ({"prompt": "a b", "completion": "c"}, "a b\nc", END_OF_TEXT, "prompt/completion"),
        ({"prompt": CHAT[:1], "completion": CHAT[1:]}, "a b\nc", 2 * MARKS_OF_A_MESSAGE, "prompt/completion"),
        ({"instruction": "a", "input": "b", "output": "c"}, "a\nb\nc", END_OF_TEXT, "instruction/input/output"),
        ({"instruction": "a", "input": "", "output": "c"}, "a\nc", END_OF_TEXT, "instruction/output"),
        ({"question": "a", "answer": 4}, "a\n4", END_OF_TEXT, "question/answer"),
        ({"prompt": "a", "chosen": "b", "rejected": "c d e"}, "a\nc d e", END_OF_TEXT, "prompt/chosen/rejected"),
        ({"text": "a b", "label": "x"}, "a b", END_OF_TEXT, "text"),
        ({"befund": "a b", "id": 4}, "a b", END_OF_TEXT, "befund"),
        ("a b", "a b", END_OF_TEXT, "text"),
    ],
)
def test_known_shapes(row: Any, text: str, extra: int, shape: str) -> None:
    found = sample(row)
    assert (found.text, found.extra_tokens, found.shape) == (text, extra, shape)


def test_tool_calls_count() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look_up"}}]}
    assert "look_up" in sample({"messages": [CHAT[0], call]}).text


@pytest.mark.parametrize(
    "row",
    [{"a": "x", "b": "y"}, {}, 12, None, [], {"messages": "x"}, {"messages": {"a": 1}}, {"text": "  "}, {"text": [1]}],
)
def test_what_is_no_sample_says_why(row: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        sample(row)
    assert len(str(caught.value)) < 500


def test_a_column_may_be_chosen() -> None:
    assert sample({"a": "x", "b": "y"}, "b").text == "y"
    found = analyse(Source(io.BytesIO(b"a,b\nx,y\n"), "d.csv"), Estimated())
    assert (found.malformed, found.columns) == (1, ["a", "b"])


def test_a_tokenizer_counts_all_of_a_text() -> None:
    """Its own truncation to 8 and padding to 16 are off, as a planner must see them."""
    counter = Tokenized(words_tokenizer())
    assert counter.count(["a " * 30, "b", ""]) == [30, 1, 0]
    assert (counter.low, counter.high) == (1, 1)


def test_half_a_character_is_counted_too() -> None:
    assert Tokenized(words_tokenizer()).count(["a \ud800 b", "c"]) == [3, 1]
    assert Estimated().count(["\ud800"])[0] >= 1
    assert (
        analyse(Source(io.BytesIO(b'{"text": "a \\ud800 b"}'), "a.jsonl"), Tokenized(words_tokenizer())).lengths.tokens
        == 4
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b'{"model": {"type": "BPE"}}', b"[1]", b'{"version": "1.0", "model": {"type": "None"}}'],
)
def test_what_is_no_tokenizer_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(PlanError, match=r"tokenizer\.json"):
        Tokenized(content)


def test_the_estimate_follows_the_script() -> None:
    assert scripts("aé 漢") == (2, 1, 1)
    english = "The patient was seen for a routine examination of both eyes."
    counter = Estimated()
    (tokens,) = counter.count([english])
    assert tokens == round(len(english) * rates()["ascii"].expected)
    assert counter.low < 1 < counter.high
    narrow = counter.high / counter.low
    other = Estimated()
    other.count(["Пациент был осмотрен"])
    assert other.high / other.low > narrow
    assert Estimated().count(["漢字漢字漢字漢字"])[0] > Estimated().count(["abcdabcd"])[0]


def test_the_rates_are_those_that_the_script_fits() -> None:
    rows = table("measurements/characters_per_token")
    fitted = fit(rows)
    for script, rate in rates().items():
        assert rate == pytest.approx(fitted[script], abs=1e-4)
        assert 0 < rate.low < rate.expected < rate.high


def test_a_tokenizer_that_was_not_fitted_lies_inside_the_range() -> None:
    rows = table("measurements/characters_per_token")
    held = []
    for name in {row["tokenizer"] for row in rows}:
        rest = fit(row for row in rows if row["tokenizer"] != name)
        held.append(errors([row for row in rows if row["tokenizer"] == name], rest)[1])
    assert sum(held) / len(held) > 0.75
