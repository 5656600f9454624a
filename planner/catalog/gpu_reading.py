"""What a GPU's name means: the one card whose telling words it says, and the other cards that it leaves open.

words -> the catalogue's spelling -> entries of which every telling word is said, and nothing that the card has not ->
the likeliest
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from planner.catalog.gpu_entries import BRANDS, SERIES, VARIANTS, Entry, by_word, codenames, order
from planner.catalog.gpu_slices import Part, cut, part_of
from planner.catalog.gpu_words import LONGEST_NAME, MEMORY, Words, words_of
from planner.catalog.gpus import Gpu, gpus
from planner.core.errors import PlanError, did_you_mean

STATED = re.compile(r"\s*\[\s*(?:(\d{1,8})\s*/\s*)?(\d{1,8})\s*MiB\s*\]\s*$", re.IGNORECASE)
"""Memory of this very card behind its name:

`rtx-4090 [24564 MiB]`, with what is free of it `rtx-4090 [22100/24564 MiB]`.
"""

VENDOR = re.compile(r"^(?:nvidia|amd|ati|intel|apple) (?!tegra)")
BRACKETED = re.compile(r"\[([^\][]+)\]")
PARENTHESIS = re.compile(r"\(([^()]*)\)")
COUNT = re.compile(r"x?\d+x?")
SIBLINGS = frozenset({"ada", "pro", "maxq", "agx", "nx", "nano"})
"""Words that people leave out of a workstation card's or a module's name: an RTX 6000 may be Ada's."""

TOLERANCE = 0.03
"""Two figures of one memory: 80 GB in the name, 79.6 GiB by the driver, 75 in somebody's list."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a name means: the card that is taken, the words that it was read from, the other cards that it could be, and
    the part of the card.
    """

    gpu: Gpu
    words: Words
    others: tuple[Gpu, ...] = ()
    part: Part | None = None


def read(name: str, memory_mib: int | None = None) -> Reading:
    """The card that a name means.

    Args:
        memory_mib: total that its driver reports, which decides among variants and replaces the catalogue's figure.

    Raises:
        PlanError: when none is meant; the nearest names are offered.
    """
    found = find(name, memory_mib)
    if found is None:
        raise PlanError(_refusal(memory_of(name)[0]), "gpus")
    return found


@lru_cache(maxsize=4_096)
def find(name: str, memory_mib: int | None = None) -> Reading | None:
    """The card that a name means, or None; raises as `cut` does where a slice is named that its card cannot have."""
    text, stated_mib, free_mib = memory_of(name)
    if stated_mib is not None:
        stated = find(text, memory_mib or stated_mib)
        return stated and replace(stated, gpu=stated.gpu.with_free_mib(free_mib))
    found = (
        _part(text, memory_mib)
        or _card(text, memory_mib)
        or _inside(text, memory_mib)
        or _several(text, memory_mib)
        or _chip(text, memory_mib)
    )
    return found if found is None or memory_mib is None else replace(found, others=())


def memory_of(text: str) -> tuple[str, int | None, int | None]:
    """A name without the memory stated behind it, the total and the free MiB; see `STATED`."""
    stated = STATED.search(text[:LONGEST_NAME])
    if stated is None or not int(stated[2]):
        return text.strip(), None, None
    return text[: stated.start()].strip(), int(stated[2]), int(stated[1]) if stated[1] else None


def _part(text: str, memory_mib: int | None) -> Reading | None:
    """A slice of a card, or a vGPU."""
    part = None if _plain(text) in _exact() else part_of(text)
    ranked = _ranked(words_of(part.card), None, part) if part else []
    if part is None or not ranked or ranked[0].gpu.vendor != "NVIDIA" or ranked[0].gpu.unified:
        return None
    return Reading(cut(ranked[0].gpu, part, memory_mib), words_of(text), (), part)


def _card(text: str, memory_mib: int | None) -> Reading | None:
    """A card's name, in any order and spelling."""
    wanted = _without_codes(words_of(text))
    exact = _exact().get(_plain(text)) or _exact().get(_plain(MEMORY.sub(" ", text.lower())) if wanted.sizes_gb else "")
    if (
        exact is not None
        and _plain(text) not in _exact()
        and not all(sold_with(exact, size) for size in wanted.sizes_gb)
    ):
        exact = None
    if exact is not None and memory_mib is not None and not sold_with(exact, memory_mib / 1024):
        exact = None
    whole = exact is not None and _plain(text) in (exact.id, _plain(exact.name))
    ranked = [] if whole else _ranked(wanted, memory_mib, None)
    taken = exact or (ranked[0].gpu if ranked else None)
    if taken is None:
        return None
    own = next((entry for entry in ranked if entry.gpu is taken), None)
    others = dict.fromkeys(_also_meant(own, ranked, wanted) if own else ())
    return Reading(
        _with_memory(taken, wanted.sizes_gb, memory_mib), wanted, tuple(gpu for gpu in others if gpu is not taken)
    )


def _also_meant(taken: Entry, ranked: list[Entry], wanted: Words) -> list[Gpu]:
    """Cards that the words leave open beside the taken one: none of another form where a form is said, nor a sibling of
    the word that is left out.
    """
    form = _told(wanted) & VARIANTS & taken.own
    return [entry.gpu for entry in ranked if form <= entry.own] + ([] if form else _siblings(taken, wanted))


@cache
def _exact() -> dict[str, Gpu]:
    """Cards by id, name and alias as written; the first that claims an alias keeps it."""
    names = {_plain(name): gpu for gpu in gpus() for name in (gpu.id, gpu.name)}
    for gpu in gpus():
        for alias in gpu.aliases:
            names.setdefault(_plain(alias), gpu)
    return names


def _plain(text: str) -> str:
    return VENDOR.sub("", " ".join(text[:LONGEST_NAME].lower().replace("(r)", " ").replace("(tm)", " ").split()))


def is_name(text: str) -> bool:
    """Whether a text is a card's id, name or alias as written."""
    return _plain(text) in _exact()


def _ranked(wanted: Words, memory_mib: int | None, part: Part | None) -> list[Entry]:
    """Entries that the words mean, the likeliest first: nearest in memory, fewest words left unsaid, first in the
    table.
    """
    told = _told(wanted)
    if any(word in by_word() and any(map(str.isdigit, word)) for word in wanted.twice):
        return []
    near = {
        id(entry): entry
        for word in told
        for entry in by_word().get(word, ())
        if _means(told, wanted, entry, memory_mib)
    }
    return sorted(
        near.values(),
        key=lambda entry: (
            part.distance(entry.gpu) if part else _distance(entry.gpu, memory_mib),
            len(entry.own - told),
            entry.narrow and not (wanted.sizes_gb or wanted.cores),
            order()[id(entry)],
        ),
    )


def _means(told: frozenset[str], wanted: Words, entry: Entry, memory_mib: int | None) -> bool:
    """Whether the words say all that this name must say, and nothing that the card has not."""
    if not entry.telling <= told:
        return False
    bare = [float(word) if word.isdigit() else None for word in told - entry.own - entry.allowed]
    if None in bare or not all(_about(size, entry.sizes_gb) for size in bare if size):
        return False
    sizes = (*wanted.sizes_gb, *(size for size in bare if size))
    if sizes and not any(_about(size, entry.sizes_gb) for size in sizes):
        return False
    if entry.rare and not sizes and not (memory_mib and _about(memory_mib / 1024, entry.sizes_gb)):
        return False
    return not wanted.cores or entry.gpu.cores in wanted.cores


def _told(wanted: Words) -> frozenset[str]:
    """The words as the catalogue spells them:

    `h 100` is h100, `4090d` the 4090 d, `4090s` several 4090, and `4070s` the SUPER, `4090m` the laptop's.
    """
    known, words = by_word(), wanted.words
    found: list[str] = []
    index = 0
    while index < len(words):
        word, pair = words[index], "".join(words[index : index + 2])
        if (
            index + 1 < len(words)
            and pair in known
            and not (len(word) > 1 and word in known and words[index + 1] in known)
        ):
            word, index = pair, index + 1
        if word != "a" or any(map(str.isdigit, "".join(found[-1:]))):  # `a 3090` is one, and there is an RTX 3050 A
            found += [word] if word in known else _taken_apart(word)
        index += 1
    return frozenset(found)


def _taken_apart(word: str) -> list[str]:
    """An unknown word as one or two that the catalogue has, or as it is."""
    known = by_word()
    if (
        word[:-1].isdigit()
        and word.endswith("m")
        and any("laptop" in entry.telling for entry in known.get(word[:-1], ()))
    ):
        return [word[:-1], "laptop"]
    single = word[:-1] if word.endswith("s") else ""
    if word == "s" or (single.isdigit() and any("super" in entry.telling for entry in known.get(single, ()))):
        return [single, "super"] if single else ["super"]
    # An RX 6800S is a laptop's.
    if single in known and all(entry.gpu.vendor == "NVIDIA" or not single.isdigit() for entry in known[single]):
        return [single]
    return next(
        (
            [word[:cut_at], word[cut_at:]]
            for cut_at in range(len(word) - 1, 1, -1)
            if word[cut_at - 1].isdigit() != word[cut_at].isdigit()
            and word[:cut_at] in known
            and word[cut_at:] in known
        ),
        [word],
    )


def _distance(gpu: Gpu, memory_mib: int | None) -> float:
    """How far the card's memory is from what the driver reports."""
    if memory_mib is None:
        return 0.0
    if gpu.memory_options_gb:
        return 0.0 if sold_with(gpu, memory_mib / 1024) else 1.0
    return round(abs(gpu.capacity_bytes / 2**30 - memory_mib / 1024))


def sold_with(gpu: Gpu, memory_gb: float) -> bool:
    """Whether the card, or the unified machine around it, is sold with about this much memory."""
    return _about(memory_gb, (*(gpu.memory_options_gb or (gpu.memory_gb,)), gpu.capacity_bytes / 2**30))


def _about(memory_gb: float, sizes_gb: Iterable[float]) -> bool:
    return any(abs(size - memory_gb) <= TOLERANCE * size for size in sizes_gb)


def _with_memory(gpu: Gpu, stated_gb: Sequence[float], memory_mib: int | None) -> Gpu:
    if memory_mib is not None:
        return gpu.with_total_mib(memory_mib)
    size = next(
        (
            option
            for option in gpu.memory_options_gb
            for stated in stated_gb
            if abs(option - stated) <= TOLERANCE * option
        ),
        None,
    )
    return gpu if size is None else gpu.with_memory_gb(size)


def _siblings(taken: Entry, wanted: Words) -> list[Gpu]:
    """Workstation cards and modules whose names say one word more."""
    told = _told(wanted)
    if taken.gpu.vendor != "NVIDIA" or "geforce" in taken.allowed:
        return []
    near = {
        id(entry): entry
        for word in taken.telling
        for entry in by_word()[word]
        if set() < entry.telling - taken.telling <= SIBLINGS
        and taken.telling - entry.telling <= SERIES | BRANDS["NVIDIA"]
        and told <= entry.own | entry.allowed
    }
    return [near[key].gpu for key in sorted(near, key=order().__getitem__)]


def _inside(text: str, memory_mib: int | None) -> Reading | None:
    """The name within brackets, as lspci prints it:

    `GA102 [GeForce RTX 3090]`; or the one before parentheses that tell nothing of a card.
    """
    for inner in reversed(BRACKETED.findall(text)):
        found = _card(inner, memory_mib) or _several(inner, memory_mib)
        if found is not None:
            return found
    outside, dropped = text[:LONGEST_NAME], []
    while PARENTHESIS.search(outside):
        dropped += PARENTHESIS.findall(outside)
        outside = PARENTHESIS.sub(" ", outside)
    beside = words_of(" ".join(dropped))
    if (
        not dropped
        or beside.sizes_gb
        or beside.cores
        or _telling(beside)
        or any(COUNT.fullmatch(word) for word in beside.words)
    ):
        return None
    return _card(outside, memory_mib)


def _several(text: str, memory_mib: int | None) -> Reading | None:
    """A name that offers several cards, as drivers print where they cannot tell:

    `MI60 / MI50`; the nearest in memory or else the least is taken.
    """
    pieces = [piece for piece in text.split("/") if piece.strip()]
    found = [one for one in (_card(piece, memory_mib) for piece in pieces[:8]) if one is not None]
    if len(pieces) < 2 or len(found) < len(pieces):
        return None
    taken = min(found, key=lambda one: _distance(one.gpu, memory_mib) if memory_mib else one.gpu.capacity_bytes)
    return replace(taken, others=tuple(dict.fromkeys(one.gpu for one in found if one.gpu.id != taken.gpu.id)))


def _chip(text: str, memory_mib: int | None) -> Reading | None:
    """The card of a chip's code name or target, which a driver prints where it knows no product:

    `AMD Radeon Graphics (RADV GFX1151)`.
    """
    wanted = words_of(text)
    codes = [word for word in wanted.words if word in codenames()]
    if not codes or _telling(wanted):
        return None
    gpu = codenames()[codes[0]]
    same = [
        one
        for one in gpus()
        if one.compute_capability == gpu.compute_capability and one.vendor == gpu.vendor and one is not gpu
    ]
    if memory_mib is not None:
        gpu = min((gpu, *same), key=lambda one: _distance(one, memory_mib))
    return Reading(_with_memory(gpu, wanted.sizes_gb, memory_mib), wanted, tuple(same))


def _telling(wanted: Words) -> bool:
    """Whether any word tells a card from others; a brand alone does not."""
    return any(
        word in by_word() for word in _told(_without_codes(wanted)) - SERIES - frozenset().union(*BRANDS.values())
    )


def _without_codes(wanted: Words) -> Words:
    return replace(wanted, words=tuple(word for word in wanted.words if word not in codenames()))


def _refusal(text: str) -> str:
    """Why no card is meant: a memory that it isn't sold with, or no such name, with the nearest by model number or by
    spelling.
    """
    wanted = _without_codes(words_of(text))
    for entry in _ranked(replace(wanted, sizes_gb=()), None, None)[:1]:
        if wanted.sizes_gb:
            sizes = sorted(
                {
                    size
                    for gpu in {one.gpu for one in _ranked(replace(wanted, sizes_gb=()), None, None)}
                    for size in gpu.memory_options_gb or (gpu.memory_gb,)
                }
            )
            return (
                f"{short(entry.gpu)} is sold with {either(f'{size:g}' for size in sizes)} GB, not with"
                f" {wanted.sizes_gb[0]:g}: write one of these sizes."
            )
    told = _told(wanted)
    near = {id(entry): entry for word in told if any(map(str.isdigit, word)) for entry in by_word().get(word, ())}
    ranked = sorted(
        near.values(), key=lambda entry: (-len(entry.telling & told), len(entry.telling - told), order()[id(entry)])
    )
    nearest = list(dict.fromkeys(short(entry.gpu) for entry in ranked))[:3]
    if nearest:
        return (
            f"No GPU is called {text[:60]!r}. Did you mean {either(nearest)}? Write its name in full, or pick one from"
            " the list."
        )
    return (
        "No GPU is called"
        f" {text[:60]!r}.{did_you_mean(text[:LONGEST_NAME], [gpu.name.removeprefix('GeForce ') for gpu in gpus()])}"
        " Pick one from the list."
    )


def short(gpu: Gpu) -> str:
    """A card's name without its brand, its memory and what stands in parentheses."""
    name = re.sub(r"\s*\([^)]*\)", "", gpu.name).removeprefix("GeForce ").removeprefix("Apple ")
    return re.sub(r"\s+\d+(?:\.\d+)?GB$", "", name)


def either(names: Iterable[object]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    listed = [str(name) for name in names]
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " or " + listed[-1]
