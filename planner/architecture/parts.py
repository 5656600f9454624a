"""The building blocks that families put together: linear layers, attention, feed-forward, mixture of experts.

Shapes are PyTorch's: a linear layer is (out_features, in_features). Names are those of the checkpoint, so that the
`ignore` lists of published quantizations match them.
"""

from __future__ import annotations

from typing import Literal

from planner.architecture.tensors import Cache, Ffn, Mixer, MixerKind, Role, Tensor

QkNorm = Literal["", "head", "full"]
"""Norms on queries and keys: none, one weight per head_dim shared by all heads, or one over the full width."""


def linear(
    name: str, out: int, inner: int, role: Role, bias: bool = False, copies: int = 1, used: int | None = None
) -> tuple[Tensor, ...]:
    """A linear layer: its weight (out, in) and, if it has one, its bias (out,)."""
    weight = Tensor(f"{name}.weight", (out, inner), role, copies, used)
    return (weight, Tensor(f"{name}.bias", (out,), "bias", copies, used)) if bias else (weight,)


def norm(name: str, width: int, bias: bool = False) -> tuple[Tensor, ...]:
    """A normalisation: RMSNorm has a weight, LayerNorm a bias too."""
    weight = Tensor(f"{name}.weight", (width,), "norm")
    return (weight, Tensor(f"{name}.bias", (width,), "bias")) if bias else (weight,)


def kv_cache(kv_heads: int, key_dim: int, value_dim: int, window: int | None = None) -> tuple[Cache, Cache]:
    """Keys and values of every token: kv_heads * key_dim and kv_heads * value_dim numbers."""
    return (
        Cache("k", kv_heads * key_dim, heads=kv_heads, window=window),
        Cache("v", kv_heads * value_dim, heads=kv_heads, window=window),
    )


def attention(
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    *,
    value_dim: int | None = None,
    bias: bool = False,
    out_bias: bool = False,
    qk_norm: QkNorm = "",
    window: int | None = None,
    kind: MixerKind | None = None,
    output_gate: bool = False,
    cached: bool = True,
    causal: bool = True,
    name: str = "self_attn",
    out: str = "o_proj",
    qkv: tuple[str, ...] = ("q_proj", "k_proj", "v_proj"),
    qk_norms: tuple[str, str] = ("q_norm", "k_norm"),
    qk_norm_bias: bool = False,
    extra: tuple[Tensor, ...] = (),
) -> Mixer:
    """Multi-head, grouped-query or multi-query attention.

    Parameters: hidden*heads*d (doubled by an output gate) + 2*hidden*kv_heads*d + heads*d_v*hidden, plus biases and
    norms. A single name in `qkv` is one fused projection; two leave out the values, which then are the keys.
    """
    value = value_dim or head_dim
    q_out, k_out, v_out = heads * head_dim * (2 if output_gate else 1), kv_heads * head_dim, kv_heads * value
    if len(qkv) == 1:
        tensors = linear(f"{name}.{qkv[0]}", q_out + k_out + v_out, hidden, "qkv", bias)
    else:
        split: tuple[tuple[Role, int], ...] = (("q", q_out), ("k", k_out), ("v", v_out))
        tensors = tuple(
            t
            for path, (role, width) in zip(qkv, split, strict=False)
            for t in linear(f"{name}.{path}", width, hidden, role, bias)
        )
    tensors += linear(f"{name}.{out}", hidden, heads * value, "o", out_bias)
    if qk_norm:
        full = qk_norm == "full"
        tensors += norm(f"{name}.{qk_norms[0]}", heads * head_dim if full else head_dim, qk_norm_bias)
        tensors += norm(f"{name}.{qk_norms[1]}", kv_heads * head_dim if full else head_dim, qk_norm_bias)
    return Mixer(
        kind or ("sliding_attention" if window else "attention"),
        tensors + extra,
        kv_cache(kv_heads, head_dim, value, window) if cached else (),
        heads, kv_heads, head_dim, value, window, causal,
    )  # fmt: skip


def mlp(
    hidden: int,
    width: int,
    *,
    gated: bool = True,
    bias: bool = False,
    name: str = "mlp",
    names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj"),
    extra: tuple[Tensor, ...] = (),
) -> Ffn:
    """A feed-forward block: gate, up and down (3*hidden*width), or only up and down when it is not gated.

    Two `names` for a gated block mean that gate and up are one fused matrix; without a gate the last two count.
    """
    *inner, down = (f"{name}.{part}".removeprefix(".") for part in names)
    if not gated:
        tensors = linear(inner[-1], width, hidden, "up", bias)
    elif len(inner) == 1:
        tensors = linear(inner[0], 2 * width, hidden, "gate_up", bias)
    else:
        tensors = linear(inner[0], width, hidden, "gate", bias) + linear(inner[1], width, hidden, "up", bias)
    return Ffn("dense", tensors + linear(down, hidden, width, "down", bias) + extra, width, gated)


def moe(
    hidden: int,
    experts: int,
    top_k: int,
    expert_width: int,
    *,
    shared_width: int = 0,
    shared_gate: bool = False,
    gated: bool = True,
    bias: bool = False,
    shared_bias: bool = False,
    router_bias: bool = False,
    correction_bias: Literal["", "buffer", "parameter"] = "",
    expert_inner: int | None = None,
    name: str = "mlp",
    router: str = "gate",
    names: tuple[str, ...] = ("experts.*.gate_proj", "experts.*.up_proj", "experts.*.down_proj"),
    shared: str = "shared_experts",
    shared_names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj"),
    correction: str = "gate.e_score_correction_bias",
    routes: int | None = None,
    extra: tuple[Tensor, ...] = (),
) -> Ffn:
    """A mixture of experts: a router, `experts` small feed-forward blocks of which a token uses `top_k`, perhaps a
    shared one.

    Parameters: hidden*E + E*3*hidden*expert_width + 3*hidden*shared_width (+ hidden for the shared expert's gate).
    `expert_inner` is the width in which experts work when it is not the residual stream's.
    Two `names` for gated experts mean that gate and up are stored as one. `routes` is the router's choice when some of
    its outputs lead to no expert; `shared` with a leading slash stands beside the block, not inside.
    """

    def block(
        path: str,
        parts: tuple[str, ...],
        roles: tuple[Role, Role, Role, Role],
        width: int,
        size: int,
        bias: bool,
        copies: int = 1,
        used: int | None = None,
    ) -> tuple[Tensor, ...]:
        gate, up, gate_up, down = roles
        *inner, last = (f"{path}.{part}".removeprefix(".") for part in parts)
        if not gated:
            first = linear(inner[-1], width, size, up, bias, copies, used)
        elif len(inner) == 1:
            first = linear(inner[0], 2 * width, size, gate_up, bias, copies, used)
        else:
            first = linear(inner[0], width, size, gate, bias, copies, used) + linear(
                inner[1], width, size, up, bias, copies, used
            )
        return first + linear(last, size, width, down, bias, copies, used)

    tensors = linear(f"{name}.{router}", routes or experts, hidden, "router", router_bias)
    if correction_bias:
        tensors += (Tensor(f"{name}.{correction}", (routes or experts,), "bias", buffer=correction_bias == "buffer"),)
    tensors += block(
        name,
        names,
        ("expert_gate", "expert_up", "expert_gate_up", "expert_down"),
        expert_width,
        expert_inner or hidden,
        bias,
        experts,
        top_k,
    )
    if shared_width:
        path = shared[1:] if shared.startswith("/") else f"{name}.{shared}"
        tensors += block(
            path,
            shared_names,
            ("shared_gate", "shared_up", "shared_gate_up", "shared_down"),
            shared_width,
            hidden,
            shared_bias,
        )
    if shared_gate:
        tensors += linear(f"{name}.shared_expert_gate", 1, hidden, "shared_expert_gate")
    return Ffn("moe", tensors + extra, shared_width, gated, experts, top_k, expert_width)
