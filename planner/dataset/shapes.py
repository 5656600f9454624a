"""The shapes in which people keep samples for fine-tuning, and the text that each becomes.

Chats gain marks around every message (the role, and where it begins and ends), other samples an end-of-text token.
Templates that put their own words around an instruction are not known here; their tokens come on top.
Source of the names: https://huggingface.co/docs/trl/dataset_formats and the Alpaca and ShareGPT files that they grew
from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARKS_OF_A_MESSAGE = 4
"""Tokens around a message besides its text and the break that joins it to the next:

ChatML writes `<|im_start|>`, role, break, `<|im_end|>`, Llama 3 `<|start_header_id|>`, role, `<|end_header_id|>`,
`<|eot_id|>`.
"""
END_OF_TEXT = 1

CHATS = ("messages", "conversations", "conversation", "chat")
PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "chosen"),
    ("question", "answer"),
    ("query", "response"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("input", "output"),
    ("source", "target"),
    ("inputs", "targets"),
)
TEXTS = ("text", "content", "document", "body", "note", "sentence", "prompt")


@dataclass(frozen=True, slots=True)
class Sample:
    """The text that the model trains on, the tokens that come besides it, and the shape that it was read from."""

    text: str
    extra_tokens: int
    shape: str


class UnreadableError(Exception):
    """Why a row is no sample."""


def sample(row: Any, column: str | None = None) -> Sample:
    """The sample in a row; `column` names the one to take whatever the others are.

    Raises:
        UnreadableError: when the row has none of the known shapes, or its text is empty or no text.
    """
    found = _found(row, column)
    if not found.text.strip():
        raise UnreadableError("has no text")
    return found


def _found(row: Any, column: str | None) -> Sample:
    if isinstance(row, str):
        return Sample(row, END_OF_TEXT, "text")
    if isinstance(row, list) and row and isinstance(row[0], Mapping):
        return _chat(row, "messages")
    if not isinstance(row, Mapping):
        raise UnreadableError("is neither an object nor a text")
    if column is not None:
        return Sample(_text(row.get(column), column), END_OF_TEXT, column)
    for key in CHATS:
        if row.get(key):
            return _chat(row[key], key)
    for first, second in PAIRS:
        if first in row and second in row:
            return _pair(row, first, second)
    for key in TEXTS:
        if key in row:
            return Sample(_text(row[key], key), END_OF_TEXT, key)
    texts = [key for key, value in row.items() if isinstance(value, str)]
    if len(texts) == 1:
        return Sample(row[texts[0]], END_OF_TEXT, str(texts[0]))
    names = ", ".join(str(key)[:40] for key in list(row)[:8])
    raise UnreadableError(f"has no field of a known shape; it has {names}" if names else "has no field")


def _pair(row: Mapping[str, Any], first: str, second: str) -> Sample:
    """A prompt and its answer; an instruction may have an input beside it.

    Of two answers (preference data) the longer one counts.
    """
    question, answer = row[first], row[second]
    middle = "input" if first == "instruction" and row.get("input") else ""
    shape = "/".join(
        filter(None, (first, middle, second, "rejected" if second == "chosen" and "rejected" in row else ""))
    )
    if shape.endswith("rejected") and len(str(row["rejected"])) > len(str(answer)):
        answer = row["rejected"]
    if isinstance(question, list) or isinstance(answer, list):
        messages = [
            part for side in (question, answer) for part in (side if isinstance(side, list) else [{"content": side}])
        ]
        return Sample(*_messages(messages), shape)
    parts = [_text(question, first), _text(row[middle], middle) if middle else "", _text(answer, second)]
    return Sample("\n".join(filter(None, parts)), END_OF_TEXT, shape)


def _chat(value: Any, key: str) -> Sample:
    if isinstance(value, str) and value.lstrip()[:1] == "[":  # a chat in a CSV cell
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise UnreadableError(f"has {key} that are no JSON") from None
    if not isinstance(value, list):
        raise UnreadableError(f"has {key} that are no list")
    return Sample(*_messages(value), key)


def _messages(messages: list[Any]) -> tuple[str, int]:
    """The texts of all messages on lines of their own, and the tokens of their marks."""
    texts = []
    for message in messages:
        if not isinstance(message, Mapping):
            raise UnreadableError("has a message that is no object")
        content = message.get("content", message.get("value", message.get("text")))
        if isinstance(content, list):  # parts: texts, and images that count elsewhere
            content = "\n".join(
                part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)
            )
        calls = message.get("tool_calls")
        texts.append(
            "\n".join(
                filter(
                    None,
                    (_text(content, "content"), json.dumps(calls, ensure_ascii=False, default=str) if calls else ""),
                )
            )
        )
    return "\n".join(texts), MARKS_OF_A_MESSAGE * len(texts)


def _text(value: Any, key: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise UnreadableError(f"has a {str(key)[:40]} that is no text")
