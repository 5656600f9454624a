"""Ollama's own defaults."""

import pytest

from planner import PlanRequest, plan
from planner.engines.llama_cpp.layout import Layout
from planner.engines.llama_cpp.ollama_settings import Setting, conclusion, default_context, settings
from planner.engines.registry import engine
from planner.plan import Plan


@pytest.mark.parametrize(
    ("model", "file_type"),
    [
        ("llama3:70b", "Q4_0"),
        ("meta-llama/Llama-3.1-8B", "Q4_K_M"),
        ("openai/gpt-oss-20b", "MXFP4_MOE"),
        ("Qwen/Qwen3-8B", "Q4_K_M"),
        ("starcoder2:7b", "Q4_0"),
        ("phi3:3.8b", "Q4_0"),
        ("bge-m3", "F16"),
        ("embeddinggemma", "BF16"),
        ("smollm2:1.7b", "Q8_0"),
    ],
)
def test_a_tag_without_a_type_is_what_the_library_holds(model: str, file_type: str) -> None:
    assert (
        plan(PlanRequest.read({"model": model, "engine": "ollama", "gpus": "RTX 4090"})).memory.weights.format
        == file_type
    )


def test_what_is_asked_for_wins_over_the_library() -> None:
    assert (
        plan(
            PlanRequest.read({"model": "llama3:70b", "engine": "ollama", "quantization": "Q4_K_M"})
        ).memory.weights.format
        == "Q4_K_M"
    )


def test_the_modelfile_keeps_context_and_layers() -> None:
    answer = plan(PlanRequest.read({"model": "llama3:70b", "engine": "ollama", "gpus": "RTX 4090", "context": 16_384}))
    text = {command.title: command.text for command in answer.commands}
    assert "PARAMETER num_ctx 16384" in text["Modelfile"]
    assert f"PARAMETER num_gpu {answer.memory.gpu_layers}" in text["Modelfile"]
    assert "OLLAMA_CONTEXT_LENGTH=16384" in text["Server"]


def asked(**fields: object) -> Plan:
    return plan(PlanRequest.read({"model": "meta-llama/Llama-3.1-8B", "engine": "ollama", **fields}))


def by_name(answer: Plan) -> dict[str, Setting]:
    layout = Layout.of(answer.case, engine("ollama").quantization(answer.case))
    return {setting.name: setting for setting in settings(layout)}


@pytest.mark.parametrize(
    ("gpus", "tokens"),
    [
        ("", 4_096),
        ("RTX 3060", 4_096),
        ("RTX 4090", 32_768),
        ("2x RTX 3060", 32_768),
        ("2x RTX 4090", 131_072),
        ("H100 SXM5 80GB", 131_072),
    ],
)
def test_the_default_context_follows_the_memory_of_all_gpus_up_to_what_the_model_was_trained_for(
    gpus: str, tokens: int
) -> None:
    assert default_context(asked(gpus=gpus).case) == tokens


def test_without_gpus_in_use_the_default_is_the_smallest() -> None:
    assert default_context(asked(gpus="2x RTX 4090", backend="cpu").case) == 4_096


def test_only_what_differs_from_ollamas_defaults_has_to_be_set() -> None:
    alone = by_name(asked(gpus="RTX 4090", context=32_768))
    assert not any(setting.needed for setting in alone.values())
    busy = by_name(asked(gpus="RTX 4090", context=8_192, batch=3, kv_cache_dtype="q8_0", gpu_layers=20))
    needed = {name: setting.plan for name, setting in busy.items() if setting.needed}
    assert needed == {
        "OLLAMA_CONTEXT_LENGTH": "8192",
        "OLLAMA_NUM_PARALLEL": "3",
        "OLLAMA_FLASH_ATTENTION": "1",
        "OLLAMA_KV_CACHE_TYPE": "q8_0",
        "num_gpu": "20",
    }


@pytest.mark.parametrize(
    ("context", "words"),
    [(8_192, "cuts what is longer"), (4_096, "own default"), (2_048, "more than the plan's 2,048")],
)
def test_the_sentence_says_what_happens_if_nothing_is_set(context: int, words: str) -> None:
    assert words in conclusion(asked(gpus="RTX 3060", context=context).case)
