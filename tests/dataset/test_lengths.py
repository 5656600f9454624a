"""Lengths, packing and advice: by hand, and against the plain way of doing it."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notes import NOTES, TOKENS, note_lengths

from planner.dataset.advice import lengths_to_show, recommended
from planner.dataset.lengths import EXACT, Lengths

SOME = st.lists(st.integers(1, 60), min_size=1, max_size=60)


def test_the_veterinary_notes_use_a_fifth_of_512_tokens() -> None:
    lengths = Lengths(note_lengths())
    assert (lengths.samples, lengths.tokens, lengths.mean.value) == (NOTES, TOKENS, 103)
    assert (lengths.shortest, lengths.longest) == (60, 200)
    used = lengths.at(512)
    assert used.cut == 0
    assert used.used.value == pytest.approx(103 / 512)  # 20.1%: four fifths of every padded batch are padding
    assert lengths.tokens == 165_006
    assert recommended(lengths).seq_len in (192, 256)


def test_figures_by_hand() -> None:
    lengths = Lengths([10, 20, 30, 40])
    assert [lengths.percentile(percent) for percent in (0, 25, 26, 50, 100)] == [10, 10, 20, 20, 40]
    at = lengths.at(25, batch=2)
    assert (at.cut, at.lost_tokens, at.tokens, at.cut_share) == (2, 20, 80, 0.5)
    assert at.used.value == 80 / (4 * 25)
    assert at.lost_share == 20 / 100
    # With replacement, the longer of two is 10 in 1 of 16 cases, 20 in 3, and 25 in 12.
    assert at.longest_in_batch == pytest.approx((10 + 3 * 20 + 12 * 25) / 16)
    assert at.used_in_batch == pytest.approx(20 / at.longest_in_batch)
    assert lengths.packed(40) == 3  # 40, 30 + 10, 20
    assert lengths.packed(50) == 2  # 40 + 10, 30 + 20
    assert lengths.at(50).packed.value == 1.0
    assert lengths.histogram(4) == [(0, 11, 1), (11, 22, 1), (22, 33, 1), (33, 44, 1)]


@settings(deadline=None)
@given(SOME, st.integers(1, 70))
def test_packing_is_best_fit_decreasing(values: list[int], seq_len: int) -> None:
    rooms: list[int] = []
    for value in sorted((min(value, seq_len) for value in values), reverse=True):
        fitting = [room for room in rooms if room >= value]
        if fitting:
            rooms.remove(min(fitting))
            rooms.append(min(fitting) - value)
        else:
            rooms.append(seq_len - value)
    assert Lengths(values).packed(seq_len) == len(rooms)


@settings(deadline=None)
@given(SOME, st.integers(1, 70), st.integers(1, 8))
def test_shares_are_shares_and_packing_wastes_least(values: list[int], seq_len: int, batch: int) -> None:
    at = Lengths(values).at(seq_len, batch)
    assert at.tokens + at.lost_tokens == sum(values)
    assert 0 < at.used.value <= at.used_in_batch <= 1 + 1e-9
    assert at.used.value <= at.packed.value <= 1
    assert at.longest_in_batch <= min(seq_len, max(values)) + 1e-9


@settings(deadline=None)
@given(SOME)
def test_percentiles_are_those_of_the_sorted_list(values: list[int]) -> None:
    lengths, ordered = Lengths(values), sorted(values)
    for percent in (1, 50, 90, 99, 100):
        assert lengths.percentile(percent) == ordered[-(-percent * len(ordered) // 100) - 1]


def test_the_mean_longest_of_a_batch_is_that_of_every_possible_batch() -> None:
    values = [3, 5, 5, 9]
    batches = [max(a, b, c) for a in values for b in values for c in values]
    assert Lengths(values).at(10, 3).longest_in_batch == pytest.approx(sum(batches) / len(batches))
    assert len(list(combinations_with_replacement(values, 3))) < len(batches)


def test_very_long_samples_stay_within_half_a_percent_and_sums_exact() -> None:
    values = [EXACT - 1, EXACT, 1_000_003, 50_000_017]
    lengths = Lengths(values)
    assert (lengths.tokens, lengths.longest) == (sum(values), max(values))
    assert [length for length, _ in lengths.counts()] == [pytest.approx(value, rel=0.004) for value in values]
    assert lengths.percentile(100) <= max(values)


def test_a_file_of_any_size_has_as_many_counters() -> None:
    lengths = Lengths(range(EXACT, 2**30, 999_983))
    assert len(list(lengths.counts())) <= 2**8 * 14


@pytest.mark.parametrize(
    ("values", "high", "expected"),
    [
        ([64] * 99 + [70], 1.0, 128),  # the longest is nearly the 99th percentile: nothing is cut
        ([64] * 99 + [5_000], 1.0, 64),
        ([64] * 98 + [5_000] * 2, 1.0, 5_056),
        ([100] * 100, 1.3, 192),
        ([1], 1.0, 64),
    ],
)
def test_recommended_length(values: list[int], high: float, expected: int) -> None:
    found = recommended(Lengths(values), high)
    assert found.seq_len == expected == found.step.value
    assert found.reason


def test_the_lengths_that_are_shown_hold_the_chosen_one_and_end_where_nothing_is_cut() -> None:
    shown = lengths_to_show(Lengths(note_lengths()), 192)
    assert shown == (128, 192, 256)
