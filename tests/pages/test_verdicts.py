"""A load that does not fit is green on no page: the users that were asked for, in words and in amber, wherever a
verdict stands.
"""

from __future__ import annotations

from dashboard import opened, said

from planner import PlanRequest, plan
from planner.plan import Plan

LOAD = {
    "model": "meta-llama/Llama-3.3-70B-Instruct",
    "engine": "vllm",
    "quantization": "fp8",
    "gpus": "2x h100",
    "context": "16384",
    "batch": "50",
}


def answer() -> Plan:
    return plan(PlanRequest.from_query(LOAD))


def waits() -> str:
    held = answer().fit.held
    assert held is not None
    assert 1 <= held < 50
    return f"holds {held} of your 50 at full length; the others wait."


def test_the_plan_says_how_many_it_holds_in_amber_beside_the_same_largest_batch() -> None:
    at = opened("plan", **LOAD)
    assert at.header[0].value.startswith(":orange[")
    assert waits() in said(at)
    assert next(metric.value for metric in at.metric if metric.label == "Largest batch") == f"{answer().fit.held}"
    assert opened("plan", **LOAD | {"batch": "2"}).header[0].value.startswith(":green[")


def test_serve_says_it_too_and_up_to_which_length_all_have_room() -> None:
    at = opened("serve", **LOAD)
    assert at.header[0].value.startswith(":orange[")
    assert any(waits() in text.value.replace("\\", "") for text in at.markdown)
    assert any("your 50 have room up to" in text.value.replace("\\", "") for text in at.markdown)


def test_scaling_counts_the_combinations_that_hold_all() -> None:
    at = opened("scaling", **LOAD)
    shown = at.dataframe[0].value
    assert (shown["Verdict"][shown["Context (tokens)"] >= 16_384].str.startswith("holds ")).all()
    assert f"The cache holds all 50 at up to {answer().capacity.max_context:,} tokens each" in at.markdown[
        0
    ].value.replace("\\", "")
    at.session_state["scaling_tab"] = "Context and batch"
    at.run()
    sentence = at.markdown[0].value.replace("\\", "")
    assert sentence.startswith("**It holds all users in ")
    assert "and starts with some of them waiting in " in sentence
    assert any("amber starts and lets some wait" in caption.value for caption in at.caption)


def test_tables_of_plans_say_what_is_held_instead_of_fits() -> None:
    at = opened("compare", **LOAD)
    table = at.dataframe[0].value.set_index("Figure")
    assert table.loc["Verdict"].iloc[0] == f"holds {answer().fit.held} of 50"
    assert waits() in at.markdown[0].value.replace("\\", "")
    at = opened("splits", **LOAD)
    rows = at.dataframe[0].value
    mine = rows[(rows["GPUs"] == 2) & (rows["Way"] == "tensor parallel")].iloc[0]
    assert mine["Verdict"] == f"holds {answer().fit.held} of 50"
    assert waits() in mine["Reason"]


def test_quantizations_count_as_fitting_only_where_they_hold_all() -> None:
    at = opened("plan", **LOAD)
    at.session_state["tab:7"] = "Quantizations"  # a server's plan has seven tabs
    at.run()
    table = next(frame.value for frame in at.dataframe if "Quantization" in frame.value.columns)
    fitting = sum(plan(answer().request.changed(quantization=name)).fit.on_gpus for name in table["Quantization"])
    assert any(f"{fitting} of {len(table)} quantizations fit" in text.value for text in at.markdown)
    assert f"holds {answer().fit.held} of 50" in set(table["Verdict"])
