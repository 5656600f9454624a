"""Models of two halves: an encoder that reads the source once, a decoder that attends to its own past and to the
source.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.decoder import dtype, embedding, head, max_context
from planner.architecture.tensors import Architecture, Stack
from planner.architecture.tower import Tower, build
from planner.core.errors import PlanError


def halves(
    config: Config, encoder: Tower, decoder: Tower, words: str = "shared.weight", output: str = "lm_head.weight"
) -> Architecture:
    """Both halves around one embedding; a bare class (`...Model`) has no head, one that ends in `EncoderModel` no
    decoder.

    Raises:
        PlanError: when a field is missing or absurd.
    """
    if not any(name in config.raw for name in decoder.hidden):
        raise PlanError(
            f"The config has no {decoder.hidden[0]}; add it, or give the model's Hugging Face id instead.", "config"
        )
    named = str((config.list("architectures") or [""])[0])[:80]
    reads = build(config, replace(encoder, stack="encoder"))
    vocab, width = config.int("vocab_size"), reads.shape.hidden
    table = embedding(vocab, width, words)
    stacks: tuple[Stack, ...]
    if named.endswith("EncoderModel"):
        stacks = (replace(reads.stack, before=(table, *reads.stack.before)),)
    else:
        writes = build(config, replace(decoder, stack="decoder")).stack
        last = (
            ()
            if named.endswith("Model")
            else (head(vocab, width, config.flag("tie_word_embeddings", default=True), output),)
        )
        stacks = (replace(writes, before=(table, *writes.before), after=(*writes.after, *last)), reads.stack)
    quantization = config.section("quantization_config")
    return Architecture(
        model_type=config.text("model_type"),
        architecture=named,
        stacks=stacks,
        vocab_size=vocab,
        max_context=config.int("max_target_positions", default=max_context(config, default=512)),
        dtype=dtype(config),
        quantization=dict(quantization.raw) if quantization else None,
    )
