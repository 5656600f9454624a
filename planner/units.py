"""Bytes and tokens as people read them: GiB is 2^30 bytes, GB is 10^9, and the text always says which."""

from __future__ import annotations

GIB = 2**30
GB = 10**9


def gib(size: float) -> str:
    """Three significant digits in GiB, in MiB below a tenth of one, in KiB below one MiB: `43.1 GiB`, `320 KiB`."""
    if abs(size) < 2**20:
        return _three(size / 2**10, "KiB") if size else "0 GiB"
    return _three(size / GIB, "GiB") if abs(size) >= 0.1 * GIB else _three(size / 2**20, "MiB")


def gb(size: float) -> str:
    """Three significant digits in GB, or in MB below a tenth of one: `42.5 GB`."""
    return _three(size / GB, "GB") if abs(size) >= 0.1 * GB else _three(size / 10**6, "MB")


def count(number: float) -> str:
    """A count as people write it: `70.6 B`, `8.03 B`, `125 M`, `8,192`."""
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(number) >= limit:
            return _three(number / limit, unit)
    return f"{number:,.0f}"


def _three(value: float, unit: str) -> str:
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{digits}f} {unit}"
