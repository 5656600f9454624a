"""Mixers that keep a state of fixed size for each sequence instead of keys and values for each token.

Each caches a short convolution's last inputs, (kernel - 1) * channels in the model's type, and a recurrent state in
fp32.
"""

from __future__ import annotations

from planner.architecture.parts import linear, norm
from planner.architecture.tensors import Cache, Mixer, Role, Tensor


def conv(name: str, channels: int, kernel: int, bias: bool = False) -> tuple[Tensor, ...]:
    """A depthwise convolution over time: channels * kernel."""
    weight = Tensor(f"{name}.weight", (channels, 1, kernel), "conv")
    return (weight, Tensor(f"{name}.bias", (channels,), "bias")) if bias else (weight,)


def states(channels: int, kernel: int, state: int, heads: int) -> tuple[Cache, ...]:
    """What such a layer keeps for a sequence, in `heads` parts that tensor parallel can spread."""
    last = (
        (Cache("conv", (kernel - 1) * channels, "sequence", heads, dtype="model"),) if kernel > 1 and channels else ()
    )
    return (*last, Cache("state", state, "sequence", heads, dtype="fp32")) if state else last


def mamba(
    hidden: int,
    inner: int,
    state: int,
    kernel: int,
    rank: int,
    *,
    name: str = "mixer",
    conv_bias: bool = True,
    bias: bool = False,
    extra: tuple[Tensor, ...] = (),
) -> Mixer:
    """Mamba (arXiv:2312.00752): 2*h*di + di*K (+di) + di*(rt + 2s) + rt*di + di + di*s + di + di*h; state di*s."""
    tensors = (
        *linear(f"{name}.in_proj", 2 * inner, hidden, "ssm_in", bias),
        *conv(f"{name}.conv1d", inner, kernel, conv_bias),
        *linear(f"{name}.x_proj", rank + 2 * state, inner, "ssm_x"),
        *linear(f"{name}.dt_proj", inner, rank, "ssm_dt", True),
        Tensor(f"{name}.A_log", (inner, state), "ssm_a"),
        Tensor(f"{name}.D", (inner,), "ssm_d"),
        *linear(f"{name}.out_proj", hidden, inner, "ssm_out", bias),
    )
    return Mixer("mamba", tensors + extra, states(inner, kernel, inner * state, inner), inner, inner, state, 1)


def mamba2(
    hidden: int,
    heads: int,
    head_dim: int,
    state: int,
    groups: int,
    kernel: int,
    *,
    name: str = "mixer",
    conv_bias: bool = True,
    bias: bool = False,
    out_bias: bool = False,
    gated_norm: bool = True,
) -> Mixer:
    """Mamba-2 (arXiv:2405.21060), di = heads*head_dim, c = di + 2*g*s: h*(di + c + heads) + c*K (+c) + 3*heads + di +
    di*h.
    """
    inner = heads * head_dim
    channels = inner + 2 * groups * state
    tensors = (
        *linear(f"{name}.in_proj", inner + channels + heads, hidden, "ssm_in", bias),
        *conv(f"{name}.conv1d", channels, kernel, conv_bias),
        Tensor(f"{name}.dt_bias", (heads,), "ssm_dt"),
        Tensor(f"{name}.A_log", (heads,), "ssm_a"),
        Tensor(f"{name}.D", (heads,), "ssm_d"),
        *(norm(f"{name}.norm", inner) if gated_norm else ()),
        *linear(f"{name}.out_proj", hidden, inner, "ssm_out", out_bias),
    )
    return Mixer("mamba2", tensors, states(channels, kernel, inner * state, heads), heads, groups, state, head_dim)


def gated_delta_net(
    hidden: int,
    key_heads: int,
    value_heads: int,
    key_dim: int,
    value_dim: int,
    kernel: int,
    *,
    projections: tuple[tuple[str, int, Role], ...],
    out: str = "out_proj",
    out_norm: str = "norm",
) -> Mixer:
    """Gated DeltaNet (arXiv:2412.06464): h*(2*nk*dk + 2*nv*dv + 2*nv) + (2*nk*dk + nv*dv)*K + 2*nv + dv + nv*dv*h.

    `projections` are the input matrices as the family splits them: (name, outputs, role).
    """
    name, channels = "linear_attn", 2 * key_heads * key_dim + value_heads * value_dim
    tensors = (
        *(t for path, out_features, role in projections for t in linear(f"{name}.{path}", out_features, hidden, role)),
        *conv(f"{name}.conv1d", channels, kernel),
        Tensor(f"{name}.dt_bias", (value_heads,), "ssm_dt"),
        Tensor(f"{name}.A_log", (value_heads,), "ssm_a"),
        *norm(f"{name}.{out_norm}", value_dim),
        *linear(f"{name}.{out}", hidden, value_heads * value_dim, "ssm_out"),
    )
    return Mixer(
        "gated_delta_net",
        tensors,
        states(channels, kernel, value_heads * value_dim * key_dim, value_heads),
        value_heads,
        key_heads,
        key_dim,
        value_dim,
    )


def kda(
    hidden: int, heads: int, dim: int, kernel: int, *, low_rank_decay: bool = True, low_rank_gate: bool = True
) -> Mixer:
    """Kimi Delta Attention (arXiv:2510.26692): q, k, v, o of h*H*d, convolutions 3*H*d*K, a decay for each channel, an
    output gate.

    Decay and gate go through a rank of head_dim (h*d + d*H*d) or straight (h*H*d).
    """
    name, inner = "self_attn", heads * dim

    def gate(letter: str, low_rank: bool) -> tuple[Tensor, ...]:
        if low_rank:
            return linear(f"{name}.{letter}_a_proj", dim, hidden, "linear") + linear(
                f"{name}.{letter}_b_proj", inner, dim, "linear"
            )
        return linear(f"{name}.{letter}_proj", inner, hidden, "linear")

    tensors = (
        *linear(f"{name}.q_proj", inner, hidden, "q"),
        *linear(f"{name}.k_proj", inner, hidden, "k"),
        *linear(f"{name}.v_proj", inner, hidden, "v"),
        *(t for letter in "qkv" for t in conv(f"{name}.{letter}_conv1d", inner, kernel)),
        Tensor(f"{name}.A_log", (heads,), "ssm_a"),
        Tensor(f"{name}.dt_bias", (inner,), "ssm_dt"),
        *gate("f", low_rank_decay),
        *linear(f"{name}.b_proj", heads, hidden, "linear"),
        *gate("g", low_rank_gate),
        *norm(f"{name}.o_norm", dim),
        *linear(f"{name}.o_proj", hidden, inner, "o"),
    )
    return Mixer("kda", tensors, states(3 * inner, kernel, inner * dim, heads), heads, heads, dim, dim)


def lightning(hidden: int, heads: int, dim: int) -> Mixer:
    """Lightning attention (arXiv:2501.08313): qkv 3*h*H*d, an output gate and an output of h*H*d each, a norm; state
    H*d*d.
    """
    name, inner = "self_attn", heads * dim
    tensors = linear(f"{name}.qkv_proj", 3 * inner, hidden, "qkv") + linear(
        f"{name}.output_gate", inner, hidden, "linear"
    )
    tensors += norm(f"{name}.norm", inner) + linear(f"{name}.out_proj", hidden, inner, "o")
    return Mixer("lightning", tensors, states(0, 0, inner * dim, heads), heads, heads, dim, dim)


def short_conv(hidden: int, kernel: int, bias: bool = False) -> Mixer:
    """A gated short convolution (LFM2): in 3*h*h, depthwise h*K, out h*h; it keeps the last inputs and no further
    state.
    """
    tensors = (
        linear("conv.in_proj", 3 * hidden, hidden, "ssm_in", bias)
        + conv("conv.conv", hidden, kernel, bias)
        + linear("conv.out_proj", hidden, hidden, "ssm_out", bias)
    )
    return Mixer("short_conv", tensors, states(hidden, kernel, 0, hidden), hidden, hidden, 1, 1)


def rg_lru(hidden: int, width: int, heads: int, kernel: int) -> Mixer:
    """The recurrent block of Griffin (arXiv:2402.19427): two inputs and an output of h*w, a convolution, block-diagonal
    gates 2*w*w/H.
    """
    name, block = "temporal_block", width // heads
    gates = tuple(
        t
        for gate in ("input_gate", "recurrent_gate")
        for t in (
            Tensor(f"{name}.rg_lru.{gate}_weight", (heads, block, block), "linear"),
            Tensor(f"{name}.rg_lru.{gate}_bias", (heads, block), "bias"),
        )
    )
    tensors = (
        *linear(f"{name}.linear_y", width, hidden, "ssm_in", True),
        *linear(f"{name}.linear_x", width, hidden, "ssm_in", True),
        *linear(f"{name}.linear_out", hidden, width, "ssm_out", True),
        *conv(f"{name}.conv_1d", width, kernel, True),
        Tensor(f"{name}.rg_lru.recurrent_param", (width,), "ssm_a"),
        *gates,
    )
    return Mixer("rg_lru", tensors, states(width, kernel, width, heads), heads, heads, block, 1)
