"""The page of live GPUs on every machine: real binding, scenario library, no browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from planner.plan import plan
from planner.request import PlanRequest
from tests.live.nvml.scenarios import LAPTOP, MIB, RTX_3060, RTX_4090, SCENARIOS, machine
from ui.question import here

ROOT = Path(__file__).parents[2]
Machine = Callable[[str], None]
QUESTION = {"model": "meta-llama/Meta-Llama-3-8B", "quantization": "Q4_K_M", "gpus": "rtx-4090"}


@pytest.fixture
def page(nvml: Machine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page on a machine; whose visitor this is, a test without a browser has to say."""
    monkeypatch.setenv(here.SWITCH, "1")

    def open_(scenario: str) -> AppTest:
        nvml(scenario)
        here.watch.clear()
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        for key, value in QUESTION.items():
            test.query_params[key] = value
        test.switch_page("pages/my_gpus.py").run()
        assert not test.exception
        return test

    return open_


def words(test: AppTest) -> str:
    blocks = (
        *test.header,
        *test.subheader,
        *test.markdown,
        *test.caption,
        *test.text,
        *test.info,
        *test.warning,
        *test.toast,
    )
    return "\n".join(str(block.value).replace("\\", "") for block in blocks)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_machine_has_a_page(page: Callable[..., AppTest], scenario: str) -> None:
    test = page(SCENARIOS[scenario])
    said = words(test)
    assert "None" not in said
    assert "system: " in said.lower()
    for button in ("my_gpus", "plan_free"):
        assert not test.button(button).click().run().exception


def test_cards_say_what_is_free_and_what_is_not_told(page: Callable[..., AppTest]) -> None:
    test = page(machine(RTX_4090, LAPTOP))
    assert test.subheader[0].value == "2 GPUs: 32.4 GiB of 36.0 GiB free now."
    values = [(metric.label, metric.value, metric.delta) for metric in test.metric[:8]]
    assert values[0] == ("Used memory", "2.93 GiB", "20.7 GiB free of 24.0 GiB")
    assert values[3] == ("Temperature", "61 °C", "held back: power limit")
    assert values[6] == ("Power", "not available", "limit not available")
    assert "PCIe 1 x16 now, 4 x16 at most" in words(test)


@pytest.mark.parametrize(
    ("button", "gpus"),
    [
        ("plan_free", "rtx-4090 [21194/24564 MiB] + rtx-3060-12gb [11988/12288 MiB]"),
        ("my_gpus", "rtx-4090 [21194/24564 MiB] + rtx-3060-12gb [11988/12288 MiB]"),
        ("plan_whole", "rtx-4090 [24564 MiB] + rtx-3060-12gb [12288 MiB]"),
    ],
)
def test_one_click_plans_on_these_gpus_with_this_free_memory(
    page: Callable[..., AppTest], button: str, gpus: str
) -> None:
    test = page(machine(RTX_4090, RTX_3060))
    test.button(button).click().run()
    assert not test.exception
    assert test.session_state["gpus"] == gpus
    assert test.session_state["ram_gib"] > 0
    assert test.session_state["model"] == QUESTION["model"]
    arrived = [chart.proto.id for chart in test.get("plotly_chart") if "memory" in chart.proto.id]
    assert bool(arrived) == (button != "my_gpus")


def test_a_click_on_a_machine_without_gpus_says_why(page: Callable[..., AppTest]) -> None:
    test = page(SCENARIOS["driver mismatch"])
    test.button("my_gpus").click().run()
    assert "restart the machine" in test.toast[0].value.replace("\\", "")
    assert test.session_state["gpus"] == "rtx-4090"


def test_a_gpu_that_vanishes_while_the_page_is_open(page: Callable[..., AppTest], nvml: Machine) -> None:
    test = page(machine(RTX_4090, RTX_3060))
    nvml(SCENARIOS["one has gone"])
    here.watch()._read_at = 0
    test.run()
    assert not test.exception
    assert "has gone" in words(test)
    nvml(SCENARIOS["driver not loaded"])
    here.watch()._read_at = 0
    test.run()
    assert not test.exception


def test_a_visitor_from_elsewhere_sees_nothing_of_the_machine(
    page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(here.SWITCH, "0")
    test = page(machine(RTX_4090))
    assert "4242" not in words(test)
    assert "HEADROOM_LIVE" in words(test)
    assert not test.metric
    assert [button.key for button in test.button if button.key == "my_gpus"] == []


def test_names_of_processes_are_hidden(page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    scenario = machine({**RTX_4090, "process0": f"{os.getpid()}:{MIB}"})
    assert list(page(scenario).dataframe[0].value.columns) == ["GPU", "Process", "Kind", "Memory (GiB)"]
    monkeypatch.setenv("HEADROOM_SHOW_PROCESSES", "1")
    assert "Command" in page(scenario).dataframe[0].value.columns


def test_a_running_program_beside_its_prediction(page: Callable[..., AppTest]) -> None:
    """A process that holds exactly what the plan says: inside the range, and its record carries the question and the
    figure.
    """
    asked = PlanRequest(model="meta-llama/Meta-Llama-3-8B", quantization="Q4_K_M", gpus="rtx-4090 [24564 MiB]")
    held = plan(asked).memory.devices[0].total.expected
    test = page(machine({**RTX_4090, "process0": f"4242:{held}"}))
    assert "inside the range" in words(test)
    saved = json.loads(
        test.json[0].value if test.json else next(block.value for block in test.code if block.value.startswith("{"))
    )
    assert saved["measured"] == {"gpu_total_bytes": held}
    assert saved["request"]["gpus"] == [{"name": "rtx-4090", "memory_mib": 24564}]


def test_a_difference_is_explained_and_the_explanation_can_be_taken(page: Callable[..., AppTest]) -> None:
    asked = PlanRequest(model="meta-llama/Meta-Llama-3-8B", quantization="Q8_0", gpus="rtx-4090 [24564 MiB]")
    held = plan(asked).memory.devices[0].total.expected
    test = page(machine({**RTX_4090, "used": 12_000 * MIB, "process0": f"4242:{held}"}))
    assert "outside the range" in words(test)
    test.button("explains:The weights are Q8_0").click().run()
    assert not test.exception
    assert "inside the range" in words(test)
    assert test.session_state["quantization"] == "Q8_0"


def test_a_log_tells_the_parts(page: Callable[..., AppTest]) -> None:
    test = page(machine(RTX_4090))
    log = (
        "load_tensors:        CUDA0 model buffer size =  2000.00 MiB\nllama_kv_cache:      CUDA0 KV buffer size =  "
        " 400.00 MiB\n"
    )
    test.text_area("running_log").set_value(log).run()
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "Part" in frame.value.columns)
    measured = dict(zip(table["Part"], table["Measured (GiB)"], strict=True))
    assert measured["Weights"] == 2_000 / 1_024
    assert measured["Overhead"] == 200 / 1_024
    log += "llama_context: n_ctx = 4096\nprint_info: file type = Q6_K\n"
    test.text_area("running_log").set_value(log).run()
    test.button("take_log").click().run()
    assert not test.exception
    assert (test.session_state["context"], test.session_state["quantization"], test.session_state["gpus"]) == (
        4_096,
        "Q6_K",
        "rtx-4090",
    )
    test.text_area("running_log").set_value("no log at all").run()
    assert "no line of a start-up log" in words(test)


def test_a_chosen_program_that_ends_leaves_the_others(page: Callable[..., AppTest], nvml: Machine) -> None:
    two = {**RTX_4090, "process1": f"5151:{300 * MIB}"}
    test = page(machine(two))
    test.multiselect("running").set_value(["pid:5151"]).run()
    assert "measured 0.29 GiB" in words(test)
    nvml(machine(RTX_4090))
    here.watch()._read_at = 0
    test.run()
    assert not test.exception
    nvml(machine({key: value for key, value in RTX_4090.items() if key not in ("process0", "graphics0", "used")}))
    here.watch()._read_at = 0
    test.run()
    assert not test.exception
    assert "When a program holds GPU memory" in words(test)


def test_a_card_that_is_not_in_the_catalogue_says_so(page: Callable[..., AppTest]) -> None:
    test = page(SCENARIOS["an unknown card"])
    assert "catalogue does not know this card" in words(test)
    test.button("plan_free").click().run()
    assert "not in the catalogue" in test.toast[0].value.replace("\\", "")


def test_programs_over_several_gpus_are_added(page: Callable[..., AppTest]) -> None:
    test = page(
        machine(
            {**RTX_4090, "process0": f"77:{4_000 * MIB}"},
            {**RTX_4090, "uuid": "GPU-b", "process0": f"77:{3_000 * MIB}"},
        )
    )
    assert "measured 6.84 GiB" in words(test)
    table = next(frame.value for frame in test.dataframe if "Process" in frame.value.columns)
    assert list(table[table["Process"] == 77]["GPU"]) == [0, 1]
