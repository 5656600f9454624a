"""The fits: found again from made-up measurements, and each source judged by the others."""

from planner.calibrate import transformers, vllm
from planner.calibrate.report import MODULES, fit_report, fits, publication
from planner.core.data import table


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
        "k",
        "mean",
        "GiB",
        rows,
        lambda found: found[0][1],
        lambda row, first: first - row[1],
        lambda row: "https://a.org/b/c",
        lambda row: row[0],
    )
    assert fit.held == "model"
    assert fit.left_out == (2.0, 2.0)


def test_a_thread_is_a_source_of_its_own_and_a_repository_one() -> None:
    assert publication("https://github.com/a/b/issues/12#c") != publication("https://github.com/a/b/issues/13")
    assert publication("https://github.com/a/b/blob/x/1.log") == publication("https://github.com/a/b/blob/y/2.log")


def test_every_calibration_reports_more_error_on_what_it_has_not_seen() -> None:
    found = fits()
    assert len({fit.kind for fit in found}) == len(MODULES)
    for fit in found:
        if len(fit.left_out) > 10:
            assert sum(fit.left_out) >= 0.9 * sum(fit.fitted), fit.what


def test_no_coefficient_of_vllms_budget_is_set_by_hand() -> None:
    by_version = {row["since"]: row for row in table("calibration/vllm")}
    for since, rows in vllm.eras().items():
        assert abs(float(by_version[since]["logit_copies"]) - vllm.fit_copies(rows)) < 0.006, since
    (row,) = table("calibration/vllm_graphs")
    fitted = vllm.fit_graphs(vllm.with_graphs())
    names, halves = (
        ("base_gib", "layer_gib", "experts_gib", "four_bit_gib", "tensor_parallel"),
        (
            0.005,
            0.00005,
            0.005,
            0.005,
            0.005,
        ),
    )
    for name, value, half in zip(names, fitted, halves, strict=True):
        assert abs(float(row[name]) - value) <= half * 1.001, name


def test_published_figures_contain_the_prompts_peak_wholly_or_not_at_all() -> None:
    by_version = {row["since"]: float(row["prefill_seen"]) for row in table("calibration/transformers")}
    for since in {transformers.since(record) for record in transformers.measured()}:
        rows = [record for record in transformers.measured() if transformers.since(record) == since]
        assert abs(transformers.fit_seen(rows) - by_version[since]) < 0.05, since
