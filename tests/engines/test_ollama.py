"""Ollama's own defaults."""

import pytest

from planner import PlanRequest, plan


@pytest.mark.parametrize(
    ("model", "file_type"), [("llama3:70b", "Q4_0"), ("meta-llama/Llama-3.1-8B", "Q4_K_M"), ("openai/gpt-oss-20b", "MXFP4_MOE"), ("Qwen/Qwen3-8B", "Q4_K_M")]
)
def test_a_tag_without_a_type_is_what_the_library_holds(model: str, file_type: str) -> None:
    assert plan(PlanRequest.read({"model": model, "engine": "ollama", "gpus": "RTX 4090"})).memory.weights.format == file_type


def test_what_is_asked_for_wins_over_the_library() -> None:
    assert plan(PlanRequest.read({"model": "llama3:70b", "engine": "ollama", "quantization": "Q4_K_M"})).memory.weights.format == "Q4_K_M"


def test_the_modelfile_keeps_context_and_layers() -> None:
    answer = plan(PlanRequest.read({"model": "llama3:70b", "engine": "ollama", "gpus": "RTX 4090", "context": 16_384}))
    text = {command.title: command.text for command in answer.commands}
    assert "PARAMETER num_ctx 16384" in text["Modelfile"]
    assert f"PARAMETER num_gpu {answer.memory.gpu_layers}" in text["Modelfile"]
    assert "OLLAMA_CONTEXT_LENGTH=16384" in text["Server"]
