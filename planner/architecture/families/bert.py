"""BERT and its kin: learned positions, layers that attend both ways with norms behind, a pooler or a head.

Per layer of BERT: 4*hidden^2 + 2*hidden*ffn + 9*hidden + ffn. Rows were read off the model classes of
huggingface/transformers 5.23 and counted against them.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.pieces import Piece, hidden, linear, norm, table
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Tensor
from planner.architecture.text_encoder import POOLER, Encoder, classifier, decoder, encode, ends, masked, words
from planner.architecture.tower import Tower
from planner.architecture.traits import Traits

PLACES = "embeddings.position_embeddings.weight"
TYPES = "embeddings.token_type_embeddings.weight"
EMBEDDED = (
    words(),
    table(PLACES, "max_position_embeddings"),
    table(TYPES, "type_vocab_size"),
    norm("embeddings.LayerNorm"),
)

BLOCK = Traits(
    norms=("attention.output.LayerNorm", "output.LayerNorm"),
    norm="bias",
    attention="attention",
    qkv=("self.query", "self.key", "self.value"),
    out="output.dense",
    qkv_bias=True,
    out_bias=True,
    gated=False,
    mlp="",
    mlp_names=("intermediate.dense", "output.dense"),
    mlp_bias=True,
)
TOWER = Tower(BLOCK, before=EMBEDDED, stack="encoder", prefix="encoder.layer.")
BERT = Encoder(TOWER, ends(masked(), POOLER))
ROBERTA_HEAD = masked("lm_head", "dense", "layer_norm")
ROBERTA = Encoder(TOWER, ends(ROBERTA_HEAD, POOLER, classifier("classifier.out_proj", linear("classifier.dense"))))

NARROW = (
    words(width="embedding_size"),
    table(PLACES, "max_position_embeddings", "embedding_size"),
    table(TYPES, "type_vocab_size", "embedding_size"),
    norm("embeddings.LayerNorm", "embedding_size"),
)


def widened(name: str, bias: bool = True) -> Piece:
    """From the width of the embedding to that of the stream, where they differ."""

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        return (
            ()
            if config.int("embedding_size", default=s.hidden) == s.hidden
            else linear(name, hidden, "embedding_size", bias)(config, s)
        )

    return make


ALBERT = Encoder(
    Tower(
        replace(
            BLOCK,
            norms=("attention.LayerNorm", "full_layer_layer_norm"),
            qkv=("query", "key", "value"),
            out="dense",
            mlp_names=("ffn", "ffn_output"),
        ),
        before=(*NARROW, linear("encoder.embedding_hidden_mapping_in", hidden, "embedding_size")),
        stack="encoder",
        prefix="encoder.albert_layer_groups.0.albert_layers.",
    ),
    {
        **ends(masked("predictions", "dense", "LayerNorm", "embedding_size"), (linear("pooler"),)),
        "ForPreTraining": (
            *masked("predictions", "dense", "LayerNorm", "embedding_size"),
            linear("pooler"),
            linear("sop_classifier.classifier", 2),
        ),
    },
    owners=("num_hidden_groups", "inner_group_num"),
)
ELECTRA = Encoder(
    replace(TOWER, before=(*NARROW, widened("embeddings_project"))),
    {
        **ends(
            (
                norm("generator_predictions.LayerNorm", "embedding_size"),
                linear("generator_predictions.dense", "embedding_size"),
                decoder("generator_lm_head", "embedding_size"),
            ),
            sequence=classifier("classifier.out_proj", linear("classifier.dense")),
        ),
        "ForPreTraining": (
            linear("discriminator_predictions.dense"),
            linear("discriminator_predictions.dense_prediction", 1),
        ),
    },
)
DISTILBERT = Encoder(
    Tower(
        replace(
            BLOCK,
            norms=("sa_layer_norm", "output_layer_norm"),
            qkv=("q_lin", "k_lin", "v_lin"),
            out="out_lin",
            mlp="ffn",
            mlp_names=("lin1", "lin2"),
        ),
        before=(*EMBEDDED[:2], norm("embeddings.LayerNorm")),
        stack="encoder",
        prefix="transformer.layer.",
        hidden=("dim",),
    ),
    ends(
        (linear("vocab_transform"), norm("vocab_layer_norm"), decoder("vocab_projector")),
        sequence=classifier("classifier", linear("pre_classifier")),
    ),
)
MPNET = Encoder(
    replace(
        TOWER,
        block=replace(
            BLOCK, norms=("attention.LayerNorm", "output.LayerNorm"), qkv=("attn.q", "attn.k", "attn.v"), out="attn.o"
        ),
        before=(
            *EMBEDDED[:2],
            EMBEDDED[3],
            table(
                "encoder.relative_attention_bias.weight", "relative_attention_num_buckets", lambda config, s: s.heads
            ),
        ),
    ),
    ROBERTA.ends,
)
XLM = Encoder(
    Tower(
        replace(DISTILBERT.tower.block, norms=("layer_norm1", "layer_norm2"), attention="attentions", mlp="ffns"),
        before=(
            table("position_embeddings.weight", "max_position_embeddings"),
            table("lang_embeddings.weight", lambda config, s: languages(config)),
            words("embeddings.weight"),
            norm("layer_norm_emb"),
        ),
        hidden=("emb_dim", "hidden_size"),
        vocab=("n_words", "vocab_size"),
        stack="encoder",
        prefix="transformer.",
    ),
    {"Model": (), "ForMaskedLM": (decoder("pred_layer.proj"),)},
)


def languages(config: Config) -> int:
    """Rows of XLM's table of languages: none unless it has several and uses them."""
    count = config.int("n_langs", default=1)
    return count if count > 1 and config.flag("use_lang_emb", default=False) else 0


def globally(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """Longformer's second set of projections, for the tokens that see everything."""
    return tuple(
        tensor for name in ("query", "key", "value") for tensor in linear(f"attention.self.{name}_global")(config, s)
    )


ROWS: dict[str, Encoder] = {
    "bert": BERT,
    "big_bird": Encoder(
        replace(TOWER, block=replace(BLOCK, qkv_bias="use_bias")),
        {**BERT.ends, "ForMaskedLM": (*masked(), linear("pooler"))},
    ),
    "ernie": Encoder(
        replace(
            TOWER, before=(*EMBEDDED, table("embeddings.task_type_embeddings.weight", lambda config, s: tasks(config)))
        ),
        BERT.ends,
    ),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "data2vec-text": ROBERTA,
    "ibert": ROBERTA,
    "xlm-roberta-xl": Encoder(
        replace(
            TOWER,
            block=replace(BLOCK, norms=("attention.self_attn_layer_norm", "LayerNorm")),
            before=EMBEDDED[:3],
            after=(norm("encoder.LayerNorm"),),
        ),
        ROBERTA.ends,
    ),
    "roberta-prelayernorm": Encoder(
        replace(
            TOWER,
            block=replace(BLOCK, norms=("attention.LayerNorm", "intermediate.LayerNorm")),
            after=(norm("LayerNorm"),),
        ),
        ROBERTA.ends,
    ),
    "megatron-bert": Encoder(
        replace(
            TOWER, block=replace(BLOCK, norms=("attention.ln", "ln")), before=EMBEDDED[:3], after=(norm("encoder.ln"),)
        ),
        BERT.ends,
    ),
    "roformer": Encoder(
        replace(
            TOWER,
            before=(
                NARROW[0],
                *NARROW[2:],
                widened("embeddings_project"),
                table("encoder.embed_positions.weight", "max_position_embeddings", lambda config, s: s.head_dim),
            ),
        ),
        ends(masked(width="embedding_size"), (), classifier("classifier.out_proj", linear("classifier.dense"))),
    ),
    "longformer": Encoder(replace(TOWER, layer=(globally,)), ROBERTA.ends),
    "albert": ALBERT,
    "electra": ELECTRA,
    "distilbert": DISTILBERT,
    "mpnet": MPNET,
    "xlm": XLM,
    "flaubert": XLM,
}


def tasks(config: Config) -> int:
    """Rows of ERNIE's table of tasks, where it is used."""
    return config.int("task_type_vocab_size", default=3) if config.flag("use_task_id", default=False) else 0


@family(*ROWS)
def bert(config: Config) -> Architecture:
    """One row of this table."""
    row = ROWS[config.text("model_type").lower()]
    width = config.int("embedding_size", default=config.int(*row.tower.hidden, default=768))
    return encode(config.over(embedding_size=width), row)
