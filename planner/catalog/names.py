"""Which bundled model a name means, as people type it:

`llama 3 70b`, `qwen3:30b-a3b-q4_K_M`, `unsloth/gemma-3-12b-it-GGUF:Q4_K_M`.

A name is words, versions and sizes, in any order. Every one of them must be in a name of the model: versions and sizes
to the last digit. What the name leaves out may be the variant, then the size, then the version; the most used model
that has the rest is taken, and the others are offered. An owner may stand before it, a format anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from planner.catalog.models import Model, models, most_used
from planner.core.errors import PlanError, did_you_mean
from planner.quantization.spelling import Written, split

LONGEST = 300
"""Characters of a name that are read."""

MOST_OTHERS = 4

FILLER = frozenset({
    "the", "model", "models", "llm", "ai", "lm", "hf", "latest", "free", "main", "official", "weights", "checkpoint",
    "local", "parameters", "parameter", "params",
    "alibaba", "zhipu", "param", "version", "ver", "library", "community", "quantized", "quantised", "quant", "quants",
    "run", "in", "by", "from",
})  # fmt: skip
"""Words that say nothing of which model it is."""

NAMES_TOO = frozenset({"llm"})
"""Those of them that stand in a model's own name, too."""

VARIANTS = {
    **dict.fromkeys(("instruct", "it", "chat", "inst", "instruction", "tuned"), "instruct"),
    **dict.fromkeys(("base", "pt", "pretrained", "pretrain", "text"), "base"),
    **dict.fromkeys(("thinking", "think", "reasoning"), "thinking"),
    **dict.fromkeys(("abliterated", "uncensored", "heretic", "unfiltered"), "uncensored"),
}
"""Trainings of one model: they differ in the numbers, not in the shapes, which is all that a plan asks."""

QUALITIES = frozenset({
    "mini", "small", "medium", "large", "base", "tiny", "nano", "micro", "super", "ultra", "pro", "plus", "flash",
    "air", "lite", "max", "turbo", "xl", "xxl",
    "coder", "code", "vision", "vl", "omni", "audio", "multimodal", "moe", "distill", "embed", "embedding", "text",
    "next", "linear", "en", "uncased", "cased",
    "multilingual", "encoder", "instruct", "thinking", "uncensored", "abstract", "fulltext", "dynamic", "h",
})  # fmt: skip
"""Words that tell models of a family apart; none of them names a family by itself."""

PARTS = frozenset({"encoder", "embed", "embedding"})
"""Words that make another thing of a model: Arctic Embed is no Arctic."""

SIZES_IN_WORDS = frozenset({"tiny", "small", "base", "medium", "large", "xl", "xxl"})


@dataclass(frozen=True)
class Meant:
    """The model that a name means.

    Attributes:
        typed: the name.
        model: what it means.
        written: the format that the name says, where it says one.
        published: the format in the model's own name, "" where it has none.
        retrained: whether the name says that somebody trained it further.
        owner: whose repository was named, where that is nobody who is known to publish the model.
        others: models that it may also mean, where it leaves open which: best first.
        exact: whether it is the model's own id.
    """

    typed: str
    model: Model
    written: Written | None = None
    published: str = ""
    retrained: bool = False
    owner: str = ""
    others: tuple[Model, ...] = ()
    exact: bool = False


def find(name: str) -> Model:
    """The bundled model that a name means.

    Raises:
        PlanError: when no bundled model has the name; the nearest are offered.
    """
    found = meant(name)
    if found is None:
        raise unknown(name)
    return found.model


def lookup(name: str) -> Model | None:
    """The bundled model that a name means, or None."""
    found = meant(name)
    return found.model if found else None


def unknown(name: str) -> PlanError:
    """What to say of a name that no bundled model has: the nearest names."""
    plain = _parts(name).text if name.strip() else name
    listed = [spelled for model in most_used() for spelled in (model.id, *model.aliases, model.title)]
    return PlanError(
        f"No bundled model is called {name[:80]!r}.{did_you_mean(plain, listed)} Pick one from the list, or give its"
        " config.json.",
        "model",
    )


@lru_cache(maxsize=4_096)
def meant(name: str) -> Meant | None:
    """What a name means, or None where it is no bundled model's name, however much it resembles one."""
    exact = models().get(name)
    if exact:
        return Meant(name, exact, exact=True)
    parts = _parts(name[:LONGEST])
    text, written = split(f"{parts.text} mlx" if parts.owner.lower() == "mlx-community" else parts.text)
    candidates = _candidates(parts, text, written)
    alias = _spelled(parts, text, written)
    best = _published_in(alias, candidates, written) if alias else next(iter(candidates), None)
    if best is None:
        return None
    others = () if parts.whole else _others(best, candidates, text, written)
    entry = _entry(best.id)
    stranger = parts.owner if parts.owner and parts.owner.lower() not in entry.owners else ""
    return Meant(name, best, written, entry.own_id.format, "uncensored" in atoms(text), stranger, others)


@dataclass(frozen=True, slots=True)
class Parts:
    """A name taken apart.

    Attributes:
        owner: whose repository, or "".
        text: the name itself, with any tag.
        library: what stands before a tag of Ollama's library, in lower case, or "".
        whole: whether it is the name of a repository, a file or a folder, which leaves nothing out.
    """

    owner: str
    text: str
    library: str = ""
    whole: bool = False


COMMAND = re.compile(
    r"^(?:ollama\s+(?:run|pull|show)|vllm\s+serve|lms\s+(?:get|load)|(?:llama-(?:server|cli)\s+)?-hfr?|mlx_lm\.\w+\s+--model|--model|-m)\s+",
    re.IGNORECASE,
)
HOST = re.compile(
    r"^(?:(?:https?|hf)://)?(?:(?:www\.)?(?:huggingface\.co|hf\.co)|(?:www\.)?ollama\.com|registry\.ollama\.ai)/",
    re.IGNORECASE,
)
SHARD = re.compile(r"[-_.]\d{5}-of-\d{5}")
FILE = re.compile(r"\.(?:gguf|safetensors|bin|json)$", re.IGNORECASE)
SNAPSHOT = re.compile(r"models--([^/]+?)--([^/]+)")


def _parts(name: str) -> Parts:
    """Take a name apart: `owner/name`, an address, a path, `name:tag`, each with what surrounds it taken away."""
    text = COMMAND.sub("", name.strip().strip("\"'`<>").strip())
    plain = HOST.sub("", re.sub(r"\s*/\s*", "/", text.replace("\\", "/")))
    plain = re.sub(
        r"^(?:library|models)/|/$",
        "",
        re.split(r"[?#]|/(?:tree|blob|resolve|commit)/(?=main|[0-9a-f]{40})(?!.*\.gguf)", plain)[0],
    )
    if snapshot := SNAPSHOT.search(plain):
        return Parts(snapshot[1], snapshot[2], whole=True)
    pieces = [piece for piece in plain.split("/") if piece]
    last = SHARD.sub("", pieces[-1]) if pieces else ""
    if len(pieces) > 1:
        of_file = FILE.search(last)
        return Parts(
            pieces[0] if len(pieces) == 2 + bool(of_file) and not plain.startswith(("/", ".", "~")) else "",
            last,
            whole=True,
        )
    library, colon, _ = last.partition(":")
    return Parts("", last, library.lower() if colon else "")


ATOM = re.compile(
    r"(?P<experts>\d+x\d+(?:\.\d+)?)b?(?![a-z0-9.])"
    r"|(?P<odd>\d+)b(?P<tenth>\d)(?![a-z0-9])"
    r"|(?P<part>(?<![a-z])[ea])?(?P<size>\d+(?:\.\d+)?)(?P<unit>[bmt])(?![a-z0-9])"
    r"|(?P<thousands>\d+(?:\.\d+)?[ke])(?![a-z0-9])"
    r"|(?P<lettered>(?<![a-z0-9])[a-uw-z]\d+(?:\.\d+)*)(?![a-z0-9])"
    r"|(?<![a-z])v?(?P<version>\d+(?:\.\d+)*)|(?<=[a-z])(?P<glued>\d+(?:\.\d+)*)"
    r"|(?P<word>[^\W\d_]+)"
)
MILLIONS = {"m": 1.0, "b": 1e3, "t": 1e6}


@lru_cache(maxsize=8_192)
def atoms(text: str) -> tuple[str, ...]:
    """The words, versions (`#3.1`, `#r1`) and sizes in millions (`=70000`, active `a3000`, effective `e4000`) of a
    name, in order, variants by one word each.
    """
    text = text.lower()
    if RESPELLED.search(text):
        for pattern, plain in SPELLINGS:
            text = pattern.sub(plain, text)
    return tuple(_atom(match) for match in ATOM.finditer(text))


SPELLINGS = (
    (re.compile(r"(?<=\d)[_p](?=\d)"), "."),
    (re.compile(r"(?<=\d)[-_ ]+(?:b|bn|billion)(?![a-z0-9])|(?<=\d)(?:bn|billion)(?![a-z0-9])"), "b"),
    (re.compile(r"(?<=\db)(?=a\d)"), " "),
    (re.compile(r"(?<=[a-z0-9])\+"), " plus"),
)
RESPELLED = re.compile("|".join(pattern.pattern for pattern, _ in SPELLINGS))


def _atom(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[match.lastindex or 0]
    if kind == "word":
        return VARIANTS.get(text, text)
    if kind in ("experts", "thousands"):
        return text
    if kind == "lettered":
        return f"#{text}"
    if kind == "tenth":
        return f"={float(match['odd'] + '.' + text) * 1e3:g}"
    if kind == "unit":
        told = match["size"]
        return (
            f"={told}"
            if told[0] == "0" and told[1:2].isdigit()
            else f"{match['part'] or '='}{float(told) * MILLIONS[text]:g}"
        )
    return f"#{text}" if LITERAL.match(text) else f"#{float(text):g}"


LITERAL = re.compile(r"0\d|\d{3}|\d+\.\d+\.")
"""Numbers that are no decimals: dates, and versions of three parts."""


def is_word(atom: str) -> bool:
    return atom.isalpha()


def is_name(atom: str) -> bool:
    """A word, or a letter with its number: what may be the name of a family."""
    return atom.isalpha() or LETTERED.fullmatch(atom) is not None


LETTERED = re.compile(r"#[a-z][\d.]+")


def is_size(atom: str) -> bool:
    """A number of parameters, of all or of those in use, or of experts: `=70000`, `a3000`, `8x7`."""
    return SIZE.match(atom) is not None


SIZE = re.compile(r"=|[ae]\d|\d+x")


def is_date(atom: str) -> bool:
    """A date of release, `#2507`, or a part of one."""
    return DATE.fullmatch(atom) is not None


DATE = re.compile(r"#(?:\d{4}|0\d)")


def is_revision(atom: str) -> bool:
    """A revision of one model, `v0.2`, in contrast to a version of a family."""
    return atom.startswith("#0.")


def is_version(atom: str) -> bool:
    return atom[0] == "#" and not is_date(atom) and not is_revision(atom)


KINDS = (is_size, is_version, is_revision, is_date)


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a model.

    Attributes:
        ordered, held: its atoms.
        format: which it says of itself.
        head: its first word that is not the publisher's name.
        own: whether it is a repository's, which leaves nothing out.
    """

    ordered: tuple[str, ...]
    held: frozenset[str]
    format: str
    head: str
    own: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A model with its names.

    Attributes:
        rank: how many models are used more.
        title, own_id: those two names.
        names: they, and every alias that does not leave out the version that the title has.
        everything: atoms of all its names, whole or not.
        sizes: what each of its names says of its size.
        owners: whose repositories it is in, in lower case.
        owner_words: what may stand for them inside a name.
        worded: whether its size is told by a word, as in BERT large.
        libraries: its tags in Ollama's library: by the library's name the atoms of each tag.
    """

    model: Model
    rank: int
    title: Name
    own_id: Name
    names: tuple[Name, ...]
    everything: frozenset[str]
    sizes: frozenset[frozenset[str]]
    owners: frozenset[str]
    owner_words: frozenset[str]
    worded: bool
    libraries: dict[str, tuple[frozenset[str], ...]]


TAG = re.compile(r"[a-z][a-z0-9._-]*(?::[a-z0-9._-]+)?")


@cache
def _entries() -> tuple[Entry, ...]:
    return tuple(_read(model, rank) for rank, model in enumerate(most_used()))


def _read(model: Model, rank: int) -> Entry:
    spelled = (model.title, model.id, *model.aliases)
    owners = frozenset([text.split("/")[0].lower() for text in spelled if "/" in text])
    owner_words = frozenset([word for owner in owners for word in _words_of(owner)])
    family = next(filter(is_name, atoms(model.title)))
    publishers = owner_words - {family}
    names = [_name(text, publishers) for text in spelled]
    title, own_id = names[:2]
    version = [atom for atom in title.ordered if is_version(atom)]
    whole = {(name.held, name.format, name.head, name.own): name for name in (title, own_id)}
    for text, name in zip(model.aliases, names[2:], strict=True):
        if (
            not version
            or any(atom in name.held for atom in version)
            or (":" not in text and any(map(is_version, name.ordered)))
        ):
            whole.setdefault((name.held, name.format, name.head, name.own), name)
    libraries: dict[str, list[frozenset[str]]] = {}
    for alias in model.aliases:
        if TAG.fullmatch(alias):
            library, _, tag = alias.partition(":")
            libraries.setdefault(library, []).append(frozenset(atoms(tag)) - FILLER)
    return Entry(
        model,
        rank,
        title,
        own_id,
        tuple(whole.values()),
        frozenset[str]().union(*[name.held for name in names]),
        frozenset([frozenset(filter(is_size, name.ordered)) for name in names]),
        owners,
        owner_words,
        not SIZES_IN_WORDS.isdisjoint(own_id.held) and not any(map(is_size, own_id.ordered)),
        {library: tuple(tags) for library, tags in libraries.items()},
    )


@cache
def _words_of(owner: str) -> tuple[str, ...]:
    return (*atoms(owner), re.sub(r"[^a-z]", "", owner))


def _name(text: str, publishers: frozenset[str]) -> Name:
    plain, written = split(text.rsplit("/", 1)[-1])
    ordered = tuple(dict.fromkeys([atom for atom in atoms(plain) if atom not in FILLER or atom in NAMES_TOO]))
    named = [atom for atom in ordered if is_name(atom)]
    head = next((atom for atom in named if atom not in publishers), named[0] if named else "")
    return Name(
        ordered, frozenset(ordered), written.format if written and written.kind != "plain" else "", head, "/" in text
    )


@cache
def _by_id() -> dict[str, Entry]:
    return {entry.model.id: entry for entry in _entries()}


def _entry(model_id: str) -> Entry:
    return _by_id()[model_id]


@cache
def _heads() -> dict[str, frozenset[frozenset[str]]]:
    """First words of all names, those of families, and who publishes each."""
    found: dict[str, set[frozenset[str]]] = {}
    for entry in _entries():
        for name in entry.names:
            found.setdefault(name.head, set()).add(entry.owners)
    return {word: frozenset(owners) for word, owners in found.items()}


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(atom for entry in _entries() for atom in (*entry.everything, *entry.owner_words) if is_word(atom))


@cache
def _spellings() -> dict[str, tuple[Model, bool]]:
    """Models by their names as written, with and without owners, and whether it is a repository's; where several have
    one, the most used.
    """
    found: dict[str, tuple[Model, bool]] = {}
    for owned in (True, False):
        for model in most_used():
            for text in (model.id, model.title, *model.aliases):
                if owned or "/" in text:
                    found.setdefault(_flat(text if owned else text.split("/", 1)[1]), (model, "/" in text))
    return found


def _flat(text: str) -> str:
    """A spelling without case, and with one sign between words."""
    return BETWEEN.sub("-", text.lower()).strip("-.:")


BETWEEN = re.compile(r"[\s_-]+")


def _spelled(parts: Parts, text: str, written: Written | None) -> Model | None:
    """The model that has exactly this name, with the format in it or without.

    Everyday names of a family are none of a repository: `llama3` is, `someone/llama3` may be any of them.
    """
    for spelling in (parts.text, text, re.sub(r":latest$", "", parts.text)):
        flat = _flat(spelling)
        model, own = (
            _spellings().get(f"{parts.owner.lower()}/{flat}" if parts.owner else flat)
            or _spellings().get(flat)
            or (None, False)
        )
        if model and (
            own or not parts.whole or not _others(model, _candidates(Parts("", text), text, written), text, written)
        ):
            return model
    return None


def _published_in(model: Model, candidates: list[Model], written: Written | None) -> Model:
    """The release of a model in the format that the name says, where there is one of the same name."""
    if written is None or not written.format:
        return model
    own = _entry(model.id)
    same = [
        other
        for other in candidates
        if any(
            name.format == written.format and name.held == mine.held
            for name in _entry(other.id).names
            for mine in own.names
        )
    ]
    return same[0] if same else model


def _candidates(parts: Parts, text: str, written: Written | None) -> list[Model]:
    """Every model that the name may mean, the best first."""
    wanted = atoms(text)
    for reading in (wanted, *_other_readings(wanted)):
        sizes = [atom for atom in reading if is_size(atom)]
        asked = frozenset(atom for atom in reading if atom not in FILLER or atom in NAMES_TOO)
        if not asked or len(set(sizes)) < len(sizes):
            continue
        found = _in_library(parts.library, text, written) if parts.library else []
        found = found or sorted(
            rank for entry in _having(asked) if (rank := _ranked(entry, asked, written, parts.whole))
        )
        if found:
            return [_entries()[place].model for *_, place in found]
    return []


def _having(asked: frozenset[str]) -> Iterable[Entry]:
    """Models with a word of the name that may be a family's."""
    return {entry.rank: entry for atom in asked for entry in _by_word().get(atom, ())}.values()


@cache
def _by_word() -> dict[str, tuple[Entry, ...]]:
    found: dict[str, list[Entry]] = {}
    for entry in _entries():
        for atom in entry.everything:
            if is_name(atom) and atom not in QUALITIES and (atom == entry.title.head or not _of_owner(atom, entry)):
                found.setdefault(atom, []).append(entry)
    return {atom: tuple(entries) for atom, entries in found.items()}


def _other_readings(wanted: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The same name with words joined or split where that makes them known, and with the dot that a version lost:

    `code llama`, `gptoss`, `llama 3 1 8b`.
    """
    vocabulary, made = _vocabulary(), list[str]()
    for atom in wanted:
        if made and is_word(atom) and is_word(made[-1]) and made[-1] + atom in vocabulary:
            made[-1] += atom
        elif is_word(atom) and atom not in vocabulary and atom not in FILLER:
            cut = next(
                (at for at in range(len(atom) - 1, 1, -1) if atom[:at] in vocabulary and atom[at:] in vocabulary),
                len(atom),
            )
            made += [part for part in (atom[:cut], atom[cut:]) if part]
        else:
            made.append(atom)
    joined = tuple(
        VARIANTS.get(atom, atom) for atom in re.sub(r"(?<![^ ])([a-z]) #(?=\d)", r"#\1", " ".join(made)).split(" ")
    )
    if joined != wanted:
        yield joined
    for reading in dict.fromkeys((wanted, joined)):
        dotted = re.sub(r"(?<![^ ])#(\d) #(\d)(?![^ ])", r"#\1.\2", " ".join(reading))
        if dotted != " ".join(reading):
            yield tuple(dotted.split(" "))


def _in_library(library: str, text: str, written: Written | None) -> list[tuple[int, ...]]:
    """Models that have a tag of this library in Ollama, by how well the tag agrees."""
    tag = frozenset(atoms(text.split(":", 1)[1])) - FILLER
    found = []
    for entry in _entries():
        tags = entry.libraries.get(library)
        if tags is None or tag - entry.everything - VARIANT_WORDS:
            continue
        agreed = max((len(known) for known in tags if known <= tag), default=-1)
        if agreed >= 0 or any(map(is_size, tag)):
            found.append((-agreed, _other_format(entry.title, written), len(tag - entry.everything), entry.rank))
    return sorted(found)


VARIANT_WORDS = frozenset(VARIANTS.values())


def _ranked(entry: Entry, wanted: frozenset[str], written: Written | None, strict: bool) -> tuple[int, ...] | None:
    """How well a model agrees with a name, smaller is better; None where it does not."""
    variants = (VARIANT_WORDS - {"base"} if entry.worded else VARIANT_WORDS) | NAMES_TOO
    sizes = frozenset(filter(is_size, wanted))
    if sizes and not any(sizes <= told for told in entry.sizes):
        return None
    if any(atom not in entry.everything and atom not in variants and not _of_owner(atom, entry) for atom in wanted):
        return None
    ranks = [
        rank for name in entry.names if (rank := _agreement(entry, name, wanted, sizes, variants, written, strict))
    ]
    return (*min(ranks), entry.rank) if ranks else None


def _agreement(
    entry: Entry,
    name: Name,
    wanted: frozenset[str],
    sizes: frozenset[str],
    variants: frozenset[str],
    written: Written | None,
    strict: bool,
) -> tuple[int, ...] | None:
    """The same for one of its names: what the name that was asked for leaves out of it, the weightiest first."""
    if any(
        atom not in name.held and atom not in sizes and atom not in variants and not _of_owner(atom, entry)
        for atom in wanted
    ):
        return None
    first = next((atom for atom in name.ordered if is_name(atom) and atom in wanted), None)
    if first is None or (first != name.head and _is_family(first, entry)):
        return None
    missing = [
        atom for atom in name.ordered if atom not in wanted and atom not in VARIANT_WORDS and not _of_owner(atom, entry)
    ]
    words = [atom for atom in missing if is_word(atom)]
    if not PARTS.isdisjoint(words) or _another_family(words, first, name):
        return None
    unsized = not sizes and any(atom[0] == "=" for atom in (missing if name.own or not strict else entry.title.ordered))
    if strict and (unsized or any(not is_size(atom) and not is_revision(atom) for atom in missing)):
        return None
    left = any(not is_size(atom) for atom in missing) or unsized
    unlike = len((wanted & VARIANT_WORDS) - name.held)
    renumbered = any(is_version(atom) and atom not in entry.title.held for atom in wanted)
    untitled = wanted not in (entry.title.held, entry.own_id.held)
    return (
        len(words),
        left,
        _other_format(name, written),
        renumbered,
        unlike,
        untitled,
        0 if left else len(VARIANT_WORDS & name.held - wanted),
    )


def _is_family(word: str, entry: Entry) -> bool:
    """Whether somebody else has a family of this name: Falcon Mamba is none of Mamba."""
    return any(not owners & entry.owners for owners in _heads().get(word, ()))


def _another_family(missing: list[str], first: str, name: Name) -> bool:
    """Whether a word that was left out names a family by itself:

    Mamba Codestral is no Mamba. What a model was distilled into may be left out.
    """
    after = name.ordered[name.ordered.index(first) :]
    until = after.index("distill") if "distill" in after else len(after)
    return any(word in _heads() and word not in QUALITIES for word in missing if word in after[:until])


def _of_owner(atom: str, entry: Entry) -> bool:
    """Whether a word names who publishes the model, whole or by its beginning: `cohere` for CohereLabs."""
    return atom in entry.owner_words or (len(atom) > 3 and any(word.startswith(atom) for word in entry.owner_words))


def _other_format(name: Name, written: Written | None) -> int:
    """0 where the model is published in the format that is asked for, 1 where it is published in none, 2 where in
    another.
    """
    if not name.format:
        return 1 if written and written.format else 0
    return 0 if written and written.format == name.format else 2


def _others(best: Model, candidates: list[Model], text: str, written: Written | None) -> tuple[Model, ...]:
    """The other models that a name may mean, where it leaves open something that the best one's title says: a size, a
    version, a revision.
    """
    wanted, entry = frozenset(atoms(text)), _entry(best.id)
    missing = entry.title.held - wanted
    told = wanted & entry.everything
    if not any(is_kind(atom) for is_kind in KINDS for atom in missing if not any(map(is_kind, told))):
        return ()
    return tuple(
        model for model in candidates if model is not best and _other_format(_entry(model.id).title, written) < 2
    )[:MOST_OTHERS]
