"""Decoders without attention that are not Mamba: xLSTM and RWKV."""

from __future__ import annotations

from planner.architecture import parts
from planner.architecture.config import Config
from planner.architecture.families.hybrid import stateful_shape
from planner.architecture.fields import HEADS
from planner.architecture.parts import linear, norm
from planner.architecture.recurrent import states
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Cache, Layer, Mixer, Tensor
from planner.architecture.traits import Traits, finish, norms
from planner.core.errors import PlanError

MULTIPLE = 64


def rounded(width: float, multiple: int) -> int:
    return int((width + multiple - 1) // multiple * multiple)


@family("xlstm")
def xlstm(config: Config) -> Architecture:
    """xLSTM 7B (arXiv:2503.13427): a matrix memory of (q/k dim) * (v dim) a head, with a normaliser and a
    stabiliser.
    """
    s = stateful_shape(config)
    heads, bias = config.int(*HEADS, default=8, high=2**20), config.flag("use_bias", default=False)
    qk = rounded(s.hidden * config.number("qk_dim_factor", default=0.5), MULTIPLE)
    v = rounded(s.hidden * config.number("v_dim_factor", default=1.0), MULTIPLE)
    width = rounded(
        s.hidden * config.number("ffn_proj_factor", default=2.667),
        config.int("ffn_round_up_to_multiple_of", default=64),
    )
    if min(qk, v, width) < 1:
        raise PlanError(
            "The config's qk_dim_factor, v_dim_factor and ffn_proj_factor must be positive; check them.", "config"
        )
    row = Traits(
        layers="backbone.blocks.",
        embed="backbone.embeddings.weight",
        final="backbone.out_norm" if config.flag("add_out_norm", default=True) else "",
        ties=False,
    )
    name = "mlstm_layer"
    tensors = (
        *linear(f"{name}.q", qk, s.hidden, "q", bias),
        *linear(f"{name}.k", qk, s.hidden, "k", bias),
        *linear(f"{name}.v", v, s.hidden, "v", bias),
        *linear(f"{name}.ogate_preact", v, s.hidden, "linear", bias),
        *linear(f"{name}.igate_preact", heads, s.hidden, "linear", True),
        *linear(f"{name}.fgate_preact", heads, s.hidden, "linear", True),
        *norm(f"{name}.multihead_norm", v, bias),
        *linear(f"{name}.out_proj", s.hidden, v, "o", bias),
    )
    memory = qk // heads * v + qk + heads
    mixer = Mixer("xlstm", tensors, states(0, 0, memory, heads), heads, heads, max(qk // heads, 1), max(v // heads, 1))
    ffn = parts.mlp(s.hidden, width, bias=bias, name="ffn", names=("proj_up_gate", "proj_up", "proj_down"))
    return finish(
        config,
        row,
        s,
        (Layer((mixer,), ffn, norm("norm_mlstm", s.hidden, bias) + norm("norm_ffn", s.hidden, bias)),) * s.layers,
    )


@family("rwkv")
def rwkv(config: Config) -> Architecture:
    """RWKV-4 (arXiv:2305.13048): time mixing with four matrices, channel mixing with three; five vectors of state a
    layer.
    """
    s = stateful_shape(config)
    inner = config.int("attention_hidden_size", default=s.hidden)
    width = config.int("intermediate_size", default=4 * s.hidden)
    row = Traits(
        layers="rwkv.blocks.", embed="rwkv.embeddings.weight", final="rwkv.ln_out", head="head.weight", norm="bias"
    )

    def vectors(path: str, *names: str) -> tuple[Tensor, ...]:
        return tuple(Tensor(f"{path}.time_mix_{name}", (1, 1, s.hidden), "scalar") for name in names)

    tensors = (
        Tensor("attention.time_decay", (inner,), "scalar"), Tensor("attention.time_first", (inner,), "scalar"),
        *vectors("attention", "key", "value", "receptance"),
        *linear("attention.key", inner, s.hidden, "k"), *linear("attention.value", inner, s.hidden, "v"),
        *linear("attention.receptance", inner, s.hidden, "q"), *linear("attention.output", s.hidden, inner, "o"),
        *vectors("feed_forward", "key", "receptance"), *linear("feed_forward.receptance", s.hidden, s.hidden, "linear"),
    )  # fmt: skip
    mixer = Mixer(
        "rwkv", tensors, (Cache("state", 3 * inner + 2 * s.hidden, "sequence", 1, dtype="fp32"),), inner, inner, 1, 1
    )
    ffn = parts.mlp(s.hidden, width, gated=False, name="feed_forward", names=("key", "value"))
    layer = Layer((mixer,), ffn, norms(row, s.hidden, "ln1", "ln2"))
    first = Layer(layer.mixers, ffn, norms(row, s.hidden, "pre_ln") + layer.tensors)
    return finish(config, row, s, (first, *(layer,) * (s.layers - 1)))
