"""The bundled measurements are well formed, and what the README quotes is what the command prints."""

from planner.memory.quantity import Quantity
from planner.validate import FIGURES, Comparison, records, summaries


def test_every_measurement_says_what_where_and_from_whom() -> None:
    assert len(records()) >= 200
    assert len({record["id"] for record in records()}) == len(records())
    for record in records():
        assert record["source"].startswith("https://"), record["id"]
        assert set(record["measured"]) <= set(FIGURES), record["id"]
        assert record["as_of"], record["id"]
        assert record["conditions"], record["id"]


def test_a_refusal_counts_as_the_worst_error() -> None:
    record = {"kind": "k"}
    (row,) = summaries([
        Comparison(record, "starts", 100, Quantity(80, 90, 100)),
        Comparison(record, "starts", 100, Quantity(101, 110, 120)),
        Comparison(record, "starts", 100, None, "refused"),
    ])  # fmt: skip
    assert row.records == 3
    assert round(row.median_error, 6) == 0.1
    assert row.worst_error == float("inf")
    assert row.inside == 1 / 3
