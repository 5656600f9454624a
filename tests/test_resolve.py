"""From a question as it is asked to the one that is answered: what wins, what runs the format in a name, and what is
said of it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from planner import PlanError, PlanRequest, plan
from planner.cli.batch import answer
from planner.cli.main import main
from planner.hub import HubError
from planner.report.json import plan_json
from planner.report.markdown import markdown
from planner.resolve import canonical
from planner.weight_files import sources

MAC = "M3 Ultra 256GB"


def ask(model: str, **fields: Any) -> tuple[str, str, str, str]:
    """(model, quantization, engine, note) of the canonical question."""
    request, taken = canonical(PlanRequest.read({"model": model, **fields}))
    assert canonical(request)[0] == request, "what came out is asked again as it is"
    return request.model or "", request.quantization, request.engine, taken.note


@pytest.mark.parametrize(
    ("model", "fields", "format", "engine"),
    [
        ("llama3.1:8b-instruct-q4_K_M", {}, "Q4_K_M", "llama.cpp"),
        ("llama3.1:8b-instruct-q4_K_M", {"engine": "ollama"}, "Q4_K_M", "ollama"),
        ("unsloth/Qwen3-30B-A3B-GGUF:UD-Q4_K_XL", {}, "Q4_K_M", "llama.cpp"),
        ("bartowski/Qwen_Qwen3-32B-GGUF", {}, "auto", "llama.cpp"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", {}, "awq-int4", "vllm"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", {"engine": "transformers"}, "awq-int4", "transformers"),
        ("TheBloke/Llama-2-13B-chat-GPTQ", {}, "gptq-int4", "vllm"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", {}, "fp8", "vllm"),
        ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", {}, "nf4-dq", "transformers"),
        ("mlx-community/Qwen3-8B-4bit", {"gpus": MAC}, "mlx-4bit", "mlx"),
        ("mlx-community/Qwen3-8B-3bit", {"gpus": MAC}, "mlx-3bit", "mlx"),
        ("mlx-community/Qwen3-8B-bf16", {"gpus": MAC}, "bf16", "mlx"),
        ("qwen3 32b 4bit", {}, "Q4_K_M", "llama.cpp"),
        ("qwen3 32b 4bit", {"engine": "vllm"}, "awq-int4", "vllm"),
        ("gpt-oss-20b-mxfp4", {}, "mxfp4", "llama.cpp"),
        ("gpt-oss-20b-mxfp4", {"engine": "vllm"}, "mxfp4", "vllm"),
        ("llama3:70b-instruct-fp16", {}, "fp16", "llama.cpp"),
        # what is given explicitly wins
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", {"quantization": "Q4_K_M"}, "Q4_K_M", "llama.cpp"),
        ("llama3.1:8b-instruct-q4_K_M", {"quantization": "fp8"}, "fp8", "vllm"),
        ("llama3.1:8b-instruct-q4_K_M", {"quantization": "Q8"}, "Q8_0", "llama.cpp"),
        ("llama3.1:8b-instruct-q4_K_M", {"quantization": "fp8", "engine": "vllm"}, "fp8", "vllm"),
        # published in the format: as published
        ("Qwen2.5-7B-Instruct-AWQ", {}, "auto", "vllm"),
        ("qwen3 32b fp8", {}, "auto", "vllm"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", {}, "auto", "llama.cpp"),  # its own id asks for nothing
    ],
)
def test_the_format_in_a_name_is_planned_by_what_runs_it(
    model: str, fields: dict[str, Any], format: str, engine: str
) -> None:
    assert ask(model, **fields)[1:3] == (format, engine)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (
            "bartowski/Qwen_Qwen3-32B-GGUF",
            {"engine": "vllm"},
            "vLLM does not run GGUF weights.*choose llama.cpp as the engine, or name Qwen/Qwen3-32B alone",
        ),
        (
            "TheBloke/Mistral-7B-Instruct-v0.2-AWQ",
            {"engine": "llama.cpp"},
            "llama.cpp does not run AWQ-INT4 weights.*choose vLLM as the engine",
        ),
        (
            "mlx-community/Qwen3-8B-4bit",
            {"engine": "vllm"},
            "vLLM does not run MLX 4-bit weights.*choose MLX as the engine",
        ),
        ("Qwen3-32B-exl2", {}, "EXL2 weights run on no engine that is planned here; name Qwen/Qwen3-32B alone"),
    ],
)
def test_an_engine_that_cannot_run_it_is_a_sentence_with_a_next_step(
    model: str, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlanError, match=words):
        ask(model, **fields)


def test_mlx_where_it_cannot_run_stands_for_as_many_bits() -> None:
    model, format, engine, note = ask("mlx-community/Qwen3-8B-8bit", gpus="RTX 4090")
    assert (model, format, engine) == ("Qwen/Qwen3-8B", "Q8_0", "llama.cpp")
    assert "MLX runs on Apple machines alone; here Q8_0 stands in for it." in note


def test_what_was_taken_is_said() -> None:
    assert ask("llama3:70b")[3] == ask("Llama-3.1-8B-Instruct")[3] == ask("Qwen/Qwen3-8B")[3] == ""
    assert (
        ask("unsloth/Llama-3.1-8B-Instruct")[3]
        == "unsloth/Llama-3.1-8B-Instruct is taken for unsloth's copy of Llama 3.1 8B."
    )
    assert ask("Qwen/Qwen3-8B", quantization="Q4_K - Medium")[3] == "Q4_K - Medium is planned as Q4_K_M."
    assert (
        ask("TheBloke/Mistral-7B-Instruct-v0.2-AWQ")[3]
        == "TheBloke/Mistral-7B-Instruct-v0.2-AWQ is taken for TheBloke's copy of Mistral 7B Instruct v0.2 as awq-int4,"
        " run by vLLM."
    )
    assert "the name may also mean Gemma 3" in ask("gemma 3")[3]
    assert "from which published ones differ by -6% to +15%" in ask("unsloth/Qwen3-30B-A3B-GGUF:UD-Q4_K_XL")[3]
    assert "a version with the same shapes of Qwen3 14B" in ask("huihui-ai/Qwen3-14B-abliterated")[3]


def test_a_model_published_in_a_format_and_named_without_is_meant_unquantized() -> None:
    assert ask("nemotron 3 super", engine="vllm")[:2] == ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", "bf16")
    assert ask("nemotron 3 super")[1] == "auto"
    assert ask("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", engine="vllm")[1] == "auto"


def test_a_weighted_file_has_an_importance_matrix_unless_told_otherwise() -> None:
    named = "mradermacher/Llama-3.1-8B-Instruct-i1-GGUF:i1-Q4_K_M"
    assert canonical(PlanRequest.read({"model": named}))[0].imatrix is True
    assert canonical(PlanRequest.read({"model": named, "imatrix": False}))[0].imatrix is False
    assert canonical(PlanRequest.read({"model": "Qwen/Qwen3-8B", "quantization": "i1-IQ3_M"}))[0].imatrix is True


def test_a_config_keeps_its_name_and_its_own_format() -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 1024,
        "num_hidden_layers": 2,
        "num_attention_heads": 16,
        "intermediate_size": 2048,
        "vocab_size": 1000,
    }
    request, taken = canonical(
        PlanRequest.read({"model": "TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "config": config, "quantization": "q8"})
    )
    assert (request.model, request.quantization, request.engine) == (
        "TheBloke/Mistral-7B-Instruct-v0.2-AWQ",
        "Q8_0",
        "llama.cpp",
    )
    assert taken.typed == ""


def test_the_answer_says_what_was_taken_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"model": "gemma 3 q8", "gpus": "RTX 4090"}
    planned = plan(PlanRequest.read(asked))
    assert planned.memory.weights.format == "Q8_0"
    told = plan_json(planned, advice=False)["model"]
    assert (told["name"], told["resolved_from"]) == ("google/gemma-3-4b-it", "gemma 3 q8")
    assert "google/gemma-3-27b-it" in told["others"]
    assert "the name may also mean" in told["note"]
    assert told["note"] in markdown(planned)
    alone = answer(json.dumps({"kind": "model", "model": "unsloth/Qwen3-8B-GGUF", "engine": "vllm"}))["model"]
    assert alone["name"] == "Qwen/Qwen3-8B"
    assert alone["resolved_from"] == "unsloth/Qwen3-8B-GGUF"
    assert main(["plan", "--model", "gemma 3 q8", "--gpu", "RTX 4090", "--offline"]) == 0
    assert told["note"] in capsys.readouterr().out
    assert (
        "resolved_from"
        not in plan_json(plan(PlanRequest.read({"model": "Qwen/Qwen3-8B", "gpus": "RTX 4090"})), advice=False)["model"]
    )


@pytest.mark.parametrize(
    ("model", "fields", "base", "words"),
    [
        ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", {}, "nf4-dq", "as nf4-dq"),
        ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", {"quantization": "int8"}, "int8", "copy of Llama 3.2 3B"),
        (
            "unsloth/Llama-3.2-3B-Instruct-bnb-4bit",
            {"method": "full"},
            "auto",
            "Full fine-tuning trains the model itself",
        ),
        ("llama 3.2 3b", {"quantization": "4-bit"}, "nf4", "as nf4"),
        ("meta-llama/Llama-3.2-3B", {"quantization": "8bit"}, "int8", "8bit is planned as int8."),
        ("TheBloke/Llama-2-13B-chat-GPTQ", {}, "gptq-int4", "as gptq-int4"),
        (
            "llama3.2:3b-instruct-q4_K_M",
            {},
            "auto",
            "Q4_K_M weights are not trained on: planned is the model itself, meta-llama/Llama-3.2-3B.",
        ),
    ],
)
def test_a_name_says_the_frozen_base_of_a_fine_tuning(
    model: str, fields: dict[str, Any], base: str, words: str
) -> None:
    from planner.training.answer import train_json
    from planner.training.plan import train
    from planner.training.request import TrainRequest

    trained = train(TrainRequest.read({"model": model, "gpus": "H100", **fields}))
    assert trained.request.quantization == base
    assert words in train_json(trained)["model"]["note"]


def test_a_copy_in_a_format_is_asked_of_the_hub_and_stands_for_its_model_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "_silence", {"ends": 0.0})
    config = {
        "model_type": "llama",
        "hidden_size": 1024,
        "num_hidden_layers": 2,
        "num_attention_heads": 16,
        "intermediate_size": 2048,
        "vocab_size": 1000,
    }
    heard: list[str] = []

    def fetch(name: str, quantization: str) -> tuple[str, dict[str, Any]]:
        heard.append(name)
        return name.split(":")[0], config

    def nobody(name: str, quantization: str) -> tuple[str, dict[str, Any]]:
        heard.append(name)
        raise HubError("The Hub cannot be reached; check the network.", "unreachable")

    def asked(model: str, fetch: sources.Fetch) -> PlanRequest:
        return sources.asked_of_hub(PlanRequest.read({"model": model}), fetch)

    for bundled in ("meta-llama/Llama-3.1-8B-Instruct", "unsloth/Llama-3.1-8B-Instruct", "llama3:70b", "gemma 3"):
        assert asked(bundled, nobody).config is None
    assert heard == []
    assert asked("someone/unheard-of-awq", fetch).config == config
    found = asked("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", fetch)
    assert (found.config, found.model, found.engine, found.quantization) == (
        config,
        "TheBloke/Mistral-7B-Instruct-v0.2-AWQ",
        "vllm",
        "auto",
    )
    with pytest.raises(HubError):
        asked("someone/unheard-of", nobody)
    heard.clear()
    for _ in range(2):  # once nobody answers, nobody is asked for a while
        assert asked("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", nobody).config is None
    assert heard == ["TheBloke/Mistral-7B-Instruct-v0.2-AWQ"]


def test_a_file_that_is_not_here_means_its_model_and_one_that_means_none_is_asked_for() -> None:
    found = sources.with_config(PlanRequest.read({"model": "/nowhere/Qwen3-8B-Q4_K_M.gguf"}))
    assert found.config is None
    assert ask("/nowhere/Qwen3-8B-Q4_K_M.gguf")[:2] == ("Qwen/Qwen3-8B", "Q4_K_M")
    with pytest.raises(PlanError, match="check the path"):
        sources.with_config(PlanRequest.read({"model": "/nowhere/my-own-model.gguf"}))
