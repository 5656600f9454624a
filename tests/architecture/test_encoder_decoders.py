"""Exact counts and caches of models of two halves: T5, BART, Whisper."""

import pytest

from planner.architecture.registry import parse

T5 = {
    "model_type": "t5",
    "architectures": ["T5ForConditionalGeneration"],
    "d_model": 768,
    "num_layers": 12,
    "num_decoder_layers": 12,
    "num_heads": 12,
    "d_ff": 3072,
    "d_kv": 64,
    "vocab_size": 32128,
    "relative_attention_num_buckets": 32,
}
FLAN = {**T5, "d_ff": 2048, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
WHISPER = {
    "model_type": "whisper",
    "architectures": ["WhisperForConditionalGeneration"],
    "d_model": 768,
    "encoder_layers": 12,
    "decoder_layers": 12,
    "encoder_attention_heads": 12,
    "decoder_attention_heads": 12,
    "encoder_ffn_dim": 3072,
    "decoder_ffn_dim": 3072,
    "vocab_size": 51865,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
    "max_target_positions": 448,
}

COUNTS = [
    ("t5 with a tied head", {**T5, "feed_forward_proj": "relu", "tie_word_embeddings": True}, 222_903_552),
    # The weights of version 1.1 hold a head of their own; transformers 5 would tie it and count 32128 * 768 fewer.
    ("flan-t5", FLAN, 247_577_856),
    ("only the encoder of t5", {**FLAN, "architectures": ["T5EncoderModel"]}, 109_628_544),
    ("mt5", {"model_type": "mt5", "d_model": 512, "tie_word_embeddings": True}, 172_119_424),
    ("umt5", {"model_type": "umt5", "d_model": 512, "tie_word_embeddings": True}, 172_122_112),
    ("whisper-small", WHISPER, 241_734_912),
    ("bart-large", {"model_type": "bart", "d_model": 1024, "vocab_size": 50265}, 406_291_456),
    ("mbart", {"model_type": "mbart", "d_model": 1024}, 406_295_552),
    ("pegasus", {"model_type": "pegasus", "d_model": 1024}, 406_287_360),
    ("marian", {"model_type": "marian", "d_model": 1024}, 414_307_328),
    ("m2m_100", {"model_type": "m2m_100", "d_model": 1024}, 483_905_536),
    ("blenderbot", {"model_type": "blenderbot", "d_model": 2560}, 2_696_268_800),
]


@pytest.mark.parametrize(("config", "count"), [case[1:] for case in COUNTS], ids=[case[0] for case in COUNTS])
def test_counts_every_parameter_of_both_halves(config, count):
    architecture = parse(config)

    assert architecture.parameters == architecture.active == count
    assert architecture.exact


def test_the_decoder_caches_its_tokens_and_the_source():
    layer = parse(WHISPER).main.layers[0]

    assert [(cache.name, cache.elements, cache.per, cache.window) for cache in layer.caches] == [
        ("k", 768, "token", None), ("v", 768, "token", None), ("k", 768, "source", 1500), ("v", 768, "source", 1500),
    ]  # fmt: skip
    assert [mixer.kind for mixer in layer.mixers] == ["attention", "cross_attention"]
    assert [mixer.causal for mixer in layer.mixers] == [True, False]


def test_the_source_of_t5_has_no_fixed_length_and_its_heads_their_own_width():
    caches = parse({**T5, "num_heads": 24, "d_kv": 128}).main.layers[0].caches

    assert [(cache.elements, cache.per, cache.window) for cache in caches] == [
        (3072, "token", None), (3072, "token", None), (3072, "source", None), (3072, "source", None),
    ]  # fmt: skip


def test_the_encoder_is_a_stack_of_its_own_without_cache():
    architecture = parse(T5)

    assert [stack.name for stack in architecture.stacks] == ["decoder", "encoder"]
    assert all(not layer.caches for layer in architecture.stacks[1].layers)
    assert architecture.generates


def test_an_encoder_on_its_own_generates_nothing():
    architecture = parse({**T5, "architectures": ["T5EncoderModel"]})

    assert [stack.name for stack in architecture.stacks] == ["encoder"]
    assert not architecture.generates
