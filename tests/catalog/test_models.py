"""The bundled models: enough of them, exact, and as large as their publishers say."""

import pytest

from planner.catalog import find, models

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
