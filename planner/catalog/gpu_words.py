"""A GPU's name taken apart: its words in one spelling, and the memory and the GPU cores that it states.

`7900xtx`, `RX 7900 XTX` and `AMD Radeon RX 7900 XTX (RADV NAVI31)` name one card. What drivers and browsers wrap around
a name goes first, then figures with a unit, then words that tell no two cards apart. Nothing here knows the catalogue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_NAME = 200

WRAPPING = re.compile(
    r"/pcie/sse2|\b0x[0-9a-f]{4,8}\b|\b\d+(?:\.\d+){2,}[\w.-]*|\bdirect3d\d*|\bd3d\d+[\w.-]*|\b[vp]s_\d_\d\b|\b(?:llvm|drm|opengl|vulkan|mesa)\s*\d*(?:\.\d+)*"
    r"|\(rev [0-9a-f]+\)|:?sramecc[+-]?|:?xnack[+-]?|\br(?=\d\b)|\(nvgpu\)",
)
"""What renderers and drivers print around a name: slots, addresses, versions, shader models."""

PHRASES = re.compile(
    r"\bmacbook(?: (?:pro|air|neo))?(?: 1[3-6])?\b|\bmac (?:studio|mini|pro)\b|\bimac(?: pro)?\b|\b1[3-6](?:\.\d)?["
    r" -]?(?:inch|in\b|\"|″)|\brog strix\b|\b(?:asus|ax) dual\b"
    r"|\bdual slot\b|\bfounders? edition\b|\b\d+ ?[gt]b ssd\b|\bpci[ -]?e(?:xpress)?(?: \d(?:\.\d)?)?(?: ?x\d+)?\b"
)
"""Machines and makers by more than one word, of which one would tell cards apart elsewhere;

PCIe is kept, as one word.
"""

YEAR = re.compile(r"\b20[12]\d\b")
DISK = re.compile(r"\b[1-9] ?tb\b")
"""Where memory is named in GB beside it."""
CHIP = re.compile(r"\bm[1-9]\b")
MEMORY = re.compile(r"\b(\d{1,4}) ?-?(?:gib|gb|g)\b")
CPU_CORES = re.compile(r"\b\d{1,3}[ -]?(?:core|c)s?[ -]?cpu\b")
CORES = re.compile(r"\b(\d{1,3})[ -]?cores?\b(?:[ -]?gpus?\b)?|\b(\d{1,3}) ?gpu[ -]?cores?\b")
CORES_SHORT = re.compile(r"\b(\d{1,2})[ -]?c\b")
"""`16C/40C` of an Apple chip; elsewhere a letter c is part of a model's number."""
GLUED = re.compile(
    r"(?<=\d)(?=(?:ti|xtx|xt|super|gre|max|ultra|pro|sff|sxm|pcie|nvl|laptop|mobile|ada|d v2)\b|ti"
    r" ?super\b)|(?<=\b(?:rtx|gtx))(?=[a-z]?\d)|(?<=\brx)(?=\d)"
    r"|(?<=ti)(?=super)|(?<=\barc)(?=[ab]\d)|(?<=\btitan)(?=rtx|xp|v\b)|(?<=\b[ahlv]\d{2}0)(?=sxm|pcie|nvl)"
)
"""Where two words were written as one: rtx4090, 3080ti, h100sxm."""

WORD = re.compile(r"[a-z0-9.]+")
SYNONYMS = {
    "mobile": "laptop",
    "notebook": "laptop",
    "embedded": "laptop",
    "supers": "super",
    "tis": "ti",
    "xtxs": "xtx",
    "xts": "xt",
}

NOISE = frozenset(
    "r tm c corporation corp inc co gpu gpus graphics graphic card cards video generation gen edition with w design"
    " device devices the my an of on accelerator adapter desktop version unspecified renderer metal angle engine opengl"
    " vulkan radv nvk radeonsi direct ram vram memory unified per driver drivers gddr hbm lpddr ddr founders fe oc"
    " gaming geforce-rtx computer chip soc processor cpu core cores data center mini studio air imac macbook mac mbp"
    " mba ac lc hf vf mxgpu blower turbo asus msi evga gigabyte zotac pny palit gainward sapphire xfx powercolor inno3d"
    " colorful galax kfa2 tuf suprim ventus eagle aorus windforce trio ftw ftw3 xc3 nitro pulse hellhound gamerock dell"
    " hp lenovo acer custom similar or vga compatible controller 3d".split()
)
"""Words that tell no two cards apart, of any vendor."""


@dataclass(frozen=True, slots=True)
class Words:
    """A name taken apart.

    Attributes:
        words: in the order written, each once.
        twice: words that stand there more than once.
        sizes_gb: memory that it states.
        cores: GPU cores that it states.
    """

    words: tuple[str, ...]
    twice: frozenset[str]
    sizes_gb: tuple[float, ...]
    cores: tuple[int, ...]


def words_of(text: str) -> Words:
    """The words of a name as a person, a shop or a driver writes it."""
    plain = (
        text.lower()[:LONGEST_NAME]
        .replace("(r)", " ")
        .replace("(tm)", " ")
        .replace("®", " ")
        .replace("™", " ")
        .replace("w/", " ")
    )
    plain = re.sub(r"\bmax[ -]q\b", "maxq", WRAPPING.sub(" ", plain).replace("-inch", " inch"))
    plain = PHRASES.sub(lambda found: " pcie " if found[0].startswith("pci") else " ", plain)
    if CHIP.search(plain):
        plain = YEAR.sub(" ", plain)
    return _figures(DISK.sub(" ", plain) if MEMORY.search(plain) else plain)


def own_words(name: str) -> Words:
    """The words of one of the catalogue's own names, which needs no cleaning."""
    return _figures(name.lower().replace("max-q", "maxq"))


def _figures(plain: str) -> Words:
    cores: tuple[int, ...] = ()
    if "core" in plain or CHIP.search(plain):
        plain = CPU_CORES.sub(" ", plain)
        pattern = CORES_SHORT if CHIP.search(plain) and CORES_SHORT.search(plain) else CORES
        cores = tuple(int(next(filter(None, found.groups()))) for found in pattern.finditer(plain))
        plain = pattern.sub(" ", plain)
    plain = GLUED.sub(" ", plain)
    sizes = tuple(float(size) for size in MEMORY.findall(plain))
    found = [_spelled(word) for word in WORD.findall(MEMORY.sub(" ", plain) if sizes else plain)]
    kept = [word for word in found if word not in NOISE]
    once = tuple(dict.fromkeys(kept))
    return Words(
        once,
        frozenset(word for word in once if kept.count(word) > 1) if len(once) < len(kept) else frozenset(),
        sizes,
        cores,
    )


def _spelled(word: str) -> str:
    return "nvl" if word.startswith("nvl") and word[3:].isdigit() else SYNONYMS.get(word, word)
