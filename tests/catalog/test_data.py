"""The bundled models as data: each row is its config as published, with nothing left out, under the names that people
use.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

import planner
from planner.calibrate.catalogue import MODELS, bundled, catalogue, changed, digest, files, read
from planner.catalog import Model, models, most_used
from planner.core.errors import PlanError
from planner.memory.quantity import Pool

ENGINES = {
    "llama.cpp": "8x H200",
    "ollama": "8x H200",
    "vllm": "8x H200",
    "sglang": "8x H200",
    "transformers": "8x H200",
    "tensorrt-llm": "8x H200",
    "mlx": "M3 Ultra",
}
SIZE = re.compile(r"(?<![\w.])(?:(\d+)x)?([ER]?)(\d+(?:\.\d+)?)([BMT])(?![\w.])")
UNIT = {"M": 1e6, "B": 1e9, "T": 1e12}


def size(model: Model) -> tuple[bool, float] | None:
    """The first size in a title, and whether it is a plain one: not 8x7B, nor an E2B or R7B that is part of the
    name.
    """
    found = SIZE.search(model.title)
    return (not found[1] and not found[2], float(found[3]) * UNIT[found[4]]) if found else None


def test_every_row_is_the_config_that_its_digest_was_taken_of() -> None:
    for model in models().values():
        assert digest(model.config) == model.digest, model.id


def test_the_files_are_what_the_script_makes_of_configs_and_names() -> None:
    made = files(catalogue(bundled()))
    assert made == {path.name: path.read_text(encoding="utf-8") for path in MODELS.glob("*.json")}


def test_a_config_that_was_edited_by_hand_is_refused(tmp_path: Path) -> None:
    row = {"id": "a/b", "config": {"sliding_window": None}, "digest": digest({"sliding_window": None})}
    (tmp_path / "a.json").write_text(json.dumps([row]))
    assert bundled(tmp_path) == {"a/b": row}
    (tmp_path / "a.json").write_text(json.dumps([{**row, "config": {}}]))
    with pytest.raises(ValueError, match="edited by hand: a/b"):
        bundled(tmp_path)


def test_a_config_is_read_whole_but_for_who_collected_it(tmp_path: Path) -> None:
    published = {"sliding_window": None, "use_sliding_window": False, "_sliding_window_pattern": 6}
    (tmp_path / "a__b.json").write_text(json.dumps({**published, "_source": "somewhere", "_complete": False}))
    (tmp_path / "a__b__c.json").write_text(json.dumps(published))
    assert read(tmp_path) == {
        "a/b": {"config": published, "complete": False},
        "a/b__c": {"config": published, "complete": True},
    }


def test_changes_reach_into_sections_and_leave_the_rest() -> None:
    config = {"a": 1, "text_config": {"b": 2, "c": None}}
    assert changed(config, {"text_config": {"b": 3}}) == {"a": 1, "text_config": {"b": 3, "c": None}}
    assert config["text_config"] == {"b": 2, "c": None}


def test_a_model_without_a_config_is_named() -> None:
    with pytest.raises(ValueError, match=r"without a config: 01-ai/Yi-1\.5-34B-Chat"):
        catalogue({name: row for name, row in bundled().items() if name != "01-ai/Yi-1.5-34B-Chat"})


def test_titles_are_unique_and_say_the_size() -> None:
    titles = Counter(model.title.lower() for model in models().values())
    assert not [title for title, count in titles.items() if count > 1]
    for model in models().values():
        said = size(model)
        assert said, model.title
        if said[0]:
            assert 1 / 1.7 < said[1] / model.architecture.parameters < 1.7, (model.title, model.architecture.parameters)


def test_names_belong_to_one_model() -> None:
    owners: dict[str, str] = {}
    for model in models().values():
        for name in (model.id, model.title, *model.aliases):
            assert owners.setdefault(name.lower(), model.id) == model.id, name


def test_the_most_used_come_first_and_every_model_comes() -> None:
    listed = most_used()
    assert {model.id for model in listed} == set(models())
    assert [model.title for model in listed[:2]] == ["Llama 3.1 8B", "Llama 3.1 70B"]
    assert [model.pulls for model in listed] == sorted((model.pulls for model in listed), reverse=True)
    unpulled = [model.downloads for model in listed if not model.pulls]
    assert unpulled == sorted(unpulled, reverse=True)
    assert list(models()) == [
        row["id"] for path in sorted(MODELS.glob("*.json")) for row in json.loads(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("google/gemma-3-4b-it", 131_072),
        ("google/gemma-3-12b-it", 131_072),
        ("google/gemma-3-27b-it", 131_072),
        ("google/medgemma-4b-it", 131_072),
        ("CohereLabs/c4ai-command-r7b-12-2024", 132_096),
        ("Qwen/Qwen2.5-14B-Instruct", 32_768),
        ("Qwen/Qwen2.5-14B", 131_072),
        ("Qwen/Qwen2.5-32B-Instruct", 32_768),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", 262_144),
        ("Qwen/Qwen3-30B-A3B", 40_960),
    ],
)
def test_contexts_are_those_of_the_releases(name: str, context: int) -> None:
    assert models()[name].architecture.max_context == context


def test_a_model_without_a_config_of_its_own_is_another_with_named_changes() -> None:
    plain, packed = models()["Qwen/Qwen3.6-27B"], models()["nvidia/Qwen3.6-27B-NVFP4"]
    assert plain.config == {**packed.config, "quantization_config": None}
    assert plain.architecture.quantization is None
    assert not plain.complete


WINDOW_OF_THE_CLASS = {"mistralai/Mistral-7B-v0.1", "BioMistral/BioMistral-7B"}
"""Mistral 7B v0.1 has a window of 4,096, which its class assumes; these two configs were put together without that key.
"""


def test_no_window_comes_from_a_class_where_the_config_is_silent() -> None:
    silent = {
        model.id
        for model in models().values()
        if any(mixer.window for stack in model.architecture.stacks for layer in stack.layers for mixer in layer.mixers)
        and not re.search(r"window|chunk|local_attention", json.dumps(model.config))
    }
    assert silent == WINDOW_OF_THE_CLASS
    assert not any(models()[name].complete for name in silent)


def test_llama_3_1_and_later_scale_their_rotary_frequencies() -> None:
    for name in (
        "meta-llama/Meta-Llama-3.1-8B",
        "meta-llama/Llama-3.2-1B-Instruct",
        "meta-llama/Llama-3.3-70B-Instruct",
    ):
        assert len(models()[name].architecture.rope_factors) == 1, name
    assert models()["meta-llama/Meta-Llama-3-8B"].architecture.rope_factors == ()


@pytest.mark.parametrize(("engine", "longest"), [*((engine, 40_960) for engine in ENGINES), ("vllm", 8_192)])
def test_by_name_is_by_config(engine: str, longest: int) -> None:
    """Parameters, caches and memory, also beyond any window: at the model's longest context, up to 40,960 tokens."""
    for model in models().values():
        context = min(model.architecture.max_context, longest)
        asked = {"model": model.id, "engine": engine, "gpus": ENGINES[engine], "context": context}
        assert figures(asked) == figures({**asked, "config": dict(model.config)}), (model.id, context)


def figures(question: dict[str, object]) -> object:
    """What must not depend on how the model was given: all of its memory, or the sentence that refuses it."""
    try:
        plan = planner.plan(planner.PlanRequest(**question))  # type: ignore[arg-type]
    except PlanError as error:
        return str(error)
    return plan.architecture, plan.memory, plan.fit


def vllm(model: str, context: int, gpus: str) -> Pool:
    pool = planner.plan(planner.PlanRequest(model=model, engine="vllm", gpus=gpus, context=context)).memory.pool
    assert pool
    return pool


@pytest.mark.parametrize(("context", "requests"), [(8_192, 36.7), (16_384, 18.3), (32_768, 9.2), (40_960, 7.3)])
def test_qwen3_32b_holds_as_many_tokens_at_any_context(context: int, requests: float) -> None:
    pool = vllm("Qwen/Qwen3-32B", context, "2x H100 SXM")
    assert pool.tokens == 300_512
    assert round(pool.sequences, 1) == requests


def test_mistral_7b_v0_2_has_no_window() -> None:
    assert vllm("mistralai/Mistral-7B-Instruct-v0.2", 32_768, "H100 SXM").tokens == 469_616


def test_qwen2_5_72b_caches_its_whole_context() -> None:
    plan = planner.plan(
        planner.PlanRequest(
            model="Qwen/Qwen2.5-72B-Instruct", engine="transformers", gpus="8x H100 SXM", context=32_768
        )
    )
    assert sum(device.kv_cache.expected for device in plan.memory.devices) == 10 * 2**30
