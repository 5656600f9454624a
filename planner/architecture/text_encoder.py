"""Encoders of text: a tower whose tokens are words, and the pooler or head that the class named in the config puts
behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.architecture.config import Config
from planner.architecture.decoder import MOST_LAYERS, Shape, dtype, max_context
from planner.architecture.pieces import Piece, Size, hidden, linear, norm, read, table, together, told, when
from planner.architecture.tensors import Architecture, Ffn, Layer, Tensor
from planner.architecture.tower import Tower, build
from planner.core.errors import PlanError

Ends = Mapping[str, tuple[Piece, ...]]
"""What follows the layers, by the end of the class name: `Model`, `ForMaskedLM`, `ForSequenceClassification`, ..."""

SAME = {"LMHeadModel": "ForMaskedLM", "WithLMHeadModel": "ForMaskedLM", "ForCausalLM": "ForMaskedLM"}
_END = re.compile(r"(For[A-Z]\w*|(?:With)?LMHeadModel|Model)$")


@dataclass(frozen=True)
class Encoder:
    """A tower of text and what follows it.

    `owners` are the config keys whose product is the number of layers with weights of their own; the layers after them
    repeat these.
    """

    tower: Tower
    ends: Ends
    owners: tuple[str, ...] = ()


def labels(config: Config, s: Shape) -> int:
    """Classes that the config names; two when it names none."""
    named = config.get("id2label")
    return config.int("num_labels", default=len(named) if isinstance(named, dict) and named else 2)


def words(name: str = "embeddings.word_embeddings.weight", width: Size = hidden) -> Piece:
    return table(name, "vocab_size", width, role="embedding")


def decoder(name: str, width: Size = hidden, bias: bool | str = True) -> Piece:
    """The matrix back to the vocabulary, tied to the embedding where the config says so, with a bias of its own."""

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        tied = config.flag("tie_word_embeddings", default=False)
        weight = Tensor(f"{name}.weight", (s.vocab, read(config, s, width)), "lm_head", tied=tied)
        return (weight, Tensor(f"{name}.bias", (s.vocab,), "bias")) if told(config, bias) else (weight,)

    return make


def masked(
    name: str = "cls.predictions",
    dense: str = "transform.dense",
    after: str = "transform.LayerNorm",
    width: Size = hidden,
) -> tuple[Piece, ...]:
    """The head that guesses masked words: a dense layer, a norm and the decoder, whose bias is stored again when it is
    not tied.
    """
    again = when("tie_word_embeddings", table(f"{name}.bias", "vocab_size", 1, role="bias"), is_not=True)
    return (linear(f"{name}.{dense}", width), norm(f"{name}.{after}", width), decoder(f"{name}.decoder", width), again)


def classifier(name: str = "classifier", *before: Piece) -> tuple[Piece, ...]:
    """The head that tells classes apart, behind what stands before it."""
    return (*before, linear(name, labels))


POOLER: tuple[Piece, ...] = (linear("pooler.dense"),)


def ends(
    guess: tuple[Piece, ...], pooler: tuple[Piece, ...] = (), sequence: tuple[Piece, ...] | None = None
) -> dict[str, tuple[Piece, ...]]:
    """The usual heads; the pooler serves the bare model and whole sequences, unless `sequence` is a head of its own."""
    return {
        "Model": pooler,
        "ForMaskedLM": guess,
        "ForPreTraining": (*guess, *pooler, linear("cls.seq_relationship", 2)),
        "ForSequenceClassification": classifier("classifier", *pooler) if sequence is None else sequence,
        "ForMultipleChoice": (*pooler, linear("classifier", 1)),
        "ForTokenClassification": classifier(),
        "ForQuestionAnswering": classifier("qa_outputs"),
    }


def encode(config: Config, row: Encoder) -> Architecture:
    """The encoder that a config describes, with the head of the class it names.

    Raises:
        PlanError: when a field is missing or absurd.
    """
    if not any(name in config.raw for name in row.tower.hidden):
        raise PlanError(
            f"The config has no {row.tower.hidden[0]}; add it, or give the model's Hugging Face id instead.", "config"
        )
    owned = own_layers(config, row)
    built = build(config.replace(num_hidden_layers=owned) if owned else config, row.tower)
    named = str((config.list("architectures") or [""])[0])[:80]
    found = _END.search(named)
    end = SAME.get(found[1], found[1]) if found else "Model"
    note = "" if end in row.ends or not found else f"The head of {named} is not known: counted without one."
    after = built.stack.after + together(row.ends.get(end, row.ends["Model"]), config, built.shape)
    layers = repeated(built.stack.layers, config) if owned else built.stack.layers
    quantization = config.section("quantization_config")
    return Architecture(
        model_type=config.text("model_type"),
        architecture=named,
        stacks=(replace(built.stack, layers=layers, after=after),),
        vocab_size=built.shape.vocab,
        max_context=max_context(config, default=512),
        dtype=dtype(config),
        quantization=dict(quantization.raw) if quantization else None,
        exact=not note,
        note=note,
    )


def own_layers(config: Config, row: Encoder) -> int:
    """Layers with weights of their own; 0 when all have."""
    if not row.owners:
        return 0
    count = 1
    for key in row.owners:
        count *= config.int(key, default=1, high=MOST_LAYERS)
    if count > MOST_LAYERS:
        raise PlanError(
            f"The config's {row.owners[0]} makes {count:,} layers; it must make at most {MOST_LAYERS:,}.", "config"
        )
    return count


def repeated(owned: tuple[Layer, ...], config: Config) -> tuple[Layer, ...]:
    """All layers of the model: those that own their weights, then the same again with tied weights
    (arXiv:1909.11942).
    """
    total = config.int("num_hidden_layers", high=MOST_LAYERS) * config.int(
        "inner_group_num", default=1, high=MOST_LAYERS
    )
    ties = {id(layer): tied(layer) for layer in owned}
    return owned + tuple(ties[id(owned[index % len(owned)])] for index in range(len(owned), min(total, MOST_LAYERS)))


def tied(layer: Layer) -> Layer:
    """The same layer on the storage of another."""

    def share(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(replace(tensor, tied=True) for tensor in tensors)

    ffn: Ffn | None = replace(layer.ffn, tensors=share(layer.ffn.tensors)) if layer.ffn else None
    return Layer(
        tuple(replace(mixer, tensors=share(mixer.tensors)) for mixer in layer.mixers), ffn, share(layer.tensors)
    )
