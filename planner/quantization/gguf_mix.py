"""Which tensor of a GGUF takes which type: llama.cpp's quantization mixes, read from `data/gguf_mixes.csv`.

A rule is (file types, category, condition, type); the first that applies wins, and without one the tensor takes the
file type's base. Conditions are the predicates of `CONDITIONS`, several in a row must all hold. A type with an asterisk
becomes Q5_K in models of the 70B class. A rule that changed carries the builds that had it (`-1860` is up to that
build, `1861-` from it on), which
are known to the week: a file says when it was made, not by which build.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp, as of October 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from planner.core.data import table

NEWEST = 10**9
"""A build after all that changed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask of a model: queries per key-value head, experts, size class, and how and by which build it was
    quantized.
    """

    gqa: float
    experts: int
    is_70b: bool
    falcon: bool
    imatrix: bool
    build: int = NEWEST


def more_bits(index: int, count: int) -> bool:
    """The layers that get more bits in the medium mixes: the first and last eighth, and every third between."""
    return index < count // 8 or index >= 7 * count // 8 or (index - count // 8) % 3 == 2


CONDITIONS: dict[str, Callable[[Facts, int, int], bool]] = {
    "gqa4": lambda facts, index, count: facts.gqa >= 4,
    "gqa4_or_4_experts": lambda facts, index, count: facts.gqa >= 4 or facts.experts >= 4,
    "experts": lambda facts, index, count: facts.experts > 1,
    "8_experts": lambda facts, index, count: facts.experts == 8,
    "falcon": lambda facts, index, count: facts.falcon,
    "not_falcon": lambda facts, index, count: not facts.falcon,
    "imatrix": lambda facts, index, count: facts.imatrix,
    "no_imatrix": lambda facts, index, count: not facts.imatrix,
    "more": lambda facts, index, count: more_bits(index, count),
    "not_more": lambda facts, index, count: not more_bits(index, count),
    "first_2": lambda facts, index, count: index < 2,
    "first_4": lambda facts, index, count: index < 4,
    "first_eighth": lambda facts, index, count: index < count // 8,
    "first_sixteenth": lambda facts, index, count: index < count // 16,
    "middle": lambda facts, index, count: count // 8 <= index < 7 * count // 8,
}

OF_FACTS = frozenset(
    CONDITIONS[word]
    for word in ("gqa4", "gqa4_or_4_experts", "experts", "8_experts", "falcon", "not_falcon", "imatrix", "no_imatrix")
)
"""Conditions on the model alone; the others ask where a tensor stands."""

Rule = tuple[tuple[Callable[[Facts, int, int], bool], ...], str]


@cache
def block(name: str) -> tuple[int, int]:
    """Elements and bytes of one block of a ggml type."""
    return _blocks()[name]


@cache
def _blocks() -> dict[str, tuple[int, int]]:
    return {row["name"]: (int(row["block_elements"]), int(row["block_bytes"])) for row in table("gguf_types")}


@cache
def base_types() -> dict[str, str]:
    """Every file type with the ggml type of its ordinary tensors, best known first."""
    return {row["name"]: row["base_type"] for row in table("gguf_file_types")}


@cache
def variants() -> dict[str, tuple[str, str]]:
    """File types of publishers: the standard type whose rules they follow, and the type of embedding and output."""
    return {row["name"]: (row["file_type"], row["embedding_type"]) for row in table("gguf_variants")}


def base_type(file_type: str) -> str:
    """The ggml type of a file type's ordinary tensors."""
    return base_types()[variants().get(file_type, (file_type, ""))[0]]


@cache
def usual_imatrix(file_type: str) -> bool:
    """Whether publishers usually make this file type with an importance matrix."""
    return any(row["name"] == file_type and row["imatrix_default"] == "yes" for row in table("gguf_file_types"))


@cache
def matters(file_type: str) -> bool:
    """Whether an importance matrix changes the size of this file type."""
    return any("imatrix" in row["condition"] and file_type in row["file_types"].split() for row in table("gguf_mixes"))


def concerns(builds: str, build: int) -> bool:
    """Whether a range such as `-1860` or `1861-` holds a build; an empty one holds all."""
    first, _, last = builds.partition("-")
    return not builds or int(first or 0) <= build <= int(last or NEWEST)


@cache
def changes() -> tuple[int, ...]:
    """The first build after each change of a rule, in order."""
    ranges = [row["builds"].partition("-") for row in table("gguf_mixes") if row["builds"]]
    return tuple(sorted({int(first) if first else int(last) + 1 for first, _, last in ranges}))


def era(build: int) -> int:
    """The first build with the same rules as this one: 0, or the last change up to it."""
    return max((first for first in changes() if first <= build), default=0)


@cache
def rules(file_type: str, category: str, build: int = NEWEST) -> tuple[Rule, ...]:
    """The rules for one category in one file type as a build had them, in order; an empty type means the base."""
    standard, embedding = variants().get(file_type, (file_type, ""))
    if standard != file_type:
        return (((), embedding),) if category in ("output", "token_embd") else rules(standard, category, build)
    found = []
    for row in table("gguf_mixes"):
        named = row["category"] == category and (row["file_types"] == "*" or file_type in row["file_types"].split())
        if named and concerns(row["builds"], build):
            found.append(
                (tuple(CONDITIONS[word] for word in row["condition"].split()), row["type"] or base_types()[file_type])
            )
    return tuple(found)


@lru_cache(maxsize=4_096)
def narrowed(file_type: str, category: str, facts: Facts) -> tuple[Rule, ...]:
    """The rules that a model leaves open: those whose facts hold, with only their conditions on the position, up to one
    without any.

    The last is the file type's base. A rule without conditions says that all tensors of the category have one type.
    """
    found: list[Rule] = []
    for conditions, name in (*rules(file_type, category, facts.build), ((), base_type(file_type))):
        if all(condition(facts, 0, 1) for condition in conditions if condition in OF_FACTS):
            placed = tuple(condition for condition in conditions if condition not in OF_FACTS)
            found.append((placed, ("Q5_K" if facts.is_70b else name[:-1]) if name.endswith("*") else name))
            if not placed:
                break
    return tuple(found)


def type_of(file_type: str, category: str, facts: Facts, index: int, count: int) -> str:
    """The type that the mix gives to the `index`-th of `count` tensors of a category."""
    for conditions, name in narrowed(file_type, category, facts):
        for condition in conditions:
            if not condition(facts, index, count):
                break
        else:
            return name
    return base_type(file_type)


def moves(file_type: str, category: str, facts: Facts) -> bool:
    """Whether tensors of a category have different types by where they stand."""
    return len(narrowed(file_type, category, facts)) > 1


FALLBACK = {
    "Q2_K": "Q4_0",
    "Q3_K": "Q4_0",
    "TQ1_0": "Q4_0",
    "TQ2_0": "Q4_0",
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}
"""Types with blocks of 256 give way to these where a row is no multiple of 256; the IQ types to IQ4_NL."""


@cache
def fitting(name: str, row: int) -> str:
    """The type itself where its blocks divide a row, else what llama.cpp falls back to;

    F16 where even 32 does not divide it.
    """
    if row % block(name)[0] == 0:
        return name
    name = FALLBACK.get(name, "IQ4_NL" if name.startswith("IQ") else name)
    return name if row % block(name)[0] == 0 else "F16"
