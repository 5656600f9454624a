"""llama.cpp's parts of the plan page: the picture of the layers, its slider, the quantization table and loading."""

from typing import Any

from streamlit.testing.v1 import AppTest

from planner import PlanRequest, plan
from planner.core.units import GIB
from planner.engines.llama_cpp.places import units
from tests.pages.dashboard import opened as opened_plan
from ui.formats import LOSS, formats_frame
from ui.layers import AS_FITS, conclusion, layout_of, moved, table
from ui.show.text import slug

SPLIT = {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-4090"}


def opened(tab: str, **query: str) -> AppTest:
    return opened_plan(**query, tab=slug(tab))


def test_the_slider_moves_layers_and_a_button_gives_them_back() -> None:
    page = opened("Layers", **SPLIT)
    slider = next(iter(page.slider))
    assert 0 < slider.value < 81
    slider.set_value(10).run()
    assert not page.exception
    assert page.session_state["gpu_layers"] == 10
    next(button for button in page.button if button.label == "As many as fit").click().run()
    assert page.session_state["gpu_layers"] is None


def test_loading_says_disk_download_memory_and_time() -> None:
    page = opened("Loading", **SPLIT)
    assert {"On disk", "System memory while loading", "Download", "Load"} <= {metric.label for metric in page.metric}


def test_the_picture_adds_up_to_the_plan() -> None:
    answer = plan(
        PlanRequest.read(
            {"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q4_K_M", "engine": "llama.cpp", "gpus": "RTX 4060 Ti 16GB"}
        )
    )
    layout = layout_of(answer)
    found = units(layout)
    on_host = sum(unit.weights_bytes for unit in found if unit.device < 0) + sum(
        unit.experts_bytes for unit in found if unit.experts_device < 0
    )
    assert abs(on_host - answer.memory.host.weights.expected) < 64
    frame: Any = table(layout, found)
    assert len(frame) == 50
    assert abs(frame["Cache (GiB)"].sum() * GIB - answer.memory.devices[0].kv_cache.expected) < 1024
    assert "System RAM holds the experts of 12 layers" in conclusion(layout, found)


def test_the_quantization_table_marks_the_published_loss() -> None:
    frame = formats_frame(PlanRequest.read({**SPLIT, "engine": "llama.cpp"}))
    row = frame[frame["Quantization"] == "Q4_K_M"].iloc[0]
    assert round(row["Weights on disk (GiB)"], 2) == 39.6
    assert row[LOSS] == 0.1754


def test_ollamas_settings_are_shown_with_the_plans_own_values() -> None:
    page = opened("Run it", **SPLIT, engine="ollama", context="16384")
    frame = next(table.value for table in page.dataframe if "Left alone" in table.value.columns)
    row = frame[frame["Setting"] == "OLLAMA_CONTEXT_LENGTH"].iloc[0]
    assert (row["This plan"], row["Left alone"], row["To set"]) == ("16384", "8192", "yes")
    assert any("PARAMETER num_ctx 16384" in code.value for code in page.code)
    assert any(code.value.startswith("lms load MODEL --context-length 16384 --gpu 0.") for code in page.code)


def test_a_tensor_split_says_what_each_gpu_holds() -> None:
    answer = plan(PlanRequest.read({**SPLIT, "engine": "llama.cpp", "gpus": "2x RTX 4090", "split_mode": "tensor"}))
    layout = layout_of(answer)
    assert "tensor split): 0: GeForce RTX 4090 holds 19." in conclusion(layout, units(layout))


def test_a_slider_keeps_what_the_fit_moved_and_gives_it_back() -> None:
    """Moving a layer of a model with experts leaves those in system memory where they are; the button lets the fit
    choose again.
    """
    asked = {"model": "openai/gpt-oss-120b", "gpus": "2x rtx-4090", "quantization": "MXFP4_MOE"}
    held = plan(PlanRequest.read(asked)).memory.split_held
    assert {"gpu_layers", "cpu_moe_layers", "tensor_split"} == set(held)
    change = moved(plan(PlanRequest.read(asked)), held["gpu_layers"] - 1)
    assert sum(change["tensor_split"]) == change["gpu_layers"] == held["gpu_layers"] - 1
    assert plan(PlanRequest.read({**asked, **change})).fit.verdict == "offload"
    assert moved(plan(PlanRequest.read(asked)), 3)["tensor_split"] == (0, 3)
    assert plan(PlanRequest.read({**asked, **held, **AS_FITS})).memory.split_held == held
