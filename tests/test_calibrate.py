"""The fits: found again from made-up measurements, and each source judged by the others."""

from planner.calibrate.report import MODULES, fit_report, fits, publication


def test_leaving_a_source_out_judges_it_by_the_others() -> None:
    rows = [("a", 1.0), ("a", 1.0), ("b", 3.0)]
    fit = fit_report(
        "k", "mean", "GiB", rows, lambda found: sum(y for _, y in found) / len(found), lambda row, mean: mean - row[1],
        source=lambda row: f"https://example.org/{row[0]}/x", model=lambda row: row[0],
    )  # fmt: skip
    assert fit.held == "source"
    assert fit.left_out == (2.0, 2.0, 2.0)
    assert [round(error, 3) for error in fit.fitted] == [0.667, 0.667, 1.333]


def test_with_one_source_models_are_left_out() -> None:
    rows = [("x", 1.0), ("y", 3.0)]
    fit = fit_report(
        "k", "mean", "GiB", rows, lambda found: found[0][1], lambda row, first: first - row[1], lambda row: "https://a.org/b/c", lambda row: row[0]
    )
    assert fit.held == "model"
    assert fit.left_out == (2.0, 2.0)


def test_a_thread_is_a_source_of_its_own_and_a_repository_one() -> None:
    assert publication("https://github.com/a/b/issues/12#c") != publication("https://github.com/a/b/issues/13")
    assert publication("https://github.com/a/b/blob/x/1.log") == publication("https://github.com/a/b/blob/y/2.log")


def test_every_calibration_reports_more_error_on_what_it_has_not_seen() -> None:
    found = fits()
    assert {fit.kind for fit in found} >= set(MODULES)
    for fit in found:
        if len(fit.left_out) > 10:
            assert sum(fit.left_out) >= 0.9 * sum(fit.fitted), fit.what
