"""How many samples have each length, in memory that does not grow with the file, and what follows for a maximum length.

Lengths up to 65,535 tokens are counted exactly, each in a counter of its own (512 KiB); longer ones share counters
whose lengths lie within 0.4%. Sums of tokens stay exact. Everything else here is arithmetic over those counters.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from planner.core.formula import Formula, Step

EXACT = 2**16
NARROW_BITS = 8
"""Significant bits that the length of a longer sample keeps."""

USED = Formula("tokens / (samples * seq_len)", "share of the positions")
MEAN = Formula("tokens / samples", "tokens a sample")
PACKED = Formula("tokens / (sequences * seq_len)", "share of the positions")


@dataclass(frozen=True, slots=True)
class AtLength:
    """What a maximum length does to the samples.

    Attributes:
        seq_len: the maximum length, in tokens.
        cut: samples that are longer, so that their end is lost.
        lost_tokens: what is cut off.
        tokens: what is left.
        longest_in_batch: the mean of the longest of a batch, where each batch is padded to its own longest.
        sequences: that the samples make when packed, none cut further.
    """

    seq_len: int
    samples: int
    cut: int
    lost_tokens: int
    tokens: int
    longest_in_batch: float
    sequences: int

    @property
    def cut_share(self) -> float:
        return self.cut / self.samples

    @property
    def lost_share(self) -> float:
        return self.lost_tokens / (self.tokens + self.lost_tokens)

    @property
    def used(self) -> Step:
        """The share of the positions that hold a token when every sample is padded to the maximum length."""
        return USED("Used when padded to the maximum", tokens=self.tokens, samples=self.samples, seq_len=self.seq_len)

    @property
    def used_in_batch(self) -> float:
        """The same when every batch is padded to its own longest sample."""
        return self.tokens / (self.samples * self.longest_in_batch)

    @property
    def packed(self) -> Step:
        """The same when short samples share a sequence."""
        return PACKED("Used when packed", tokens=self.tokens, sequences=self.sequences, seq_len=self.seq_len)


class Lengths:
    """Counts of samples by length; lengths go in, figures come out."""

    def __init__(self, lengths: Iterable[int] = ()) -> None:
        self._short = array("Q", bytes(8 * EXACT))
        self._long: dict[int, int] = {}
        self.samples = self.tokens = self.longest = 0
        self.shortest = 0
        self.add(lengths)

    def add(self, lengths: Iterable[int]) -> None:
        for length in lengths:
            if length < EXACT:
                self._short[length] += 1
            else:
                kept = _narrow(length)
                self._long[kept] = self._long.get(kept, 0) + 1
            self.shortest = min(self.shortest, length) if self.samples else length
            self.longest = max(self.longest, length)
            self.samples += 1
            self.tokens += length

    def counts(self) -> Iterator[tuple[int, int]]:
        """Length and number of samples, from short to long."""
        for length, count in enumerate(self._short):
            if count:
                yield length, count
        yield from sorted(self._long.items())

    @property
    def mean(self) -> Step:
        return MEAN("Mean length", tokens=self.tokens, samples=self.samples)

    def percentile(self, percent: float) -> int:
        """The length that `percent` of the samples do not exceed: the sample of rank ceil(percent / 100 * samples)."""
        rank, seen = max(ceil(percent / 100 * self.samples), 1), 0
        for length, count in self.counts():
            seen += count
            if seen >= rank:
                return min(length, self.longest)
        return 0

    def at(self, seq_len: int, batch: int = 4) -> AtLength:
        """What a maximum length of `seq_len` tokens does, with batches of `batch` samples in random order."""
        cut = kept = seen = 0
        longest, below = 0.0, 0.0
        for length, count in self.counts():
            if length > seq_len:
                cut += count
                continue
            kept += length * count
            seen += count
            share = (seen / self.samples) ** batch
            longest += length * (share - below)
            below = share
        longest = min(longest + seq_len * (1.0 - below), float(seq_len))  # the shares add up to one but for rounding
        tokens = kept + cut * seq_len
        return AtLength(seq_len, self.samples, cut, self.tokens - tokens, tokens, longest, self.packed(seq_len))

    def packed(self, seq_len: int) -> int:
        """Sequences of `seq_len` that hold all samples, each cut to `seq_len` and then kept whole: best fit decreasing.

        Sequences with the same room left are one counter, and equal samples move together, so the work follows the
        number of different lengths. `rooms` has a bit for each room that some sequence has left.
        """
        room_of = [0] * (seq_len + 1)
        rooms = sequences = 0
        for length, count in _longest_first(self, seq_len):
            while count:
                above = rooms >> length
                if not above:
                    each = seq_len // length
                    full, rest = divmod(count, each)
                    sequences += full + bool(rest)
                    for number, room in ((full, seq_len - each * length), (bool(rest), seq_len - rest * length)):
                        if number and room:
                            room_of[room] += number
                            rooms |= 1 << room
                    break
                room = (above & -above).bit_length() - 1 + length
                each = room // length
                moved = min(room_of[room], count // each)
                number, left = (moved, room - each * length) if moved else (1, room - count * length)
                count -= number * each if moved else count
                room_of[room] -= number
                if not room_of[room]:
                    rooms ^= 1 << room
                if left:
                    room_of[left] += number
                    rooms |= 1 << left
        return sequences

    def histogram(self, most_bins: int = 60, longest: int | None = None) -> list[tuple[int, int, int]]:
        """Bins of equal width up to `longest`, the last one open: first length, length after the last, samples."""
        top = longest or self.longest
        width = max(ceil((top + 1) / most_bins), 1)
        bins = [0] * ((top // width) + 1)
        for length, count in self.counts():
            bins[min(length // width, len(bins) - 1)] += count
        return [(index * width, (index + 1) * width, count) for index, count in enumerate(bins)]


def _longest_first(lengths: Lengths, seq_len: int) -> list[tuple[int, int]]:
    """Lengths cut to the maximum, longest first, those without a token left out."""
    by_length: dict[int, int] = {}
    for length, count in lengths.counts():
        if length:
            short = min(length, seq_len)
            by_length[short] = by_length.get(short, 0) + count
    return sorted(by_length.items(), reverse=True)


def _narrow(length: int) -> int:
    """The length with its first `NARROW_BITS` + 1 bits, in the middle of those that share them."""
    shift = length.bit_length() - 1 - NARROW_BITS
    return (length >> shift << shift) + (1 << shift >> 1)
