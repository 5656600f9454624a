"""Formats of weights as people and repositories write them:

`Q4_K - Medium`, `4-bit`, `GPTQ-Int4`, `mlx-8bit`, `UD-Q4_K_XL`.

Words are those of `data/format_words.csv`; types of GGUF files are found in any spelling of their own names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Literal

from planner.core.data import table
from planner.engines.info import info
from planner.quantization import formats
from planner.quantization.gguf import canonical, file_types
from planner.quantization.gguf_mix import variants

Kind = Literal["gguf", "mlx", "checkpoint", "bnb", "plain", "width", "other"]

DYNAMIC = (
    "{text} is a mix that its publisher makes for each model: planned as {format}, from which published ones differ by"
    " -6% to +15%; only the .gguf itself tells."
)
"""Seen: UD-Q4_K_XL of Qwen3 Coder 30B and Qwen3 Next, UD-Q8_K_XL of Gemma 3 12B and Qwen3 30B."""
QAT = (
    "Weights trained for 4 bits are planned as Q4_0; Google's own files of Gemma 3 also keep their embedding in 16"
    " bits, which adds up to 1.7 GB."
)
OTHER_MLX = "MLX's {method} is planned as {format}, which differs by a fraction of a bit."
SOME_KEPT = "Unsloth keeps some layers of its 4-bit weights in 16 bits, which is not counted."


@dataclass(frozen=True, slots=True)
class Written:
    """A format as it was written.

    Attributes:
        text: as people read it.
        kind: whose files; `plain` is unquantized, `width` names bits and nothing else, `other` is run by no engine
            here.
        format: as requests spell it; "" where only the kind or the width is told.
        bits: of a weight, where they are told; 0 elsewhere.
        imatrix: whether the file was made with an importance matrix, where that is told.
        note: what the reader must know, or "".
    """

    text: str
    kind: Kind
    format: str = ""
    bits: int = 0
    imatrix: bool = False
    note: str = ""

    def on(self, engine: str) -> str:
        """The format as this engine has it; "" where the engine's own choice is meant, or it has none of this width."""
        if self.kind == "width" or (self.kind == "mlx" and self.bits and engine != "mlx"):
            return info(engine).of_width(self.bits)
        return self.format


TYPE = re.compile(
    r"(?<![a-z0-9])(?P<dynamic>ud[-_ ]+)?(?P<weighted>i1[-_ ]+)?"
    r"(?P<type>(?:iq|tq|q)[1-8](?:[-_ ]?k(?:[-_ ]?(?:xxs|xs|xxl|xl|nl|s|m|l))?|[-_ ]?[01](?:[-_][48][-_][48])?|[-_"
    r" ]?(?:xxs|xs|xl|nl|s|m|l))?)"
    r"(?:\s+-\s+(?P<size>small|medium|large)|\s+(?P<mix>mix))?(?![a-z0-9])(?:[-\s]+ternary)?",
    re.IGNORECASE,
)
"""A type of a GGUF file, with what publishers put before it and what llama.cpp prints after it."""

SPACED = (
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?[-_ ]?bpw\b", re.IGNORECASE), " "),
    (re.compile(r"\b(mxfp4)[-_ ]moe\b", re.IGNORECASE), r"\1"),
    (re.compile(r"(?<=[2-8])[-_ ]?bits?(?![a-z0-9])", re.IGNORECASE), "bit"),
    (re.compile(r"\b(int|fp)[-_ ](?=(?:4|8|16)\b)", re.IGNORECASE), r"\1"),
)
"""Words that are written with a space as often as without, and a size that only says the same again."""

WEIGHTED = frozenset({"i1", "im", "imat", "imatrix"})
WORD = re.compile(r"[a-z0-9]+", re.IGNORECASE)
WIDTH = re.compile(r"int([48])|([2-8]|16|32)bit")


@lru_cache(maxsize=4_096)
def whole(text: str) -> Written | None:
    """The format that a text names, when it names nothing else."""
    rest, found = split(text)
    return found if found and not re.search(r"[^\W_]", rest) else None


def split(text: str) -> tuple[str, Written | None]:
    """A name without the format in it, and that format; the name as it is where it has none."""
    if not _hints().search(text):
        return text, None
    for pattern, plain in SPACED:
        text = pattern.sub(plain, text)
    facts = _Facts()
    rest = WORD.sub(facts.word, TYPE.sub(facts.type, text))
    found = facts.joined()
    return (rest, found) if found else (text, None)


@dataclass
class _Facts:
    """What the words of one name say of its format."""

    told: dict[str, str] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    gguf: Written | None = None

    def type(self, match: re.Match[str]) -> str:
        found = _gguf(match)
        self.gguf = found or self.gguf
        return " " if found else match[0]

    def word(self, match: re.Match[str]) -> str:
        """Note a word that says something of the format, and leave a blank in its place."""
        word = match[0].lower()
        kind, format = _meaning(word)
        if not kind:
            return match[0]
        if kind == "beside":
            self.beside.add(word)
        else:
            self.told[kind] = format or self.told.get(kind, "")
        return " "

    def joined(self) -> Written | None:
        """One format of all that was told: whose files first, then their type or width."""
        told, width = self.told, int(self.told.get("width", 0))
        if "layout" in told:  # beside a method's name it only says the same again
            told.setdefault("checkpoint", told["layout"])
        if "other" in told:
            return Written(told["other"].upper(), "other")
        if "mlx" in told:
            return self._mlx(width)
        if "bnb" in told:
            return Written(
                "bitsandbytes",
                "bnb",
                {0: told["bnb"], 4: told["bnb"], 8: "int8"}.get(width, f"bnb-{width}bit"),
                width,
                note=SOME_KEPT if "unsloth" in self.beside else "",
            )
        weighted = bool(self.beside & WEIGHTED)
        if self.gguf:
            return replace(self.gguf, imatrix=weighted or self.gguf.imatrix)
        if "checkpoint" in told:
            format = told["checkpoint"].replace("int4", f"int{width}") if width else told["checkpoint"]
            return Written(
                format.upper(),
                "gguf" if "gguf" in told else "checkpoint",
                (canonical(format) or format) if "gguf" in told else format,
            )
        if "plain" in told:
            return Written(told["plain"].upper(), "gguf" if "gguf" in told else "plain", told["plain"])
        if "gguf" in told:
            return Written(
                told["gguf"] or "GGUF", "gguf", told["gguf"], imatrix=weighted, note=QAT if told["gguf"] else ""
            )
        return Written(f"{width}-bit", "width", bits=width) if width else None

    def _mlx(self, width: int) -> Written:
        method = self.told.get("checkpoint", "")
        width = width or (
            4 if method.endswith("4") else 8 if method.endswith("8") else self.gguf.bits if self.gguf else 0
        )
        format = f"mlx-{width}bit" if 0 < width < 16 else self.told.get("plain", "bf16" if width == 16 else "")
        note = (
            OTHER_MLX.format(method=method, format=format) if method and not method.startswith(("awq", "gptq")) else ""
        )
        return Written(f"MLX {width}-bit" if width else "MLX", "mlx", format, width, note=note)


def _gguf(match: re.Match[str]) -> Written | None:
    """A type of a file in its own spelling; a mix that is made for each model by the standard one it is made around."""
    text = _squeezed(match["type"])
    sized = text + (match["size"] or "")[:1].upper() if not match["mix"] else text[:-1] + "M"
    bits = int(re.sub(r"\D", "", text)[0])
    known = _types().get(sized) or _types().get(text)
    if known and not match["dynamic"]:
        return Written(known, "gguf", known, bits, bool(match["weighted"]))
    stem = text.removesuffix("XL").removesuffix("L") if text.endswith("L") else text
    around = _types().get(stem)
    shown = ("UD-" if match["dynamic"] else "") + re.sub(r"[- ]", "_", match["type"].upper())
    return Written(shown, "gguf", around, bits, note=DYNAMIC.format(text=shown, format=around)) if around else None


@cache
def _types() -> dict[str, str]:
    """Every type of a GGUF file by the letters and digits of its name, and by the shorter names in use."""
    short = {
        word.upper(): row["format"]
        for row in table("format_words")
        if row["kind"] == "gguf" and row["format"]
        for word in row["word"].split("|")
    }
    return {word: format for word, format in short.items() if re.fullmatch(r"I?Q\d[K048]*", word)} | {
        _squeezed(name): name for name in (*variants(), *file_types())
    }


def _squeezed(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())


@lru_cache(maxsize=4_096)
def _meaning(word: str) -> tuple[str, str]:
    """What a word says: (kind, format), or two empty texts."""
    width = WIDTH.fullmatch(word)
    if width:
        return "width", width[1] or width[2]
    for pattern, kind, format in _words():
        if pattern.fullmatch(word):
            return kind, format or (word if kind == "other" else "")
    return "", ""


@cache
def _hints() -> re.Pattern[str]:
    """What every name with a format has somewhere: most have nothing of it."""
    words = "|".join(row["word"] for row in table("format_words") if row["kind"] != "beside")
    return re.compile(rf"(?<![a-z0-9])(?:(?:{words})(?![a-z0-9])|[it]?q[1-8]|int)|\d[-_ ]?bit", re.IGNORECASE)


@cache
def _words() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(row["word"]), row["kind"], row["format"]) for row in table("format_words"))


def known(name: str) -> bool:
    """Whether a format is written as requests spell it."""
    return name.lower() == "auto" or name.lower() in formats.asked() or canonical(name) is not None
