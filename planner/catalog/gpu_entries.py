"""The catalogue's cards under every name that they have, each name split into what it must say, what it may leave out,
and what is only decoration.

    GeForce RTX 4070 Ti SUPER:  must say 4070, ti, super;  may leave out geforce, rtx
    H100 PCIe 80GB:             must say h100;             may leave out pcie and 80GB, and the answer then says which
    was taken
    RTX 6000 Ada Generation:    must say 6000, ada:        a bare number is another card's

A name means a card when it says all that the card's name must say, and nothing that the card does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from planner.catalog.gpu_words import own_words
from planner.catalog.gpus import Gpu, by_id, gpus
from planner.core.data import table

SERIES = frozenset({"rtx", "gtx", "gt", "rx", "cmp", "3", "5", "7", "9"})
"""Words that say nothing beside a model number: a Core Ultra 7 155H is the 155H."""

BRANDS = {
    "NVIDIA": frozenset({"nvidia", "geforce", "quadro", "tesla", "jetson", "grid", "tegra"}),
    "AMD": frozenset({"amd", "ati", "radeon", "instinct", "advanced", "micro", "ryzen", "firepro"}),
    "Intel": frozenset({"intel", "arc"}),
    "Apple": frozenset({"apple"}),
}
SXM = frozenset({"sxm", "sxm2", "sxm3", "sxm4", "sxm5", "sxm6"})
GENERATIONS = frozenset({"ada", "lovelace", "blackwell", "hopper", "ampere", "turing", "volta", "pascal", "maxwell"})
BARE = frozenset({"laptop", "sff", "maxq"})
"""Words beside which a number is still bare: an RTX 5000 Laptop is of no one generation."""

VARIANTS = SXM | {"pcie", "nvl", "oam", "dgxs", "fhhl", "workstation", "server", "lp", "active", "passive"}
"""Words of a board's form: one name covers them all, and the answer says which was taken."""

RARE = frozenset({"modified", "special"})
"""Refitted cards, and those made for one buyer: meant only where their memory is named."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A card under one of its names.

    Attributes:
        telling: words that a name must have to mean it.
        own: all words of this name.
        allowed: words that a name may have besides.
        narrow: whether this name states a memory or GPU cores.
        sizes_gb: memory that the card is sold with, by the table, its driver or one of its names.
        rare: whether it is meant only where its memory is named.
    """

    gpu: Gpu
    telling: frozenset[str]
    own: frozenset[str]
    allowed: frozenset[str]
    narrow: bool
    sizes_gb: tuple[float, ...]
    rare: bool


@cache
def entries() -> tuple[Entry, ...]:
    """Every card under its name and its aliases, in the order of the table."""
    return tuple(entry for gpu in gpus() for entry in _entries(gpu))


def _entries(gpu: Gpu) -> list[Entry]:
    names = [own_words(name) for name in (gpu.name, *gpu.aliases)]
    every = frozenset(word for one in names for word in one.words)
    form = every | _words(gpu.form_factor)
    sockets = SXM if "sxm" in form else {"sxm"} if SXM & form else set()
    kinds = _words(gpu.memory_type if "geforce" in every else f"{gpu.memory_type} {gpu.architecture}")
    kinds |= {"series"} if any(word.isdigit() for word in every) else set()
    decoration = every | kinds | (form & VARIANTS) | sockets | _brands(gpu, every)
    sizes = (
        *(gpu.memory_options_gb or (gpu.memory_gb,)),
        gpu.capacity_bytes / 2**30,
        *(size for one in names for size in one.sizes_gb),
    )
    found = []
    for one in names:
        own = frozenset(one.words) - RARE
        telling = _telling(own, gpu)
        if telling:
            found.append(
                Entry(gpu, telling, own, decoration, bool(one.sizes_gb or one.cores), sizes, bool(RARE & every))
            )
    return found


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(own_words(text).words)


def _brands(gpu: Gpu, every: frozenset[str]) -> frozenset[str]:
    """Brands that people and drivers put before such a card's name: a GeForce is no Quadro, nor the other way round."""
    brands = BRANDS.get(gpu.vendor, frozenset({gpu.vendor.lower()}))
    if gpu.vendor == "NVIDIA":
        return (
            brands
            - ({"quadro", "tesla"} if {"geforce", "titan"} & every else {"geforce"})
            - (frozenset() if _lettered(every) else {"quadro"})
        )
    return brands - ({"arc"} if gpu.vendor == "Intel" and "arc" not in every else frozenset())


def _lettered(words: frozenset[str]) -> bool:
    """Whether a model number with a letter stands among the words, as A4000 or T1000:

    Quadro then tells nothing more.
    """
    return any(word[0].isalpha() and any(letter.isdigit() for letter in word) for word in words)


def _telling(own: frozenset[str], gpu: Gpu) -> frozenset[str]:
    """What a name must say of a card: series, brand and generation may go as long as a model number remains that is not
    bare; of a name without a number at least two words are said, and a brand alone means no card.
    """
    rest = own - VARIANTS
    brands = BRANDS.get(gpu.vendor, frozenset({gpu.vendor.lower()})) - ({"arc"} if "pro" in own else frozenset())
    for droppable in (brands | SERIES | GENERATIONS, brands | SERIES, brands):
        kept = rest - droppable
        numbered = any(letter.isdigit() for word in kept for letter in word)
        if numbered and ({"geforce", "rx"} & own or not all(word.isdigit() or word in BARE for word in kept)):
            return kept
    return frozenset() if rest <= brands else rest - brands if len(rest - brands) > 1 else rest


@cache
def order() -> dict[int, int]:
    """Where each entry, by its identity, stands in the table."""
    return {id(entry): index for index, entry in enumerate(entries())}


@cache
def by_word() -> dict[str, tuple[Entry, ...]]:
    """Entries by each of the words that they must have."""
    index: dict[str, list[Entry]] = {}
    for entry in entries():
        for word in entry.telling:
            index.setdefault(word, []).append(entry)
    return {word: tuple(found) for word, found in index.items()}


@cache
def codenames() -> dict[str, Gpu]:
    """What drivers print where they know no product: an architecture's target or a chip's code name, and the card that
    it is taken for.
    """
    return {row["code"]: by_id()[row["gpu"]] for row in table("gpu_codenames")}
