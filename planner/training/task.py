"""What a run trains the model for, and so which head stands behind it and what the loss costs.

    sft, pretrain    every token predicts the next one, an encoder's masked ones: logits over the vocabulary
    classification   one vector of each sequence goes through a dense layer and a few labels; a decoder's goes to the
    labels at once embedding        the vectors of a sequence are averaged and compared with those of the batch

(transformers `AutoModelForCausalLM`, `AutoModelForSequenceClassification`; sentence-transformers.)
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.tensors import Architecture, Tensor
from planner.core.errors import PlanError
from planner.training.request import Task

LABELS = 2
"""Classes of a classifier: transformers' `num_labels`. More change nothing that shows."""

PLANNED: tuple[Task, ...] = ("sft", "pretrain", "classification", "embedding")


def task_of(model: Architecture, asked: Task | None) -> Task:
    """The task that is planned: as asked; else a classifier on an encoder, an embedding where a decoder has no head,
    and text otherwise.

    Raises:
        PlanError: for a task that is not planned, or that the model cannot do.
    """
    if asked is None:
        return "classification" if model.main.name == "encoder" else "sft" if _head(model) else "embedding"
    if asked not in PLANNED:
        raise PlanError(
            f"Training for {asked} is not planned yet; choose {', '.join(PLANNED[:-1])} or {PLANNED[-1]}.", "task"
        )
    if asked == "sft" and model.main.name == "encoder":
        raise PlanError(
            "An encoder writes no text, so it has no sft; choose classification, embedding, or pretrain for masked"
            " words.",
            "task",
        )
    if asked in ("classification", "embedding") and encoder_of(model):
        raise PlanError(
            f"A model of encoder and decoder is planned for sft or pretrain, not for {asked}; choose one of them.",
            "task",
        )
    return asked


def encoder_of(model: Architecture) -> bool:
    """Whether it reads with an encoder and writes with a decoder."""
    return model.main.name == "decoder" and any(stack.name == "encoder" for stack in model.stacks)


def with_head(model: Architecture, task: Task) -> Architecture:
    """The model that the task's class builds: the published head is kept, replaced by one over labels, or left away."""
    main = model.main
    if task in ("sft", "pretrain"):
        if _head(model):
            return model
        tied = Tensor("lm_head.weight", (model.vocab_size, main.hidden_size), "lm_head", tied=True)
        return _ending(model, (*main.after, tied))
    body = _body(main.after)
    if task == "embedding":
        return _ending(model, (*body, *_pooler(main.after)))
    hidden, encoder = main.hidden_size, main.name == "encoder"
    dense = (
        (Tensor("pooler.dense.weight", (hidden, hidden), "linear"), Tensor("pooler.dense.bias", (hidden,), "bias"))
        if encoder
        else ()
    )
    bias = (Tensor("classifier.bias", (LABELS,), "bias"),) if encoder else ()
    return _ending(model, (*body, *dense, Tensor("classifier.weight", (LABELS, hidden), "linear"), *bias))


def _ending(model: Architecture, after: tuple[Tensor, ...]) -> Architecture:
    return replace(model, stacks=(replace(model.main, after=after), *model.stacks[1:]))


def _head(model: Architecture) -> bool:
    return any(tensor.role == "lm_head" for tensor in model.main.after)


def _body(after: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What belongs to the model whatever its head: all up to the first matrix of the head."""
    start = next((index for index, tensor in enumerate(after) if tensor.role in ("linear", "lm_head")), len(after))
    return after[:start]


def _pooler(after: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in after if tensor.name.startswith("pooler."))
