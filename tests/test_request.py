"""One request in five spellings, and one plain sentence for whatever is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from planner.cli.main import main
from planner.core.errors import PlanError
from planner.engines.info import engines
from planner.request import GpuSpec, PlanRequest, SystemSpec
from planner.training.request import TrainRequest

FULL: dict[str, Any] = {
    "model": "meta-llama/Meta-Llama-3-70B",
    "quantization": "Q4_K_M",
    "engine": "llama.cpp",
    "context": 4096,
    "batch": 2,
    "gpu_layers": 40,
    "gpus": [{"name": "RTX 4090", "count": 2}, {"name": "RTX 3090"}],
    "flash_attention": False,
    "system": {"ram_gib": 128},
    "tensor_split": [3, 2, 1],
    "electricity_usd_per_kwh": 0.12,
    "kv_cache_dtype": "q8_0",
    "api": {"input_usd_per_million": 3, "output_usd_per_million": 15},
}


def test_a_request_survives_the_link() -> None:
    request = PlanRequest.read(FULL)
    assert PlanRequest.from_query(request.to_query()) == request
    assert request.to_query()["gpus"] == "2x RTX 4090 + RTX 3090"


def test_defaults_leave_the_link_short() -> None:
    assert PlanRequest(model="llama3:70b").to_query() == {"model": "llama3:70b"}


def test_a_request_survives_json() -> None:
    request = PlanRequest.read(FULL)
    assert PlanRequest.read(json.loads(json.dumps(request.given()))) == request


def test_gpus_may_be_a_sentence() -> None:
    assert PlanRequest(model="m", gpus="2x RTX 4090 + RTX 3090").gpus == (
        GpuSpec(name="RTX 4090", count=2),
        GpuSpec(name="RTX 3090"),
    )  # type: ignore[arg-type]
    assert PlanRequest(model="m", gpus="").gpus == ()  # type: ignore[arg-type]


def test_foreign_parameters_of_a_link_are_left_alone() -> None:
    assert PlanRequest.from_query({"model": "m", "embed": "true"}) == PlanRequest(model="m")


def nested(levels: int) -> dict[str, Any]:
    """An object in an object in an object."""
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"a": inner}
    return inner


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        ({}, "model", "Name a model"),
        ({"model": "m", "contxt": 5}, "request", "Did you mean context"),
        ({"model": "m", "context": -1}, "context", "cannot be -1: give at least 1."),
        ({"model": "m", "context": 10**30}, "context", "give at most 100,000,000."),
        ({"model": "m", "context": "many"}, "context", 'cannot be "many": give a whole number.'),
        ({"model": "m", "batch": 0}, "batch", "give at least 1"),
        ({"model": "m", "engine": "vlm"}, "engine", "Did you mean vllm?"),
        ({"model": "m", "gpus": [{"name": "x", "count": 0}]}, "gpus", "gpus.0.count cannot be 0: give at least 1."),
        ({"model": "m", "gpus": [{"nam": "x"}]}, "gpus", "gpus.0.name is missing"),
        ({"model": "m", "gpus": [{"name": "a", "count": 1000}, {"name": "b", "count": 1000}]}, "gpus", "at most"),
        ({"model": "m", "config": "text"}, "config", "give a JSON object"),
        ({"model": "m" * 5000}, "model", "at most"),
        ({"model": "m", "gpu_memory_utilization": float("nan")}, "gpu_memory_utilization", "cannot be NaN"),
        ({"model": "m", "tensor_split": 1}, "tensor_split", "cannot be 1: give a list."),
        (
            {"model": "m", "tensor_split": [1, float("inf")]},
            "tensor_split",
            "tensor_split.1 cannot be Infinity: give a finite number.",
        ),
        ({"model": "m", "tensor_split": [-1, 1]}, "tensor_split", "must hold a share from 0"),
        ({"model": "m", "system": []}, "system", "cannot be []: give a JSON object."),
        ({"model": "m", "api": {"input_usd_per_million": float("inf")}}, "api", "Infinity"),
        ({"model": "\ud800"}, "model", "give a text in Unicode."),
        ({"config": {"a": "\ud800"}}, "config", "no Unicode"),
        ({"config": nested(5_000)}, "config", "nested more than 32 levels deep"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_at_its_field(raw: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        PlanRequest.read(raw)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*PlanRequest.model_fields, "nonsense"]), st.text(max_size=30), max_size=6))
def test_any_link_is_a_request_or_a_sentence(query: dict[str, str]) -> None:
    try:
        request = PlanRequest.from_query(query)
    except PlanError as error:
        assert str(error)
    else:
        assert PlanRequest.from_query(request.to_query()) == request


@pytest.mark.parametrize("kind", [PlanRequest, TrainRequest, SystemSpec])
def test_every_field_says_what_it_means(kind: type[BaseModel]) -> None:
    for name, field in kind.model_fields.items():
        assert field.description, name
        extra = field.json_schema_extra or {}
        assert isinstance(extra, dict)
        assert set(extra) <= {"label", "unit", "engines", "choices", "unset"}, name
        assert set(extra.get("engines", ())) <= set(engines()), name  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["plan", "train", "model"])
def test_help_says_what_each_flag_means(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "VALUE" not in said
    if command != "train":
        assert "--context TOKENS tokens that each sequence may hold, prompt and answer together (default: 8192)" in said
        assert "(default: as many as fit; for llama.cpp, ollama)" in said
