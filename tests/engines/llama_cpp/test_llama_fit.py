"""What llama.cpp's own fit would choose: context first, then layers, dense parts before experts, and never what the
user set.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.engines.llama_cpp.fit import LEAST_CONTEXT, STEP, Fitted, left_alone, sentence
from planner.engines.llama_cpp.layout import MARGIN_BYTES
from planner.plan import Plan, plan
from planner.request import PlanRequest

LLAMA_8B, LLAMA_70B, MOE = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
    "openai/gpt-oss-120b",
)


def ask(model: str, gpus: str, **fields: Any) -> Plan:
    return plan(PlanRequest.read({"model": model, "gpus": gpus, "quantization": "Q4_K_M", **fields}))


def alone(model: str, gpus: str, context: int | None = None) -> Fitted:
    found = left_alone(ask(model, gpus).case, "Q4_K_M", context)
    assert found is not None
    return found


def test_the_context_is_shortened_before_any_layer_moves() -> None:
    """12 GB hold Llama 3.1 8B's 4.6 GiB and some of its 128 KiB a token, but not 131,072 of them."""
    found = alone(LLAMA_8B, "rtx-3060-12gb")
    assert found.gpu_layers == 33
    assert LEAST_CONTEXT < found.context < 131_072
    assert found.context % STEP == 0
    free = ask(LLAMA_8B, "rtx-3060-12gb", context=found.context, gpu_layers=33).memory.devices[0].free_bytes
    assert MARGIN_BYTES <= free < MARGIN_BYTES + 2 * STEP * 131_072


def test_a_context_that_fits_whole_is_the_models_own() -> None:
    assert alone(LLAMA_8B, "rtx-4090").context == 131_072


def test_layers_move_only_at_the_least_context_or_at_the_one_given() -> None:
    assert (alone(LLAMA_70B, "rtx-4090").context, alone(LLAMA_70B, "rtx-4090", 8_192).context) == (LEAST_CONTEXT, 8_192)
    assert alone(LLAMA_70B, "rtx-4090", 8_192).gpu_layers < alone(LLAMA_70B, "rtx-4090").gpu_layers < 81


def test_experts_leave_before_layers() -> None:
    found = alone(MOE, "rtx-4090")
    assert found.gpu_layers == 37
    assert 0 < found.cpu_moe_layers < 36


def test_two_gpus_share_the_experts_that_come_back() -> None:
    """The second GPU's room is used as well as the first's: fewer experts stay in system memory than with half the GPUs
    by far more than one card's share.
    """
    one, two = alone(MOE, "rtx-4090", 8_192), alone(MOE, "2x rtx-4090", 8_192)
    assert two.cpu_moe_layers < one.cpu_moe_layers - 10
    planned = ask(MOE, "2x rtx-4090").memory
    assert abs(planned.cpu_moe_layers - two.cpu_moe_layers) <= 1
    assert all(device.free_bytes >= MARGIN_BYTES for device in planned.devices)


def test_nothing_is_fitted_without_a_gpu_or_where_matrices_are_cut() -> None:
    assert left_alone(ask(LLAMA_8B, "").case, "Q4_K_M") is None
    assert left_alone(ask(LLAMA_70B, "2x rtx-4090", split_mode="row").case, "Q4_K_M") is None


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([LLAMA_8B, LLAMA_70B, MOE, "Qwen/Qwen3-30B-A3B", "google/gemma-3-12b-it"]),
    st.sampled_from(["rtx-3060-12gb", "rtx-4090", "2x rtx-4060", "rtx-4090 + rtx-3060-12gb", "h100-sxm"]),
    st.sampled_from([None, 4_096, 32_768]),
)
def test_a_choice_is_a_split_of_the_model(model: str, gpus: str, context: int | None) -> None:
    case = ask(model, gpus).case
    found, layers = left_alone(case, "Q4_K_M", context), len(case.architecture.main.layers)
    assert found is not None
    assert found.gpu_layers == sum(share.layers for share in found.shares) <= layers + 1
    assert 0 <= found.cpu_moe_layers <= layers
    assert found.context == context if context else found.context >= min(LEAST_CONTEXT, case.architecture.max_context)
    assert sentence(found, layers, context is not None).endswith(".")


@pytest.mark.parametrize(("gpus", "flag"), [("2x rtx-4090", "-ts "), ("rtx-4090", "--n-cpu-moe ")])
def test_the_command_says_a_split_that_free_memory_alone_would_not_give(gpus: str, flag: str) -> None:
    assert flag in ask(MOE, gpus).commands[0].text
