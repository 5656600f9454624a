"""What an engine is, as others need to know it: one row of `data/engines.toml` an engine, so that nobody asks for a
name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from planner.core.data import FOLDER


@dataclass(frozen=True, slots=True)
class Loading:
    """How an engine reads its files and starts: memory of each process in GiB, bytes of a file held beside in GB, and
    seconds as a range.
    """

    process_gib: float
    staged_gb: float
    start_s: float
    low_s: float
    high_s: float
    why: str


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine.

    Attributes:
        name: as requests spell it.
        title: as people read it.
        module: of `planner.engines`, which holds its `ENGINE`.
        kind: `local` runs one user's model and takes what is asked for, `server` sets a pool aside for many, `library`
            runs in a program.
        load: how it starts.
        source, as_of, basis: where the row is from; `judged` is nobody's measurement.
        kernels: whose measured speeds it takes: a name in data/calibration/speed.csv, by default its kind's best known.
        splits_with_host: whether layers that find no room on the GPUs run from system memory.
        files: kinds of quantized weights that it loads, as `planner.quantization.spelling` calls them.
        formats: the usual format for 16, 8 and 4 bits a weight.
        rarer_formats: the usual format for other widths.
        caches: types of the KV cache smaller than 16 bit that are worth offering, the larger first.
        cache_dtype: type of the cache where the request says `auto`; "" is the model's own.
        chunk_tokens: tokens of a prompt that are read at once, for engines that are neither servers nor llama.cpp; 0 is
            the whole prompt.
        process: a pattern that its command lines show.
        memory_flag: the option that sets its share of the GPU.
        aliases: other spellings of the name in links.
    """

    name: str
    title: str
    module: str
    kind: Literal["local", "server", "library"]
    load: Loading
    source: str
    as_of: str
    basis: str
    kernels: str = ""
    splits_with_host: bool = False
    files: tuple[str, ...] = ()
    formats: Mapping[int, str] = field(default_factory=dict)
    rarer_formats: Mapping[int, str] = field(default_factory=dict)
    caches: tuple[str, ...] = ()
    cache_dtype: str = ""
    chunk_tokens: int = 0
    process: str = ""
    memory_flag: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether it sets a pool of cache aside, which its users share."""
        return self.kind == "server"

    def of_width(self, bits: int) -> str:
        """Its usual format of so many bits a weight; "" where it has none."""
        return "bf16" if bits == 16 else self.formats.get(bits) or self.rarer_formats.get(bits, "")

    @property
    def usual_format(self) -> str:
        """What its users run: its format of 4 bits for engines that make one themselves, `auto` for those that take
        what is published.
        """
        return self.formats.get(4, "auto") if self.splits_with_host else "auto"


KERNELS = {"local": "llama.cpp", "server": "server", "library": "transformers"}
"""Whose speeds an engine takes that nobody has measured."""


@cache
def engines() -> Mapping[str, EngineInfo]:
    """Every engine by its name, in the order of the table."""
    return {
        name: _info(name, row)
        for name, row in tomllib.loads((FOLDER / "engines.toml").read_text(encoding="utf-8")).items()
    }


def info(name: str) -> EngineInfo:
    """The engine of this name."""
    return engines()[name]


def names_of(*, splits_with_host: bool | None = None, serves: bool | None = None) -> tuple[str, ...]:
    """The engines that split with the host or serve, or do not."""
    return tuple(
        name
        for name, one in engines().items()
        if splits_with_host in (None, one.splits_with_host) and serves in (None, one.serves)
    )


def _info(name: str, row: Mapping[str, Any]) -> EngineInfo:
    given = dict(row)
    load = given.pop("load")
    assert isinstance(load, dict)
    for key in ("formats", "rarer_formats"):
        given[key] = {int(bits): text for bits, text in given.pop(key, {}).items()}
    given |= {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return EngineInfo(name=name, load=Loading(**load), **{"kernels": KERNELS[given["kind"]], **given})
