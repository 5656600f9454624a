"""The table of GPUs: whole rows, one meaning for each alias, and a plan or a sentence on every card with every
engine.
"""

from __future__ import annotations

import pytest

from planner.catalog.gpu_names import resolve
from planner.catalog.gpu_words import own_words
from planner.catalog.gpus import Gpu, by_id, gpus
from planner.core.data import table
from planner.core.errors import PlanError
from planner.engines.info import engines
from planner.plan import plan
from planner.request import PlanRequest
from planner.training.plan import train
from planner.training.request import TrainRequest


def test_rows_are_whole() -> None:
    assert len(gpus()) >= 540
    assert len(by_id()) == len(gpus()) == len({gpu.name for gpu in gpus()})
    for gpu in gpus():
        assert 0 < gpu.usable_bytes <= gpu.capacity_bytes, gpu.id
        assert gpu.bandwidth_gb_per_s > 0, gpu.id
        assert gpu.source, gpu.id
        assert gpu.as_of, gpu.id
        assert gpu.confidence in ("checked", "recalled"), gpu.id
        assert not gpu.fp16_tflops or not gpu.fp8_tflops or gpu.fp8_tflops >= gpu.fp16_tflops, gpu.id
        assert (
            not gpu.fp16_tflops
            or not gpu.fp16_fast_accumulate_tflops
            or gpu.fp16_fast_accumulate_tflops >= gpu.fp16_tflops
        ), gpu.id
        assert not gpu.memory_mib or 0.9 * gpu.memory_gb <= gpu.memory_mib / 1024 <= 1.05 * gpu.memory_gb, gpu.id
        assert not gpu.memory_options_gb or gpu.memory_gb in gpu.memory_options_gb, gpu.id
    assert {"NVIDIA", "AMD", "Intel", "Apple"} <= {gpu.vendor for gpu in gpus()}


def test_every_nvidia_card_has_a_compute_capability_and_every_amd_card_a_target() -> None:
    for gpu in gpus():
        assert (gpu.cuda is not None) == (gpu.vendor == "NVIDIA"), gpu.id
        assert gpu.vendor != "AMD" or gpu.compute_capability.startswith("gfx"), gpu.id
    assert by_id()["rubin-r200"].cuda == 10.7


def test_a_card_without_a_known_capability_has_none() -> None:
    assert Gpu("x", "X", "NVIDIA", "", 8, None, 0, None, 100).cuda is None


def test_an_alias_means_one_card() -> None:
    taken: dict[str, str] = {}
    for gpu in gpus():
        for alias in gpu.aliases:
            assert taken.setdefault(alias.lower(), gpu.id) == gpu.id, alias


def test_the_tables_beside_it_name_its_cards() -> None:
    assert {
        row["gpu"] for name in ("gpu_prices", "cloud_prices", "gpu_codenames") for row in table(name)
    } <= by_id().keys()
    assert not [row["code"] for row in table("gpu_codenames") if row["code"] != row["code"].lower()]
    for row in table("gpu_slices"):
        assert any(gpu.id == row["card"] or gpu.id.startswith(row["card"] + "-") for gpu in gpus()), row
        assert int(row["compute_slices"]) <= int(row["memory_slices"])


def test_no_word_of_a_name_is_lost() -> None:
    """A word that tells two cards apart is never among those that are left out: names that differ are read as
    different.
    """
    read: dict[tuple[object, ...], str] = {}
    for gpu in gpus():
        words = own_words(gpu.name)
        assert read.setdefault((frozenset(words.words), words.sizes_gb, words.cores), gpu.name) == gpu.name


@pytest.mark.parametrize("engine", list(engines()))
def test_every_card_is_planned_or_refused_with_a_sentence(engine: str) -> None:
    answered = 0
    for gpu in gpus():
        try:
            answer = plan(PlanRequest(model="Qwen/Qwen3-0.6B", engine=engine, gpus=gpu.id, context=2_048))
            assert answer.fit.reason.endswith("."), gpu.id
            assert answer.speed.decode_tokens_per_s.expected > 0, gpu.id
            answered += 1
        except PlanError as error:
            assert str(error).endswith("."), (gpu.id, error)
    assert answered >= sum(gpu.vendor == "Apple" for gpu in gpus())


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_card_is_trained_on_or_refused_with_a_sentence(method: str) -> None:
    for gpu in gpus():
        try:
            assert train(TrainRequest(model="Qwen/Qwen3-0.6B", method=method, gpus=gpu.id, seq_len=512)).fit.reason, (
                gpu.id
            )
        except PlanError as error:
            assert str(error).endswith("."), (gpu.id, error)


def test_a_bare_apple_chip_is_the_machine_that_its_price_buys() -> None:
    assert all(
        gpu.memory_gb == min(gpu.memory_options_gb) for gpu in gpus() if gpu.vendor == "Apple" and gpu.memory_options_gb
    )
    assert resolve("M3 Ultra").memory_gb == 96
