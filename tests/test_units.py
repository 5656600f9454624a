"""Amounts as people read them: three significant digits, and the unit always said."""

import math

import pytest

from planner.units import count, duration, energy, gb, gib, mass, usd


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (gib(46_257_254_400), "43.1 GiB"), (gb(42_520_395_008), "42.5 GB"), (count(70_553_706_496), "70.6 B"),
        (usd(0), "0 USD"), (usd(1.296), "1.30 USD"), (usd(0.00018), "0.000180 USD"), (usd(2_470), "2,470 USD"), (usd(9.999), "10.0 USD"),
        (energy(10.8), "10.8 kWh"), (energy(0.0015), "1.50 Wh"), (energy(4_567), "4.57 MWh"),
        (mass(0.0006), "0.600 g"), (mass(15.24), "15.2 kg"), (mass(1_234), "1.23 t"),
        (duration(1.25), "1.25 s"), (duration(59.7), "1 min"), (duration(200), "3 min 20 s"), (duration(3_599), "1 h"), (duration(28 * 3_600), "28 h"),
        (duration(124 * 3_600), "5 days 4 h"), (duration(15.3 * 86_400), "15 days"), (duration(3 * 365.25 * 86_400), "3.00 years"), (duration(math.inf), "never"),
    ],
)  # fmt: skip
def test_an_amount_as_people_read_it(text: str, wanted: str) -> None:
    assert text == wanted
