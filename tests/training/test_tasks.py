"""What a model is trained for: its head, its loss, and every bundled model with every method."""

from typing import Any, get_args

import pytest

from planner import PlanError, TrainRequest, train
from planner.catalog import models
from planner.cli.batch import answer
from planner.training.plan import TrainPlan
from planner.training.request import Method, Task
from planner.training.snippets import snippets

BERT: dict[str, Any] = {"model": "google-bert/bert-base-uncased", "micro_batch": 8, "seq_len": 512, "gpus": "H200"}
LABELS = 2


def ask(**fields: Any) -> TrainPlan:
    return train(TrainRequest.read(fields))


@pytest.mark.parametrize("method", get_args(Method))
def test_every_bundled_model_is_planned_or_refused_with_a_reason(method: str) -> None:
    planned = 0
    for name in models():
        for checkpointing in ("full", "none"):
            try:
                plan = ask(
                    model=name, method=method, checkpointing=checkpointing, micro_batch=2, seq_len=256, gpus="H200"
                )
            except PlanError as error:
                assert error.field, name
                continue
            planned += 1
            assert 0 < plan.peak_allocated.low <= plan.peak_allocated.expected <= plan.peak_allocated.high, name
            assert plan.speed is not None, name
            assert plan.speed.tokens_per_s.expected > 0, name
            assert plan.trainable_parameters > 0, name
    assert planned > 2 * 0.95 * len(models())


def test_bert_classifies_in_19_hundredths_of_10_gb() -> None:
    """8 x 512 tokens, all weights: 1.9 GB with SDPA, counted on its own class."""
    plan = ask(**BERT, method="full", checkpointing="none")
    assert plan.case.task == "classification"
    assert plan.peak_allocated.expected == pytest.approx(1.905e9, rel=0.01)
    assert ask(
        **BERT, method="full", checkpointing="none", flash_attention=False
    ).peak_allocated.expected == pytest.approx(2.519e9, rel=0.01)


def test_a_classifier_has_a_dense_layer_and_labels_in_place_of_the_vocabulary() -> None:
    classifier, masked = ask(**BERT, method="full"), ask(**BERT, method="full", task="pretrain")
    body = 109_514_298 - (
        768 * 768 + 768 + 2 * 768 + 30_522
    )  # all but the head over the vocabulary, whose matrix is the embedding's
    assert classifier.trainable_parameters == body + 768 * 768 + 768 + LABELS * 768 + LABELS
    assert masked.trainable_parameters == 109_514_298
    logits = 8 * 512 * 30_522
    assert masked.peak_allocated.expected - classifier.peak_allocated.expected > 2 * logits


def test_a_decoder_that_classifies_leaves_its_head_away() -> None:
    base: dict[str, Any] = {
        "model": "meta-llama/Llama-3.1-8B",
        "gpus": "H200",
        "method": "lora",
        "micro_batch": 4,
        "seq_len": 512,
    }
    text, labels = ask(**base), ask(**base, task="classification")
    assert text.devices[0].weights.expected - labels.devices[0].weights.expected == pytest.approx(
        2 * 128_256 * 4096, rel=1e-3
    )
    assert labels.trainable_parameters == text.trainable_parameters + LABELS * 4096


def test_an_embedding_model_has_no_logits_and_its_caller_keeps_the_vectors() -> None:
    plan = ask(
        model="BAAI/bge-m3",
        task="embedding",
        method="full",
        checkpointing="none",
        micro_batch=4,
        seq_len=1024,
        gpus="H200",
    )
    assert plan.trainable_parameters == 567_754_752
    assert plan.peak_allocated.expected == pytest.approx(6.694e9, rel=0.01)
    assert ask(model="google/embeddinggemma-300m", gpus="H200").case.task == "embedding"


@pytest.mark.parametrize(
    ("model", "trained"), [("google-t5/t5-base", 222_903_552), ("openai/whisper-small", 241_734_912)]
)
def test_encoder_and_decoder_are_both_trained(model: str, trained: int) -> None:
    plan = ask(model=model, method="full", gpus="H200")
    assert plan.trainable_parameters == trained
    assert plan.devices[0].weights.expected == 2 * trained
    longer = ask(model=model, method="full", gpus="H200", seq_len=2_048)
    assert longer.peak_allocated.expected > plan.peak_allocated.expected


def test_an_encoders_layers_are_kept_beside_the_decoders() -> None:
    """T5 base, 8 x 512: 8.74 GB on its own class, of which the encoder's half is most of 3 GB."""
    plan = ask(model="google-t5/t5-base", method="full", checkpointing="none", micro_batch=8, seq_len=512, gpus="H200")
    assert plan.peak_allocated.expected == pytest.approx(8.736e9, rel=0.02)


@pytest.mark.parametrize("model", ["google/gemma-3n-E2B-it", "google/gemma-4-E2B-it", "deepseek-ai/DeepSeek-V4-Flash"])
def test_layers_that_share_keys_are_planned(model: str) -> None:
    for checkpointing in ("none", "full"):
        assert ask(model=model, checkpointing=checkpointing, gpus="8x H200").peak_allocated.expected > 0


def test_tasks_that_are_not_planned_are_refused_in_a_sentence() -> None:
    for task in get_args(Task):
        found = answer(f'{{"kind": "train", "model": "meta-llama/Llama-3.1-8B", "gpus": "H200", "task": "{task}"}}')
        if task in ("dpo", "grpo", "reward"):
            assert "sft, pretrain, classification or embedding" in found["error"]
        else:
            assert found["ok"], task
    with pytest.raises(PlanError, match="writes no text"):
        ask(**BERT, task="sft")
    with pytest.raises(PlanError, match="encoder and decoder"):
        ask(model="google-t5/t5-base", gpus="H200", task="classification")


@pytest.mark.parametrize(
    ("model", "fields", "word"),
    [
        ("google-bert/bert-base-uncased", {}, "AutoModelForSequenceClassification"),
        ("google-bert/bert-base-uncased", {"task": "pretrain"}, "AutoModelForMaskedLM"),
        ("BAAI/bge-m3", {"task": "embedding", "method": "qlora"}, "SentenceTransformerTrainer"),
        ("google-t5/t5-base", {}, "AutoModelForSeq2SeqLM"),
        (
            "meta-llama/Llama-3.1-8B",
            {"task": "classification", "method": "qlora"},
            "AutoModelForSequenceClassification",
        ),
    ],
)
def test_the_run_as_code_is_for_its_task(model: str, fields: dict[str, Any], word: str) -> None:
    (command,) = snippets(ask(model=model, gpus="H200", **fields))
    assert word in command.text
    compile(command.text, "train.py", "exec")


@pytest.mark.parametrize(
    ("model", "trained"),
    [
        ("openai/gpt-oss-20b", 7_962_624),
        ("ibm-granite/granite-3.0-1b-a400m-base", 2_752_512),
        ("Qwen/Qwen2.5-VL-3B-Instruct", 41_363_456),
        ("google/gemma-4-E2B-it", 30_916_608),
        ("allenai/OLMoE-1B-7B-0924", 189_284_352),
        ("mistralai/Mixtral-8x7B-v0.1", 359_665_664),
        ("Qwen/Qwen3-30B-A3B", 996_507_648),
        ("meta-llama/Llama-3.1-8B", 41_943_040),
    ],
)
def test_all_linear_adapts_what_peft_adapts(model: str, trained: int) -> None:
    """Counted with peft 0.21 and transformers 5.24 on the models' classes, rank 16."""
    assert ask(model=model, method="lora", lora_rank=16, gpus="8x H200").trainable_parameters == pytest.approx(
        trained, rel=2e-3
    )


def test_gpt_oss_takes_blocks_where_flash_attention_is_on() -> None:
    base: dict[str, Any] = {
        "model": "openai/gpt-oss-20b",
        "gpus": "8x H200",
        "checkpointing": "none",
        "micro_batch": 1,
        "seq_len": 4_096,
    }
    scores = ask(**base, flash_attention=False).peak_allocated.expected - ask(**base).peak_allocated.expected
    assert scores > 24 * 64 * 4_096 * 4_096 * 2
