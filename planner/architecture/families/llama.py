"""Dense pre-norm decoders: Llama and its kin, each told apart by a row of traits.

Per layer of Llama: 2*hidden*d*(heads + kv_heads) + 3*hidden*ffn + 2*hidden. Rows were read off the model classes of
huggingface/transformers 5.23 (or the remote code beside the weights) and counted against them.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Tensor
from planner.architecture.traits import Traits, build

LLAMA = Traits(qkv_bias="attention_bias", out_bias="attention_bias", mlp_bias="mlp_bias")
MISTRAL = Traits(pattern=patterns.windowed)
QWEN2 = Traits(qkv_bias=True, pattern=patterns.windowed)
QWEN3 = Traits(qkv_bias="attention_bias", out_bias="attention_bias", qk_norm="head", pattern=patterns.windowed)
GEMMA = Traits(qkv_bias="attention_bias", out_bias="attention_bias")
GEMMA2 = replace(
    GEMMA,
    norms=("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"),
    pattern=patterns.every(2),
)
OLMO2 = replace(LLAMA, norms=("post_attention_layernorm", "post_feedforward_layernorm"), qk_norm="full", mlp_bias=False)
PHI3 = Traits(qkv=("qkv_proj",), mlp_names=("gate_up_proj", "down_proj"), pattern=patterns.windowed)
GLM = Traits(qkv_bias="attention_bias", mlp_names=("gate_up_proj", "down_proj"))
GLM4 = replace(
    GLM, norms=("input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm", "post_mlp_layernorm")
)
COHERE = replace(LLAMA, norms=("input_layernorm",), mlp_bias=False)
HUNYUAN = replace(LLAMA, qk_norm="head", qk_norms=("query_layernorm", "key_layernorm"), mlp_bias=False)
ERNIE = Traits(qkv_bias="use_bias", out_bias="use_bias", mlp_bias="use_bias")


def two_lambdas(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """Differential attention: four vectors of head_dim (arXiv:2410.05258)."""
    return tuple(Tensor(f"self_attn.lambda_{part}", (s.head_dim,), "scalar") for part in ("q1", "k1", "q2", "k2"))


def sub_norm(config: Config, s: Shape) -> tuple[Tensor, ...]:
    """BitNet normalises what enters the output projection and the down projection."""
    return (
        Tensor("self_attn.attn_sub_norm.weight", (s.hidden,), "norm"),
        Tensor("mlp.ffn_sub_norm.weight", (s.ffn,), "norm"),
    )


ROWS = {
    "llama": LLAMA,
    "mistral": MISTRAL,
    "ministral": MISTRAL,
    "qwen2": QWEN2,
    "qwen3": QWEN3,
    "apertus": replace(
        LLAMA,
        norms=("attention_layernorm", "feedforward_layernorm"),
        qk_norm="head",
        gated=False,
        mlp_bias=False,
        extra=lambda config, s: tuple(Tensor(f"mlp.act_fn.{name}", (1,), "scalar") for name in ("alpha_p", "alpha_n")),
    ),
    "arcee": replace(LLAMA, gated=False),
    "bitnet": replace(LLAMA, mlp_bias=False, extra=sub_norm),
    "cohere": replace(COHERE, qk_norm="full", qk_norm_if="use_qk_norm"),
    "cohere2": replace(COHERE, pattern=patterns.every(4), still=True),
    "cohere_compass_text": replace(COHERE, pattern=patterns.every(4)),
    "cwm": replace(LLAMA, qkv_bias=False, out_bias=False, pattern=patterns.from_first(4)),
    "diffllama": replace(LLAMA, extra=two_lambdas, mlp_bias=False),
    "emu3_text_model": LLAMA,
    "ernie4_5": ERNIE,
    "paddleocr_vl_text": ERNIE,
    "exaone4": Traits(
        norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        qk_norm="head",
        pattern=patterns.every(4),
        still=True,
    ),
    "gemma": GEMMA,
    "gemma2": GEMMA2,
    "gemma3_text": replace(GEMMA2, qk_norm="head", pattern=patterns.every(6)),
    "vaultgemma": replace(GEMMA2, norms=("input_layernorm", "pre_feedforward_layernorm")),
    "glm": GLM,
    "glm4": GLM4,
    "glm4v_text": replace(GLM4, qkv_bias=True),
    "glm_ocr_text": GLM4,
    "granite": LLAMA,
    "granite4_vision_text": LLAMA,
    "granite_swa": replace(LLAMA, sinks=True, pattern=patterns.every(4)),
    "helium": replace(LLAMA, out_bias=False),
    "hunyuan_v1_dense": HUNYUAN,
    "hunyuan_vl_text": HUNYUAN,
    "internlm3": replace(LLAMA, qkv_bias="qkv_bias", out_bias="bias", mlp_bias="bias"),
    "iquestcoder": LLAMA,
    "jais2": replace(LLAMA, norm="bias", gated=False),
    "nanochat": replace(LLAMA, norm="none", gated=False, mlp_names=("fc1", "fc2")),
    "nemotron": replace(LLAMA, norm="bias", gated=False),
    "olmo": replace(LLAMA, norm="none", mlp_bias=False),
    "olmo2": OLMO2,
    "olmo3": replace(OLMO2, pattern=patterns.every(4)),
    "phi3": PHI3,
    "qwen2_vl_text": QWEN2,
    "qwen2_5_vl_text": QWEN2,
    "qwen2_5_omni_text": QWEN2,
    "qwen3_vl_text": QWEN3,
    "seed_oss": replace(LLAMA, out_bias="attention_out_bias"),
    "smollm3": replace(LLAMA, pattern=patterns.windowed),
    "starcoder2": Traits(
        qkv_bias="use_bias",
        out_bias="use_bias",
        mlp_bias="use_bias",
        norm="bias",
        gated=False,
        mlp_names=("c_fc", "c_proj"),
        pattern=patterns.windowed,
    ),
    "voxtral_realtime_text": MISTRAL,
    # code beside the weights
    "aquila": LLAMA,
    "baichuan": Traits(qkv=("W_pack",)),
    "decilm": LLAMA,
    "exaone": Traits(
        layers="transformer.h.",
        embed="transformer.wte.weight",
        final="transformer.ln_f",
        norms=("ln_1", "ln_2"),
        attention="attn.attention",
        out="out_proj",
        mlp_names=("c_fc_0", "c_fc_1", "c_proj"),
    ),
    "internlm": replace(LLAMA, qkv_bias="bias", out_bias="bias", mlp_bias=False),
    "internlm2": Traits(
        embed="model.tok_embeddings.weight",
        head="output.weight",
        norms=("attention_norm", "ffn_norm"),
        attention="attention",
        qkv=("wqkv",),
        out="wo",
        qkv_bias="bias",
        out_bias="bias",
        mlp="feed_forward",
        mlp_names=("w1", "w3", "w2"),
    ),
    "mimo": replace(QWEN2, pattern=patterns.windowed),
    "orion": replace(LLAMA, norm="bias"),
    "skywork": LLAMA,
    "xverse": LLAMA,
    "yi": LLAMA,
}


@family(*ROWS)
def llama(config: Config) -> Architecture:
    """One row of this table."""
    return build(config, ROWS[config.text("model_type").lower()])


@family("minicpm")
def minicpm(config: Config) -> Architecture:
    """Llama with scaled residuals; its own code ties the head unless told otherwise."""
    return build(config.over(tie_word_embeddings=True), LLAMA)


@family("hyperclovax")
def hyperclovax(config: Config) -> Architecture:
    """Llama with, by default, norms behind attention and ffn too."""
    more = ("post_norm1", "post_norm2") if config.flag("use_post_norm", default=True) else ()
    return build(config, replace(LLAMA, norms=(*LLAMA.norms, *more)))
