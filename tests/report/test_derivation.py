"""The audit: every printed expression, evaluated again, gives the figure beside it, over the whole catalogue."""

import re

import pytest

from planner import PlanError, PlanRequest, plan
from planner.catalog import models
from planner.core.formula import evaluate

NOISE = re.compile(r"None|nan|inf\b|\d[eE][-+]?\d|\d{13,}\.\d|\.0*[1-9]\d{12,}|\.\d+ bytes")
"""What no reader of the arithmetic should meet: binary noise, exponents, parts of a byte."""

CASES = [
    (
        "llama.cpp",
        {"quantization": "Q4_K_M", "gpus": "2x RTX 4090", "kv_cache_dtype": "q8_0", "context": 5_000, "batch": 3},
    ),
    ("llama.cpp", {"quantization": "IQ4_XS", "gpus": "RTX 3060 12GB", "system": {"ram_gib": 2_000}}),
    ("vllm", {"gpus": "8x H200", "context": 4_096}),
    ("transformers", {"quantization": "nf4", "gpus": "2x A100 80GB", "batch": 4}),
]


@pytest.mark.parametrize(("engine", "fields"), CASES, ids=[f"{engine}-{i}" for i, (engine, _) in enumerate(CASES)])
def test_every_printed_expression_gives_its_figure(engine: str, fields: dict[str, object]) -> None:
    audited = 0
    for model_id in models():
        try:
            answer = plan(PlanRequest.read({"model": model_id, "engine": engine, **fields}))
        except PlanError:
            continue  # an engine may refuse a model; that it refuses few is asserted below
        for step in answer.derivation:
            assert step.label
            assert not NOISE.search(f"{step.expression} = {step.result}"), (model_id, step.expression, step.result)
            assert evaluate(step.expression) == pytest.approx(step.value, rel=1e-9), (model_id, step)
            audited += 1
        assert any(step.value == answer.memory.weights.tensor_bytes.expected for step in answer.derivation), model_id
    assert audited > 2_000
