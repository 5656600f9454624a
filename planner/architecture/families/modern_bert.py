"""Later encoders: rotary positions, gated ffns, local attention (ModernBERT, NomicBERT, GTE, Jina v3, EuroBERT)."""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import patterns
from planner.architecture.config import Config
from planner.architecture.families.bert import BERT, EMBEDDED, ROBERTA_HEAD
from planner.architecture.families.llama import LLAMA
from planner.architecture.pieces import linear, norm
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture
from planner.architecture.text_encoder import POOLER, Encoder, classifier, decoder, encode, ends, masked, words
from planner.architecture.tower import Tower
from planner.architecture.traits import Traits

NAMED = replace(
    BERT.tower.block,
    norms=("post_attention_layernorm", "post_mlp_layernorm"),
    attention="self_attn",
    qkv=LLAMA.qkv,
    out=LLAMA.out,
    gated=True,
    mlp="mlp",
    mlp_names=LLAMA.mlp_names,
)
BEFORE = (EMBEDDED[0], *EMBEDDED[2:])


def from_first(config: Config, layers: int) -> list[str]:
    """Layer 0 and every `global_attn_every_n_layers`-th after it attend to everything, the others to `local_attention`
    tokens.
    """
    return patterns.from_first(config.int("global_attn_every_n_layers", default=3))(config, layers)


PREDICT = (linear("head.dense", bias="classifier_bias"), norm("head.norm", bias="norm_bias"))
MODERN = Encoder(
    Tower(
        Traits(
            norms=("mlp_norm",),
            attention="attn",
            qkv=("Wqkv",),
            out="Wo",
            qkv_bias="attention_bias",
            out_bias="attention_bias",
            mlp_names=("Wi", "Wo"),
            mlp_bias="mlp_bias",
            pattern=from_first,
        ),
        before=(words("embeddings.tok_embeddings.weight"), norm("embeddings.norm", bias="norm_bias")),
        rest=(norm("attn_norm", bias="norm_bias"),),
        after=(norm("final_norm", bias="norm_bias"),),
        stack="encoder",
        prefix="model.layers.",
    ),
    {
        "Model": (),
        "ForMaskedLM": (*PREDICT, decoder("decoder", bias="decoder_bias")),
        "ForSequenceClassification": classifier("classifier", *PREDICT),
        "ForTokenClassification": classifier("classifier", *PREDICT),
        "ForQuestionAnswering": classifier("classifier", *PREDICT),
    },
)

ROWS: dict[str, Encoder] = {
    "modernbert": MODERN,
    "nomic_bert": Encoder(
        Tower(
            replace(NAMED, qkv_bias=False, out_bias=False, mlp_bias=False),
            before=BEFORE,
            stack="encoder",
            prefix="layers.",
            hidden=("hidden_size", "n_embd"),
            layers=("num_hidden_layers", "n_layer"),
            heads=("num_attention_heads", "n_head"),
            ffn=("intermediate_size", "n_inner"),
        ),
        ends(masked(after="transform.layer_norm"), sequence=classifier("classifier", *POOLER)),
    ),
    "gte": Encoder(
        Tower(NAMED, before=BEFORE, absent=("gate_proj.bias", "up_proj.bias"), stack="encoder", prefix="layers."),
        ends((*ROBERTA_HEAD[:2], decoder("lm_head.decoder")), (), classifier("classifier", *POOLER)),
    ),
    "jina_embeddings_v3": Encoder(
        Tower(
            replace(NAMED, gated=False, mlp_names=("fc1", "fc2")),
            before=BEFORE,
            stack="encoder",
            prefix="roberta.layers.",
        ),
        ends(ROBERTA_HEAD, POOLER, classifier("classifier.out_proj", linear("classifier.dense"))),
    ),
    "eurobert": Encoder(
        Tower(
            LLAMA,
            before=(words("embed_tokens.weight"),),
            after=(norm("norm", bias=False),),
            stack="encoder",
            prefix="model.layers.",
        ),
        {
            "Model": (),
            "ForMaskedLM": (decoder("lm_head", bias="mlp_bias"),),
            "ForSequenceClassification": classifier("classifier", linear("dense")),
        },
    ),
}


@family(*ROWS)
def modern_bert(config: Config) -> Architecture:
    """One row of this table; where the class has no flag for tied embeddings, they are tied."""
    row = ROWS[config.text("model_type").lower()]
    if config.flag("norm_bias", default=False):
        row = replace(row, tower=replace(row.tower, block=replace(row.tower.block, norm="bias")))
    return encode(
        config.over(sliding_window=config.get("local_attention"), tie_word_embeddings=row is ROWS["nomic_bert"]), row
    )
