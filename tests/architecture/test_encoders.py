"""Exact counts of encoders: what transformers 5.23 builds on the meta device for the same config."""

import pytest

from planner.architecture.registry import parse
from planner.core.errors import PlanError

SMALL = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
}
BASE = {**SMALL, "hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}

COUNTS = [
    ({"model_type": "bert", "architectures": ["BertModel"], **SMALL}, 22_713_216),
    ({"model_type": "bert", "architectures": ["BertForMaskedLM"], **BASE}, 109_514_298),
    ({"model_type": "bert", "architectures": ["BertForPreTraining"], **BASE}, 110_106_428),
    (
        {
            "model_type": "xlm-roberta",
            "architectures": ["XLMRobertaModel"],
            **BASE,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "vocab_size": 250002,
            "max_position_embeddings": 8194,
            "type_vocab_size": 1,
        },
        567_754_752,
    ),
    (
        {
            "model_type": "roberta",
            "architectures": ["RobertaForMaskedLM"],
            **BASE,
            "vocab_size": 50265,
            "max_position_embeddings": 514,
            "type_vocab_size": 1,
        },
        124_697_433,
    ),
    (
        {
            "model_type": "albert",
            "architectures": ["AlbertForMaskedLM"],
            **BASE,
            "vocab_size": 30000,
            "embedding_size": 128,
            "num_hidden_groups": 1,
            "inner_group_num": 1,
        },
        11_221_680,
    ),
    (
        {
            "model_type": "deberta-v2",
            "architectures": ["DebertaV2Model"],
            **BASE,
            "vocab_size": 128100,
            "relative_attention": True,
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": "p2c|c2p",
            "max_relative_positions": -1,
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
        183_831_552,
    ),
    (
        {
            "model_type": "modernbert",
            "architectures": ["ModernBertForMaskedLM"],
            "hidden_size": 768,
            "num_hidden_layers": 22,
            "num_attention_heads": 12,
            "intermediate_size": 1152,
            "vocab_size": 50368,
            "max_position_embeddings": 8192,
            "global_attn_every_n_layers": 3,
            "local_attention": 128,
        },
        149_655_232,
    ),
    (
        {
            "model_type": "nomic_bert",
            "architectures": ["NomicBertModel"],
            **BASE,
            "vocab_size": 30528,
            "type_vocab_size": 2,
        },
        136_731_648,
    ),
    (
        {
            "model_type": "distilbert",
            "architectures": ["DistilBertForMaskedLM"],
            "dim": 768,
            "n_layers": 6,
            "n_heads": 12,
            "hidden_dim": 3072,
        },
        66_985_530,
    ),
    ({"model_type": "electra", "architectures": ["ElectraForMaskedLM"], "hidden_size": 256}, 13_546_682),
    ({"model_type": "mpnet", "architectures": ["MPNetForMaskedLM"], "hidden_size": 768}, 109_516_991),
    ({"model_type": "xlm", "architectures": ["XLMWithLMHeadModel"], "emb_dim": 2048}, 667_119_041),
]


@pytest.mark.parametrize(
    ("config", "count"), COUNTS, ids=lambda value: value["architectures"][0] if isinstance(value, dict) else ""
)
def test_counts_every_parameter_of_an_encoder(config, count):
    architecture = parse(config)

    assert architecture.parameters == architecture.active == count
    assert architecture.exact


def test_an_encoder_attends_both_ways_and_caches_nothing():
    architecture = parse({"model_type": "bert", **BASE})

    assert architecture.main.name == "encoder"
    assert not architecture.generates
    assert all(not mixer.causal and not mixer.caches for layer in architecture.main.layers for mixer in layer.mixers)


def test_layers_that_repeat_weights_are_all_there_but_counted_once():
    architecture = parse({"model_type": "albert", **BASE, "embedding_size": 128, "num_hidden_groups": 2})

    assert len(architecture.main.layers) == 12
    one = parse({"model_type": "albert", **BASE, "embedding_size": 128, "num_hidden_groups": 1})
    per_layer = sum(tensor.parameters for tensor in one.main.layers[0].all_tensors)
    assert architecture.parameters - one.parameters == per_layer


def test_local_attention_of_modernbert_has_its_window():
    architecture = parse({"model_type": "modernbert", **BASE, "global_attn_every_n_layers": 3, "local_attention": 128})

    assert [layer.mixers[0].window for layer in architecture.main.layers[:4]] == [None, 128, 128, None]


def test_a_head_that_is_not_known_is_not_called_exact():
    architecture = parse({"model_type": "bert", "architectures": ["BertForMagic"], **BASE})

    assert not architecture.exact
    assert "BertForMagic" in architecture.note


def test_a_config_without_its_width_is_refused_by_name():
    with pytest.raises(PlanError, match="hidden_size"):
        parse({"model_type": "bert", "num_hidden_layers": 12})
