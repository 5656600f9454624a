"""Names of GPUs in every spelling, by one rule.

A name becomes words: `NVIDIA GeForce RTX 4090 Laptop GPU` is {rtx, 4090, laptop}. A card is meant when every word of the name
is among the card's own words (its memory type and vendor words are optional), and of several such cards the one with the
fewest words left over. So `4090` is the RTX 4090 and never the laptop's, and a word that no card has matches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from planner.errors import PlanError, did_you_mean
from planner.hardware.catalog import Gpu, gpus

LONGEST_NAME = 200
MOST_PARTS = 64

NOISE = frozenset(
    "nvidia geforce amd radeon intel apple corporation inc arc r tm c gpu graphics tesla quadro instinct generation edition workstation series"
    " with max design per device google aws huawei cloud core cores angle metal renderer device studio mac data center opengl engine jetson"
    " desktop accelerator nvlink the card unspecified version vs_5_0 ps_5_0 vs ps direct3d11 direct3d12 d3d11 d3d12 radv vulkan".split()
) - {"max"}
"""Words that tell no two cards apart."""

SPLIT = re.compile(
    r"(?<=\d)(?=(?:ti|xtx|xt|super|gre|max|ultra|pro|sff|sxm|pcie|nvl|laptop|mobile)\b)|(?<=\b(?:rtx|gtx))(?=\d)|(?<=\brx)(?=\d)|(?<=ti)(?=super)"
)
MEMORY = re.compile(r"\b(\d{1,4})\s*(?:gb|gib|g)\b")
CORES = re.compile(r"\b(\d{1,3})[ -]?cores?\b(?:[ -]?gpu)?")
WORD = re.compile(r"[a-z0-9.]+")
PCI_ID = re.compile(r"\b0x[0-9a-f]{4}\b")
SYNONYMS = {"mobile": "laptop", "notebook": "laptop", "sxm2": "sxm", "sxm3": "sxm", "sxm4": "sxm", "sxm5": "sxm"}
SEPARATOR = re.compile(r"\s*(?:(?<!max)\+|[;,&]|\band\b)\s*", re.IGNORECASE)
COUNT = re.compile(r"^\s*(\d{1,4})\s*[x×*]\s*(.+)$|^(.+?)\s+[x×*]\s*(\d{1,4})\s*$|^\s*(\d{1,2})\s+(\S.*)$", re.IGNORECASE)
STATED = re.compile(r"\s*\[\s*(?:(\d{1,8})\s*/\s*)?(\d{1,8})\s*MiB\s*\]\s*$", re.IGNORECASE)
"""Memory of this very card behind its name: `rtx-4090 [24564 MiB]`, with what is free of it `rtx-4090 [22100/24564 MiB]`."""


@dataclass(frozen=True, slots=True)
class Words:
    """A name taken apart: its telling words, and the memory in GB that it states."""

    words: frozenset[str]
    memory_gb: float | None


def words_of(text: str) -> Words:
    """The telling words of a name; `7900xtx`, `RX 7900 XTX` and `radeon rx7900 xtx` give the same."""
    plain = PCI_ID.sub(" ", text.lower()[:LONGEST_NAME]).replace("(r)", " ").replace("(tm)", " ").replace("max-q", "maxq")
    plain = CORES.sub(r" \1c ", SPLIT.sub(" ", re.sub(r"[()_/,\-]+", lambda m: "-" if m[0] == "-" else " ", plain)))
    memory = MEMORY.search(plain)
    found = {SYNONYMS.get(word, word) for word in WORD.findall(MEMORY.sub(" ", plain))}
    return Words(frozenset(found - NOISE), float(memory[1]) if memory else None)


@dataclass(frozen=True, slots=True)
class Entry:
    """A card under one of its names: the words it must have, and those it may have besides."""

    gpu: Gpu
    words: frozenset[str]
    memory_gb: float | None
    optional: frozenset[str]


@cache
def _entries() -> tuple[Entry, ...]:
    entries = []
    for gpu in gpus():
        optional = words_of(f"{gpu.memory_type} {gpu.architecture} {gpu.form_factor}").words
        for name in (gpu.name, *gpu.aliases):
            own = words_of(name)
            entries.append(Entry(gpu, own.words, own.memory_gb, optional))
    return tuple(entries)


@cache
def _exact() -> dict[str, Gpu]:
    """Cards by id, name and alias as written; the first that claims an alias keeps it."""
    names: dict[str, Gpu] = {}
    for gpu in gpus():
        for name in (gpu.id, gpu.name):
            names[name.lower()] = gpu
    for gpu in gpus():
        for alias in gpu.aliases:
            names.setdefault(alias.lower(), gpu)
    return names


@lru_cache(maxsize=4_096)
def resolve(name: str, memory_mib: int | None = None) -> Gpu:
    """The GPU that a name means, in any spelling; see the module for the rule.

    Args:
        name: as NVML, Vulkan, Metal, WebGL, a shop or a person spells it.
        memory_mib: total that its driver reports, which picks among variants and replaces the catalogue's figure.

    Raises:
        PlanError: when none is meant; the nearest names are offered.
    """
    text, stated_mib, free_mib = memory_of(name)
    if stated_mib is not None:
        return resolve(text, memory_mib or stated_mib).with_free_mib(free_mib)
    exact = _exact().get(text.lower())
    if exact is not None and (memory_mib is None or _close(exact, memory_mib / 1024)):
        return _with_memory(exact, None, memory_mib)
    for spelling in (text, re.sub(r"\([^)]*\)", " ", text), *re.split(r"[(),:]", text)):
        wanted = words_of(spelling)
        found = _best(wanted, memory_mib)
        if found is not None:
            return _with_memory(found, wanted.memory_gb, memory_mib)
    known = [gpu.name.removeprefix("GeForce ") for gpu in gpus()]
    raise PlanError(f"No GPU is called {text[:60]!r}.{did_you_mean(text[:LONGEST_NAME], known)} Pick one from the list.", "gpus")


def memory_of(text: str) -> tuple[str, int | None, int | None]:
    """A name without the memory stated behind it, the total and the free MiB; see `STATED`."""
    stated = STATED.search(text[:LONGEST_NAME])
    if stated is None or not int(stated[2]):
        return text.strip(), None, None
    return text[: stated.start()].strip(), int(stated[2]), int(stated[1]) if stated[1] else None


def with_memory(name: str, total_mib: int | None, free_mib: int | None) -> str:
    """A name with this card's memory behind it, as `memory_of` reads it."""
    if total_mib is None:
        return name
    return f"{name} [{total_mib} MiB]" if free_mib is None else f"{name} [{free_mib}/{total_mib} MiB]"


def _best(wanted: Words, memory_mib: int | None) -> Gpu | None:
    """The card with every wanted word and the fewest of its own left over; the stated memory decides among equals."""
    if not wanted.words:
        return None
    memory = wanted.memory_gb or (memory_mib / 1024 if memory_mib else None)
    ranked = []
    for order, entry in enumerate(_entries()):
        missing = wanted.words - entry.words - entry.optional
        bare = {word for word in missing if word.isdigit() and _sold_with(entry.gpu, float(word))}
        if missing - bare or not wanted.words & entry.words:
            continue
        if wanted.memory_gb and not _sold_with(entry.gpu, wanted.memory_gb):
            continue
        left_over = len(entry.words - wanted.words)
        narrower = entry.memory_gb is not None and wanted.memory_gb is None
        distance = abs(entry.gpu.capacity_bytes / 2**30 - memory) if memory and not entry.gpu.memory_options_gb else 0.0
        ranked.append((left_over, round(distance), narrower, order, entry.gpu))
    return min(ranked, key=lambda rank: rank[:4])[4] if ranked else None


def _sold_with(gpu: Gpu, memory_gb: float) -> bool:
    """Whether the card, or the unified machine around it, is sold with about this much memory."""
    return any(abs(size - memory_gb) <= 0.08 * size for size in (gpu.memory_gb, *gpu.memory_options_gb, gpu.capacity_bytes / 2**30))


def _close(gpu: Gpu, memory_gib: float) -> bool:
    return bool(gpu.memory_options_gb) or _sold_with(gpu, memory_gib)


def _with_memory(gpu: Gpu, stated_gb: float | None, memory_mib: int | None) -> Gpu:
    if memory_mib is not None:
        return gpu.with_total_mib(memory_mib)
    if stated_gb and gpu.memory_options_gb and stated_gb != gpu.memory_gb:
        return gpu.with_memory_gb(stated_gb)
    return gpu


def parse_gpus(text: str) -> list[tuple[str, int]]:
    """Names and counts: `2x RTX 4090 + RTX 3090`, `RTX 4090 x2`, `4× A100 80GB, 1 L4`; nothing for an empty text.

    Raises:
        PlanError: when a count is zero or the list is absurdly long.
    """
    pieces = [piece for piece in SEPARATOR.split(text.strip()[:10_000]) if piece.strip()]
    if len(pieces) > MOST_PARTS:
        raise PlanError(f"A plan lists at most {MOST_PARTS} kinds of GPU; group equal ones as in 8x H100.", "gpus")
    found = []
    for piece in pieces:
        match = COUNT.match(piece) if piece.lower() not in _exact() else None
        count, name = (1, piece) if match is None else (int(match[1] or match[4] or match[5]), (match[2] or match[3] or match[6]))
        if count < 1:
            raise PlanError(f"The count of {name.strip()[:60]} must be at least 1.", "gpus")
        found.append((name.strip()[:LONGEST_NAME], count))
    return found
