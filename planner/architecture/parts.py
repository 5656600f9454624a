"""The building blocks that families put together: linear layers, attention, feed-forward, mixture of experts.

Shapes are PyTorch's: a linear layer is (out_features, in_features). Names are those of the checkpoint, so that the
`ignore` lists of published quantizations match them.
"""

from __future__ import annotations

from typing import Literal

from planner.architecture.tensors import Cache, Ffn, Mixer, MixerKind, Role, Tensor

QkNorm = Literal["", "head", "full"]
"""Norms on queries and keys: none, one weight per head_dim shared by all heads, or one over the full width."""


def linear(name: str, out: int, inner: int, role: Role, bias: bool = False, copies: int = 1, used: int | None = None) -> tuple[Tensor, ...]:
    """A linear layer: its weight (out, in) and, if it has one, its bias (out,)."""
    weight = Tensor(f"{name}.weight", (out, inner), role, copies, used)
    return (weight, Tensor(f"{name}.bias", (out,), "bias", copies, used)) if bias else (weight,)


def norm(name: str, width: int, bias: bool = False) -> tuple[Tensor, ...]:
    """A normalisation: RMSNorm has a weight, LayerNorm a bias too."""
    weight = Tensor(f"{name}.weight", (width,), "norm")
    return (weight, Tensor(f"{name}.bias", (width,), "bias")) if bias else (weight,)


def kv_cache(kv_heads: int, key_dim: int, value_dim: int, window: int | None = None) -> tuple[Cache, Cache]:
    """Keys and values of every token: kv_heads * key_dim and kv_heads * value_dim numbers."""
    return (Cache("k", kv_heads * key_dim, heads=kv_heads, window=window), Cache("v", kv_heads * value_dim, heads=kv_heads, window=window))


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
    extra: tuple[Tensor, ...] = (),
) -> Mixer:
    """Multi-head, grouped-query or multi-query attention with separate projections.

    Parameters: hidden*heads*d (doubled by an output gate) + 2*hidden*kv_heads*d + heads*d_v*hidden, plus biases and norms.
    """
    value = value_dim or head_dim
    tensors = (
        *linear(f"{name}.q_proj", heads * head_dim * (2 if output_gate else 1), hidden, "q", bias),
        *linear(f"{name}.k_proj", kv_heads * head_dim, hidden, "k", bias),
        *linear(f"{name}.v_proj", kv_heads * value, hidden, "v", bias),
        *linear(f"{name}.{out}", hidden, heads * value, "o", out_bias),
    )
    if qk_norm:
        full = qk_norm == "full"
        tensors += norm(f"{name}.q_norm", heads * head_dim if full else head_dim)
        tensors += norm(f"{name}.k_norm", kv_heads * head_dim if full else head_dim)
    return Mixer(
        kind or ("sliding_attention" if window else "attention"),
        tensors + extra,
        kv_cache(kv_heads, head_dim, value, window) if cached else (),
        heads, kv_heads, head_dim, value, window, causal,
    )  # fmt: skip


def mlp(hidden: int, width: int, *, gated: bool = True, bias: bool = False, name: str = "mlp") -> Ffn:
    """A feed-forward block: gate, up and down (3*hidden*width), or only up and down when it is not gated."""
    gate = linear(f"{name}.gate_proj", width, hidden, "gate", bias) if gated else ()
    up = linear(f"{name}.up_proj", width, hidden, "up", bias)
    return Ffn("dense", (*gate, *up, *linear(f"{name}.down_proj", hidden, width, "down", bias)), width, gated)


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
    router_bias: bool = False,
    correction_bias: Literal["", "buffer", "parameter"] = "",
    expert_inner: int | None = None,
    name: str = "mlp",
    router: str = "gate",
    extra: tuple[Tensor, ...] = (),
) -> Ffn:
    """A mixture of experts: a router, `experts` small feed-forward blocks of which a token uses `top_k`, perhaps a shared one.

    Parameters: hidden*E + E*3*hidden*expert_width + 3*hidden*shared_width (+ hidden for the shared expert's gate).
    `expert_inner` is the width in which experts work when it is not the residual stream's.
    """
    inner = expert_inner or hidden

    def block(path: str, width: int, roles: tuple[Role, Role, Role], size: int, copies: int = 1, used: int | None = None) -> tuple[Tensor, ...]:
        gate = linear(f"{path}.gate_proj", width, size, roles[0], bias, copies, used) if gated else ()
        up = linear(f"{path}.up_proj", width, size, roles[1], bias, copies, used)
        return (*gate, *up, *linear(f"{path}.down_proj", size, width, roles[2], bias, copies, used))

    tensors = linear(f"{name}.{router}", experts, hidden, "router", router_bias)
    if correction_bias:
        tensors += (Tensor(f"{name}.{router}.e_score_correction_bias", (experts,), "bias", buffer=correction_bias == "buffer"),)
    tensors += block(f"{name}.experts.*", expert_width, ("expert_gate", "expert_up", "expert_down"), inner, experts, top_k)
    if shared_width:
        tensors += block(f"{name}.shared_experts", shared_width, ("shared_gate", "shared_up", "shared_down"), hidden)
    if shared_gate:
        tensors += linear(f"{name}.shared_expert_gate", 1, hidden, "shared_expert_gate")
    return Ffn("moe", tensors + extra, shared_width, gated, experts, top_k, expert_width)
