"""Words on the page: text that came from outside, shown as it is."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_JOINER = "\u2060"


def plain(text: str) -> str:
    """Text for a Markdown element in which nothing is Markdown: every mark is escaped, and no address becomes a
    link.
    """
    joined = _ADDRESS.sub(lambda match: match[0][0] + _JOINER + match[0][1:] + _JOINER, " ".join(text.split()))
    return _PUNCTUATION.sub(r"\\\1", joined)


def slug(text: str) -> str:
    """Text as it stands in an address: small letters, with a dash for each space."""
    return "-".join(text.lower().split())
