"""DeBERTa: content and relative positions attend to each other through projections of their own (arXiv:2006.03654,
2111.09543).
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.families.bert import BERT, PLACES, widened
from planner.architecture.pieces import Piece, conv, hidden, linear, norm, table, vector, when
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture
from planner.architecture.text_encoder import Encoder, classifier, encode, ends, masked, words
from planner.architecture.tower import Tower


def reach(config: Config, s: Shape) -> int:
    """Rows of the table of relative positions, both directions: buckets if there are any, else how far two tokens may
    be told apart.
    """
    told = max(config.int("position_buckets", default=-1, low=-1), 0) or max(
        config.int("max_relative_positions", default=-1, low=-1), 0
    )
    return 2 * (told or config.int("max_position_embeddings"))


def groups(config: Config, s: Shape) -> int:
    return max(s.hidden // config.int("conv_groups", default=1), 1)


def listed(kind: str, *pieces: Piece) -> Piece:
    """These pieces where `pos_att_type` lists the kind: c2p, from content to position, or p2c, the other way."""
    return lambda config, s: (
        tuple(t for piece in pieces for t in piece(config, s)) if kind in str(config.get("pos_att_type")) else ()
    )


BEFORE = (
    words(width="embedding_size"),
    when("position_biased_input", table(PLACES, "max_position_embeddings", "embedding_size"), default=True),
    table("embeddings.token_type_embeddings.weight", "type_vocab_size", "embedding_size"),
    widened("embeddings.embed_proj", bias=False),
    norm("embeddings.LayerNorm"),
)
RELATIVE = when("relative_attention", table("encoder.rel_embeddings.weight", reach))
HEADS = ends(
    masked(width="embedding_size"),
    sequence=classifier("classifier", linear("pooler.dense", "pooler_hidden_size", "pooler_hidden_size")),
)

FIRST = Encoder(
    Tower(
        replace(BERT.tower.block, qkv=("self.in_proj",), qkv_bias=False),
        before=BEFORE,
        after=(RELATIVE,),
        stack="encoder",
        prefix="encoder.layer.",
        layer=(
            vector("attention.self.q_bias", role="bias"),
            vector("attention.self.v_bias", role="bias"),
            when(
                "relative_attention",
                listed("c2p", linear("attention.self.pos_proj", bias=False)),
                listed("p2c", linear("attention.self.pos_q_proj")),
            ),
        ),
    ),
    HEADS,
)
SECOND = Encoder(
    replace(
        BERT.tower,
        block=replace(BERT.tower.block, qkv=("self.query_proj", "self.key_proj", "self.value_proj")),
        before=BEFORE,
        layer=(
            when(
                "share_att_key",
                when(
                    "relative_attention",
                    listed("c2p", linear("attention.self.pos_key_proj")),
                    listed("p2c", linear("attention.self.pos_query_proj")),
                ),
                is_not=True,
            ),
        ),
        after=(
            RELATIVE,
            lambda config, s: (
                norm("encoder.LayerNorm")(config, s) if "layer_norm" in config.text("norm_rel_ebd") else ()
            ),
            lambda config, s: (
                conv("encoder.conv.conv", hidden, groups, "conv_kernel_size")(config, s)
                + norm("encoder.conv.LayerNorm")(config, s)
                if config.int("conv_kernel_size", default=0, low=0)
                else ()
            ),
        ),
    ),
    HEADS,
)
ROWS = {"deberta": FIRST, "deberta-v2": SECOND}


@family(*ROWS)
def deberta(config: Config) -> Architecture:
    """One row of this table."""
    width = config.int("hidden_size", default=768)
    return encode(config.over(embedding_size=width, pooler_hidden_size=width), ROWS[config.text("model_type").lower()])
