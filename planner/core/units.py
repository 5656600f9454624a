"""Bytes, tokens, money and time as people read them: GiB is 2^30 bytes, GB is 10^9, and the text always says which."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

GIB = 2**30
GB = 10**9

SYSTEMS = {"GiB": (1_024, ("KiB", "MiB", "GiB")), "GB": (1_000, ("kB", "MB", "GB"))}
"""Step from one unit to the next, and their symbols: as drivers count, and as shops and downloads do."""

_symbol: ContextVar[str] = ContextVar("symbol", default="GiB")


def choose(name: str) -> None:
    """Write memory in `GiB` or `GB` from here on, in this thread; an unknown name takes GiB."""
    _symbol.set(name if name in SYSTEMS else "GiB")


def symbol() -> str:
    """The unit in which tables and charts give memory: `GiB`, or `GB` where that was chosen."""
    return _symbol.get()


def scale() -> int:
    """Bytes of that unit."""
    return int(SYSTEMS[symbol()][0] ** 3)


def worded(maxsize: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`lru_cache` for results with sentences in them, which name memory in the unit of whoever asked."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @lru_cache(maxsize=maxsize)
        def kept(_: str, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        @wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            return kept(symbol(), *args, **kwargs)  # type: ignore[arg-type]

        return wrapper

    return decorate


def mem(size: float) -> str:
    """Memory in three significant digits, by its size:

    `43.1 GiB`, `320 KiB`, or `46.3 GB` and `328 kB` where GB was chosen.
    """
    step, (kilo, mega, giga) = SYSTEMS[symbol()]
    if abs(size) < step**2:
        return _three(size / step, kilo) if size else f"0 {giga}"
    return _three(size / step**3, giga) if abs(size) >= 0.1 * step**3 else _three(size / step**2, mega)


def gb(size: float) -> str:
    """Three significant digits in GB, or in MB below a tenth of one: `42.5 GB`."""
    return _three(size / GB, "GB") if abs(size) >= 0.1 * GB else _three(size / 10**6, "MB")


def count(number: float) -> str:
    """A count as people write it: `70.6 B`, `8.03 B`, `125 M`, `8,192`."""
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(number) >= limit:
            return _three(number / limit, unit)
    return f"{number:,.0f}"


def usd(amount: float) -> str:
    """Money in three significant digits, always with its currency: `1.30 USD`, `2,470 USD`, `0.000180 USD`."""
    return f"{significant(amount)} USD"


def energy(kwh: float) -> str:
    """Energy in kWh, in Wh below a tenth of one, in MWh from a thousand on: `10.8 kWh`, `1.50 Wh`."""
    if abs(kwh) >= 1_000:
        return f"{significant(kwh / 1_000)} MWh"
    return f"{significant(kwh)} kWh" if abs(kwh) >= 0.1 else f"{significant(kwh * 1_000)} Wh"


def mass(kg: float) -> str:
    """Mass in kg, in g below a tenth of one, in t from a thousand on."""
    if abs(kg) >= 1_000:
        return f"{significant(kg / 1_000)} t"
    return f"{significant(kg)} kg" if abs(kg) >= 0.1 else f"{significant(kg * 1_000)} g"


def duration(seconds: float) -> str:
    """A time as people say it, in its two largest units:

    `5 days 4 h`, `28 h`, `3 min 20 s`, `1.25 s`; an infinite one is `never`.
    """
    if math.isinf(seconds):
        return "never"
    if seconds < 10:
        return f"{significant(seconds)} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3_570:
        return _two(round(seconds), 60, "min", 1, "s")
    if seconds < 48 * 3_600:
        return _two(round(seconds / 60) * 60, 3_600, "h", 60, "min")
    if seconds < 730 * 86_400:
        return _two(round(seconds / 3_600) * 3_600, 86_400, "days", 3_600, "h")
    return f"{significant(seconds / 86_400 / 365.25)} years"


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    rest = rest // small if whole < 10 else 0
    return f"{whole:,} {large_name} {rest} {small_name}" if rest else f"{whole:,} {large_name}"


def significant(value: float) -> str:
    """Three significant digits without an exponent: `1,296`, `12.3`, `0.000180`."""
    if not value:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value) * (1 + 5e-4))), 0)
    return f"{value:,.{min(digits, 12)}f}"


def _three(value: float, unit: str) -> str:
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{digits}f} {unit}"
