"""The spellings of one fact: each tuple lists a field's usual name first, then what other families call it.

`config.int(*HEADS)` reads whichever is there. Only readers of text decoders use these; towers have names of their own.
"""

from __future__ import annotations

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_blocks")
HIDDEN = ("hidden_size", "n_embd", "d_model", "n_embed")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "num_attention_groups")
HEAD_DIM = ("head_dim", "attention_head_dim", "kv_channels", "dim_head")
FFN = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "ff_intermediate_size", "dff", "dim_ff")
VOCAB = ("vocab_size", "padded_vocab_size")
WINDOW = ("sliding_window", "sliding_window_size", "attention_window_size", "window_size")

EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
TOP_K = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "top_k_experts",
)
EXPERT_FFN = ("moe_intermediate_size", "expert_ffn_hidden_size")
SHARED_EXPERTS = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert")
SHARED_FFN = (
    "shared_expert_intermediate_size",
    "moe_shared_expert_intermediate_size",
    "share_expert_dim",
    "share_expert_dims",
    "shared_intermediate_size",
)

MTP_LAYERS = (
    "num_nextn_predict_layers",
    "mtp_num_hidden_layers",
    "num_mtp_layers",
    "num_mtp_modules",
    "num_nextn_layers",
)

LAYER_TYPES = ("layer_types", "layers_block_type", "attn_type_list")

TEXT = ("text_config", "llm_config", "language_config")
"""Sections of a multimodal config that describe its text model."""
