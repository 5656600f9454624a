"""Small data sets that the tests write: the veterinary notes, and a tokenizer of words."""

from __future__ import annotations

import json

NOTES, TOKENS = 1_602, 1_602 * 103


def words_tokenizer() -> bytes:
    """A real tokenizer.json: every word is a token, by the `tokenizers` library's own writer."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.enable_truncation(8)  # as many published ones have it: counts must not stop there
    tokenizer.enable_padding(length=16)
    return tokenizer.to_str().encode()


def note_lengths() -> list[int]:
    """1,602 lengths from 60 to 200 tokens with a mean of exactly 103, the end-of-text token included."""
    lengths = [60 + index * 86 // (NOTES - 1) for index in range(NOTES)]
    lengths[-1] = 200
    short = TOKENS - sum(lengths)
    step = 1 if short > 0 else -1
    for index in range(abs(short)):
        lengths[1 + index % (NOTES - 2)] += step
    return lengths


def notes(lengths: list[int]) -> bytes:
    """JSON lines with so many words each, one fewer for the end-of-text token."""
    return b"\n".join(json.dumps({"text": " ".join(["w"] * (length - 1))}).encode() for length in lengths)
