"""BART and its kin, Whisper among them: an encoder and a decoder of post- or pre-norm layers with biases
(arXiv:1910.13461).

Per encoder layer: 4*hidden^2 + 2*hidden*ffn + 9*hidden + ffn; a decoder layer has the attention and its norm twice.
Rows were read off the model classes of huggingface/transformers 5.23 and counted against them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner.architecture.audio import BLOCK, CONVOLUTIONS
from planner.architecture.config import Config
from planner.architecture.encoder_decoder import halves
from planner.architecture.pieces import Piece, norm, table
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture
from planner.architecture.tower import Tower

READ = Tower(
    BLOCK,
    prefix="model.encoder.layers.",
    layers=("encoder_layers",),
    hidden=("d_model",),
    heads=("encoder_attention_heads",),
    kv_heads=(),
    head_dim=(),
    ffn=("encoder_ffn_dim",),
)
WRITE = replace(
    READ,
    block=replace(BLOCK, norms=("self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm")),
    prefix="model.decoder.layers.",
    layers=("decoder_layers",),
    heads=("decoder_attention_heads",),
    ffn=("decoder_ffn_dim",),
    cross="encoder_attn",
    decodes=True,
)


@dataclass(frozen=True)
class Half:
    """What differs within the family: rows of the position tables beyond the stated ones (None: computed positions),
    and norms.
    """

    offset: int | None = 0
    embedded: bool = False
    final: bool = False

    def before(self, half: str) -> tuple[Piece, ...]:
        places = (
            ()
            if self.offset is None
            else (table(f"model.{half}.embed_positions.weight", "max_position_embeddings", offset=self.offset),)
        )
        return (*places, norm(f"model.{half}.layernorm_embedding")) if self.embedded else places

    def after(self, half: str) -> tuple[Piece, ...]:
        return (norm(f"model.{half}.layer_norm"),) if self.final else ()


ROWS = {
    "bart": Half(2, embedded=True),
    "plbart": Half(2, embedded=True),
    "mvp": Half(2, embedded=True),
    "mbart": Half(2, embedded=True, final=True),
    "marian": Half(),
    "blenderbot-small": Half(embedded=True),
    "blenderbot": Half(final=True),
    "pegasus": Half(final=True),
    "m2m_100": Half(None, final=True),
}


@family(*ROWS)
def bart(config: Config) -> Architecture:
    """Both halves of one row of this table."""
    row = ROWS[config.text("model_type").lower()]
    read, write = (
        replace(half, before=row.before(name), after=row.after(name))
        for half, name in ((READ, "encoder"), (WRITE, "decoder"))
    )
    return halves(config, read, write, words="model.shared.weight")


@family("whisper")
def whisper(config: Config) -> Architecture:
    """Two convolutions over the spectrogram before the encoder; keys have no bias (arXiv:2212.04356)."""
    listens = replace(
        READ,
        before=(*CONVOLUTIONS, table("model.encoder.embed_positions.weight", "max_source_positions")),
        after=(norm("model.encoder.layer_norm"),),
        absent=("k_proj.bias",),
    )
    writes = replace(
        WRITE,
        before=(table("model.decoder.embed_positions.weight", "max_target_positions"),),
        after=(norm("model.decoder.layer_norm"),),
        absent=("k_proj.bias",),
        source="max_source_positions",
    )
    return halves(config, listens, writes, words="model.decoder.embed_tokens.weight", output="proj_out.weight")
