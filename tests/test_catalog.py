"""The bundled models: enough of them, exact, and found under the names that people use."""

import pytest

from planner.catalog import find, lookup, models
from planner.errors import PlanError

INEXACT = {"moonshotai/Kimi-K3"}
"""No published code says what the small tensors around Kimi K3's experts, and its tower, are: it must say so."""


def test_there_are_enough_models_and_each_has_its_source() -> None:
    assert len(models()) >= 120
    for model in models().values():
        assert model.source.startswith("https://"), model.id
        assert model.as_of, model.id
        assert model.title, model.id


@pytest.mark.parametrize("model", models().values(), ids=models())
def test_every_bundled_model_parses_exactly(model) -> None:  # type: ignore[no-untyped-def]
    architecture = model.architecture
    assert architecture.exact == (model.id not in INEXACT), architecture.note
    assert 0 < architecture.active <= architecture.parameters


@pytest.mark.parametrize("model_id", models())
def test_every_name_of_a_model_finds_it(model_id: str) -> None:
    model = models()[model_id]
    for name in (model.id, model.id.lower(), *model.aliases):
        found = lookup(name)
        assert found is not None, name
        assert found.id == model_id, name


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("llama3:70b", "meta-llama/Meta-Llama-3-70B-Instruct"),
        ("Llama 3 70B", "meta-llama/Meta-Llama-3-70B-Instruct"),
        ("llama-3-70b-instruct", "meta-llama/Meta-Llama-3-70B-Instruct"),
        ("meta-llama/Meta-Llama-3-70B", "meta-llama/Meta-Llama-3-70B-Instruct"),
        ("llama3.1:8b", "meta-llama/Meta-Llama-3.1-8B"),
        ("qwen3 30b a3b", "Qwen/Qwen3-30B-A3B"),
        ("mixtral 8x7b", "mistralai/Mixtral-8x7B-v0.1"),
        ("gpt-oss:120b", "openai/gpt-oss-120b"),
        ("Gemma 3 27B", "google/gemma-3-27b-it"),
        ("deepseek r1", "deepseek-ai/DeepSeek-R1"),
        ("biobert", "dmis-lab/biobert-base-cased-v1.2"),
        ("LLaMA 7B", "huggyllama/llama-7b"),
    ],
)
def test_everyday_names(name: str, model_id: str) -> None:
    assert find(name).id == model_id


@pytest.mark.parametrize("name", ["", " ", "70b", "llama3:71b", "no such model", "x" * 5_000, "<script>", "llama3:70b; rm"])
def test_a_name_that_means_no_model_is_a_sentence(name: str) -> None:
    with pytest.raises(PlanError) as caught:
        find(name)
    assert caught.value.field == "model"


def test_a_misspelt_name_offers_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"Did you mean .*llama3:70b"):
        find("lama3:70b")


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("llama3:70b", 70_553_706_496, 70_553_706_496),
        ("llama3.1:8b", 8_030_261_248, 8_030_261_248),
        ("qwen3:30b-a3b", 30_532_122_624, 3_353_032_704),
        ("mixtral:8x7b", 46_702_792_704, 12_879_925_248),
        ("gpt-oss:20b", 20_914_757_184, None),
        ("gpt-oss:120b", 116_829_156_672, None),
        ("deepseek-v3", 671_026_404_352, None),  # without the routers' correction biases, which are buffers
        ("qwen3:235b", None, 22_190_763_520),
        ("kimi-k2", 1_026_408_209_408, None),
        ("huggyllama/llama-30b", 32_528_943_616, None),
        ("qwen2.5:1.5b", 1_543_714_304, None),
        ("qwen2.5:32b", 32_763_876_352, None),
        ("qwen2.5:72b", 72_706_203_648, None),
        ("qwen3:8b", 8_190_735_360, None),
        ("qwen3:32b", 32_762_123_264, None),
        ("microsoft/phi-4", 14_659_507_200, None),
        ("mixtral:8x22b", 140_620_634_112, None),
        ("llama2:7b", 6_738_415_616, None),
    ],
)
def test_published_parameter_counts(name: str, total: int | None, active: int | None) -> None:
    architecture = find(name).architecture
    assert total is None or architecture.parameters == total
    assert active is None or architecture.active == active
