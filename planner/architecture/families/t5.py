"""T5 and its kin: relative positions as a bias of the first layer, norms without bias, and no biases at all
(arXiv:1910.10683).

Per encoder layer: 4*hidden*heads*d_kv + (2 or 3)*hidden*ffn + 2*hidden; a decoder layer has the attention twice and
three norms. Version 1.1 (Flan, mT5) has a head of its own, `tie_word_embeddings: false`; the weights are published so,
although transformers 5 ties them whatever the config says.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.encoder_decoder import halves
from planner.architecture.pieces import norm, table
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture
from planner.architecture.tower import Tower
from planner.architecture.traits import Traits

BLOCK = Traits(
    norms=("layer.0.layer_norm", "layer.1.layer_norm"), attention="layer.0.SelfAttention", qkv=("q", "k", "v"), out="o",
    mlp="layer.1.DenseReluDense", mlp_names=("wi_0", "wi_1", "wo"),
)  # fmt: skip
FIRST = table(
    "layer.0.SelfAttention.relative_attention_bias.weight", "relative_attention_num_buckets", lambda config, s: s.heads
)
READ = Tower(
    BLOCK, first=(FIRST,), after=(norm("encoder.final_layer_norm", bias=False),), prefix="encoder.block.",
    layers=("num_layers",), hidden=("d_model",), heads=("num_heads",), ffn=("d_ff",), head_dim=("d_kv",), kv_heads=(),
)  # fmt: skip
WRITE = replace(
    READ,
    block=replace(BLOCK, norms=(*BLOCK.norms, "layer.2.layer_norm"), mlp="layer.2.DenseReluDense"),
    after=(norm("decoder.final_layer_norm", bias=False),),
    prefix="decoder.block.",
    layers=("num_decoder_layers", "num_layers"),
    cross="layer.1.EncDecAttention",
    decodes=True,
)


def everywhere(row: Tower) -> Tower:
    """The relative bias in every layer, as UMT5 has it (arXiv:2304.09151)."""
    return replace(row, first=(), layer=row.first)


def far(config: Config) -> Tower:
    """LongT5's encoder: local attention, or local with global summaries that have a bias and a norm of their own
    (arXiv:2112.07916).
    """
    if config.text("encoder_attention_type", default="local") != "transient-global":
        return READ
    summaries = table(
        "layer.0.TransientGlobalSelfAttention.global_relative_attention_bias.weight",
        "relative_attention_num_buckets",
        lambda c, s: s.heads,
    )
    return replace(
        READ,
        first=(FIRST, summaries),
        layer=(norm("layer.0.TransientGlobalSelfAttention.global_input_layer_norm", bias=False),),
    )


ROWS = ("t5", "mt5", "umt5", "longt5")


@family(*ROWS)
def t5(config: Config) -> Architecture:
    """Both halves; `feed_forward_proj` says whether the ffn is gated."""
    kind = config.text("model_type").lower()
    read, write = far(config) if kind == "longt5" else READ, WRITE
    if kind == "umt5":
        read, write = everywhere(read), everywhere(write)
    if not config.text("feed_forward_proj", default="relu").startswith("gated"):
        read, write = (
            replace(half, block=replace(half.block, gated=False, mlp_names=("wi", "wo"))) for half in (read, write)
        )
    return halves(config, read, write)
