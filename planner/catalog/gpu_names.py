"""Names of GPUs in every spelling, by one rule, what a name leaves open, and lists of them with counts.

A card is meant when a name says every word that tells it from others, and nothing that it does not have: `4070 ti
super`, and never the laptop's card for `4090`. A name that only resembles a card is a question, never an answer. Where
several cards share a name one is taken, and `said` tells which and how to write the others. How it is done:
`name_words` -> `entries` -> `reading`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from planner.catalog.gpu_entries import by_word
from planner.catalog.gpu_reading import Reading, either, find, is_name, memory_of, read, short, sold_with
from planner.catalog.gpu_words import LONGEST_NAME
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError

__all__ = ["all_said", "memory_of", "parse_gpus", "resolve", "said", "spec_list", "with_memory"]

MOST_PARTS = 64
MOST_OF_A_KIND = 1_024
MOST_SAID = 6

SEPARATOR = re.compile(r"(?<!max)\+(?!:)|[;&\n]|,(?!\s*inc\b)|(?<=\s)(?:and|plus)(?=\s)", re.IGNORECASE)
NUMBERS = {
    "one": 1,
    "single": 1,
    "two": 2,
    "dual": 2,
    "double": 2,
    "twin": 2,
    "pair of": 2,
    "a pair of": 2,
    "couple of": 2,
    "a couple of": 2,
    "three": 3,
    "triple": 3,
    "four": 4,
    "quad": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "octa": 8,
    "ten": 10,
    "sixteen": 16,
}
BEFORE = re.compile(
    rf"^(?:\(?(\d{{1,4}})\s*[x×*]\s*\)?\s*|\(?[x×]\s*(\d{{1,4}})\)?\s+|(\d{{1,4}})\s+|({'|'.join(sorted(NUMBERS, key=len, reverse=True))})\s+)(?=\S)",
    re.IGNORECASE,
)
BEHIND = re.compile(r"\s*\(?\s*(?:[x×*]\s*(\d{1,4})|\s(\d{1,4})\s*[x×])\s*\)?\s*$", re.IGNORECASE)
COUNTED = re.compile(r"\s+(?=\d{1,4}\s*[x×]\s*[a-z0-9])", re.IGNORECASE)
"""Where the next count begins in `1x3090 1x3060`."""
RACK = re.compile(
    r"^(?:nvidia\s+)?(?:[dh]gx\s+(?P<eight>[ahb]\d{3}\b.*)|(?P<rack>gb\d{3})\s+nvl(?P<count>\d+))$", re.IGNORECASE
)
"""A machine by the GPUs that it holds: eight on a DGX or HGX board, as many as its name says in a rack."""
APART = re.compile(r"^(\d{1,4})\s*[x×*]\s+(\S.*)$", re.IGNORECASE)
PLURAL = re.compile(r"\b(\d{3,4})s\b", re.IGNORECASE)


def resolve(name: str, memory_mib: int | None = None) -> Gpu:
    """The GPU that a name means, in any spelling; see the module for the rule.

    Args:
        name: as NVML, Vulkan, Metal, WebGL, a shop or a person spells it; a MIG slice or a vGPU, too.
        memory_mib: total that its driver reports, which picks among variants and replaces the catalogue's figure.

    Raises:
        PlanError: when none is meant; the nearest names are offered.
    """
    return read(name, memory_mib).gpu


def with_memory(name: str, total_mib: int | None, free_mib: int | None) -> str:
    """A name with this card's memory behind it, as `memory_of` reads it."""
    if total_mib is None:
        return name
    return f"{name} [{total_mib} MiB]" if free_mib is None else f"{name} [{free_mib}/{total_mib} MiB]"


def said(name: str, memory_mib: int | None = None) -> str | None:
    """What a name leaves open and what was taken for it, in one sentence; None where it says all.

    Raises:
        PlanError: as `resolve`.
    """
    found = read(name, memory_mib)
    if found.part is not None:
        return found.part.sentence(found.gpu)
    if memory_mib is not None or memory_of(name)[1] is not None:
        return None
    named = short(found.gpu)
    if any(short(one) != named for one in found.others):
        listed = [one.name.removeprefix("GeForce ") for one in found.others]
        more = [f"{len(listed) - MOST_SAID + 1} more"] if len(listed) > MOST_SAID else []
        shown = listed[: MOST_SAID - 1] + more if more else listed
        size = (
            f" with {found.gpu.memory_gb:g} GB"
            if len(found.gpu.memory_options_gb) > 1 and not found.words.sizes_gb
            else ""
        )
        return (
            f"{found.gpu.name.removeprefix('GeForce ')}{size} is taken; the name could also mean {either(shown)}: write"
            " the name in full for another."
        )
    return _sizes(found, named)


def all_said(specs: Iterable[tuple[str, int | None]]) -> tuple[str, ...]:
    """What the names of a request leave open, each sentence once; nothing of names that mean no card."""
    found: dict[str, None] = {}
    for name, memory_mib in specs:
        try:
            sentence = said(name, memory_mib)
        except PlanError:
            continue
        if sentence:
            found[sentence] = None
    return tuple(found)


def _sizes(found: Reading, named: str) -> str | None:
    """A card or machine of one name that is sold with several sizes of memory, or numbers of GPU cores."""
    gpu, same = found.gpu, (found.gpu, *found.others)
    sizes = sorted({size for one in same for size in one.memory_options_gb or (one.memory_gb,)})
    cores = sorted({one.cores for one in same if one.cores})
    open_size = len(sizes) > 1 and not any(sold_with(gpu, size) for size in found.words.sizes_gb)
    open_cores = len(cores) > 1 and not found.words.cores
    if not open_size and not open_cores:
        return None
    sold = ([f"{either(f'{size:g}' for size in sizes)} GB"] if open_size else []) + (
        [f"{either(cores)} GPU cores"] if open_cores else []
    )
    taken = ([f"{gpu.memory_gb:g} GB"] if open_size else []) + ([f"{gpu.cores} cores"] if open_cores else [])
    other = (
        f"{max(size for size in sizes if size != gpu.memory_gb):g}GB"
        if open_size
        else f"{next(one for one in cores if one != gpu.cores)}-core"
    )
    verb = "are" if open_cores else "is"
    return (
        f"{named} is sold with {' and '.join(sold)}; {' and '.join(taken)} {verb} taken: write {named} {other} for"
        " another."
    )


def parse_gpus(text: str) -> list[tuple[str, int]]:
    """Names and counts:

    `2x RTX 4090 + RTX 3090`, `dual 3090`, `RTX 4090 x2`, `1x3090 1x3060`, `DGX H100`; nothing for an empty text.

    A number is a count only where what stands beside it is a card: the 7900 of a 7900xtx is none.

    Raises:
        PlanError: when a count is zero or more than a plan holds, nothing is named, or the list is absurdly long.
    """
    pieces = [piece for piece in _split(text.strip()[:10_000]) if piece.strip()]
    if text.strip() and not pieces:
        raise PlanError(
            f"{text.strip()[:20]!r} names no GPU. Write one, as in 2x RTX 4090, or leave the field empty for none.",
            "gpus",
        )
    if len(pieces) > MOST_PARTS:
        raise PlanError(f"A plan lists at most {MOST_PARTS} kinds of GPU; group equal ones as in 8x H100.", "gpus")
    found = []
    for name, count in (one for piece in pieces for one in _counted(piece)):
        if count < 1:
            raise PlanError(f"The count of {name[:60]} must be at least 1.", "gpus")
        if count > MOST_OF_A_KIND:
            raise PlanError(f"A plan holds at most {MOST_OF_A_KIND:,} GPUs; plan one replica and multiply.", "gpus")
        found.append((name[:LONGEST_NAME], count))
    return found


def spec_list(value: str | Sequence[Any]) -> list[Any]:
    """The `gpus` of a request as fields of its specs, however they are written: one text, or a list of texts and of
    specs.

    A name that is no card's but counts some, as `{"name": "dual 3090"}`, is that many; what is neither is left for the
    request to refuse.
    """
    if isinstance(value, str):
        listed = [(*memory_of(name), count) for name, count in parse_gpus(value)]
        return [
            {"name": name, "count": count, "memory_mib": total, "free_mib": free} for name, total, free, count in listed
        ]
    found: list[Any] = []
    for item in value:
        if isinstance(item, str):
            found += spec_list(item)
        elif (
            isinstance(item, Mapping)
            and isinstance(item.get("name"), str)
            and isinstance(item.get("count", 1), int)
            and not _is_card(item["name"])
        ):
            found += [
                {**item, "name": name, "count": count * item.get("count", 1)}
                for name, count in parse_gpus(item["name"])
            ] or [item]
        else:
            found.append(item)
    return found


def _split(text: str) -> list[str]:
    """The list's pieces; what stands in parentheses or brackets belongs to its name."""
    pieces, depth, start = [], 0, 0
    marks = {found.start(): found.end() for found in SEPARATOR.finditer(text)}
    for index, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]" and depth > 0)
        if depth == 0 and index in marks:
            pieces.append(text[start:index])
            start = marks[index]
    return [*pieces, text[start:]]


def _counted(piece: str) -> list[tuple[str, int]]:
    """The cards of one piece: those of a reading in which every name means one, or else as it is written."""
    piece = " ".join(piece.split())
    if is_name(memory_of(piece)[0]):
        return [(piece, 1)]
    together = COUNTED.split(piece)
    several = [_one(part) for part in together]
    if len(together) > 1 and all(_is_card(name) for name, _ in several):
        return several
    return [_one(piece)]


def _one(piece: str) -> tuple[str, int]:
    """The first reading that means a card, or, where none does, the count that stands apart."""
    meant = next(((name, count) for name, count in _readings(piece) if _is_card(name)), None)
    apart = APART.match(piece)
    return meant or ((apart[2], int(apart[1])) if apart else (piece, 1))


def _readings(piece: str) -> Iterator[tuple[str, int]]:
    """A count before or behind a name, a machine's, or none; a count before goes first, as in `16 A2`."""
    before, behind = BEFORE.match(piece), BEHIND.search(piece)
    if before:
        number = before[1] or before[2] or before[3]
        count = int(number) if number else NUMBERS[before[4].lower()]
        if count <= MOST_OF_A_KIND:
            yield from _several(piece[before.end() :], count)
    if behind and behind.start():
        yield from _several(piece[: behind.start()], int(behind[1] or behind[2]))
    yield from _several(piece, 1)


def _several(name: str, count: int) -> Iterator[tuple[str, int]]:
    """So many of a machine's cards, or of a name, of which the plural's s goes: two 4070s are no 4070 SUPER."""
    rack = RACK.match(name)
    if rack:
        yield (rack["rack"], count * int(rack["count"])) if rack["rack"] else (f"{rack['eight']} SXM", 8 * count)
    if count > 1:
        yield PLURAL.sub(lambda found: found[0] if found[0].lower() in by_word() else found[1], name), count
    yield name, count


def _is_card(name: str) -> bool:
    try:
        return find(*memory_of(name)[:2]) is not None
    except PlanError:
        return False
