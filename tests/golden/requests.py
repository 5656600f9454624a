"""The questions whose answers are kept: every engine, many kinds of model, machines from one small card to eight,
training and money.

Each table row is combined as it stands, so that a question keeps its name when others join.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MODELS = {
    "dense": "meta-llama/Llama-3.1-8B-Instruct",
    "large": "meta-llama/Meta-Llama-3-70B-Instruct",
    "qwen": "Qwen/Qwen3-32B",
    "tied": "Qwen/Qwen2.5-0.5B-Instruct",
    "window": "google/gemma-3-27b-it",
    "sparse": "Qwen/Qwen3-30B-A3B",
    "mixtral": "mistralai/Mixtral-8x7B-v0.1",
    "latent": "deepseek-ai/DeepSeek-V2-Lite-Chat",
    "deepseek": "deepseek-ai/DeepSeek-R1",
    "packed": "openai/gpt-oss-120b",
    "hybrid": "Qwen/Qwen3-Next-80B-A3B-Instruct",
    "mamba": "nvidia/Nemotron-H-8B-Base-8K",
    "vision": "Qwen/Qwen2.5-VL-7B-Instruct",
    "seq2seq": "google/flan-t5-xl",
    "encoder": "BAAI/bge-m3",
}
"""Short names for what the models stand for."""

SMALL = ("dense", "tied", "latent", "mamba", "vision", "encoder", "seq2seq")

MACHINES = {
    "3060": "RTX 3060 12GB",
    "4090": "RTX 4090",
    "mixed": "RTX 4090 + RTX 3060 12GB",
    "2x4090": "2x RTX 4090",
    "h100": "H100 SXM",
    "2xh100": "2x H100 SXM",
    "8xh100": "8x H100 SXM",
    "mi300x": "MI300X",
    "mac": "M3 Ultra 512GB",
    "cpu": "",
    "live": "RTX 4090 [22100/24564 MiB]",
}

ENGINES: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "llama.cpp": (
        ("3060", {"quantization": "Q4_K_M"}),
        ("live", {"quantization": "Q5_K_M", "context": 16_384}),
        ("mixed", {"quantization": "Q6_K", "batch": 4}),
        ("cpu", {"quantization": "Q4_0", "context": 4_096}),
    ),
    "ollama": (("4090", {"context": 8_192}), ("mac", {"context": 32_768})),
    "vllm": (
        ("h100", {"context": 16_384, "batch": 50}),
        ("2xh100", {"context": 8_192, "batch": 8}),
        ("8xh100", {"kv_cache_dtype": "fp8", "batch": 128}),
    ),
    "sglang": (("h100", {"context": 8_192, "batch": 16}), ("8xh100", {"batch": 64})),
    "transformers": (("h100", {"context": 2_048, "batch": 4}), ("4090", {"quantization": "nf4"})),
    "tensorrt-llm": (("h100", {"batch": 16}), ("8xh100", {"batch": 64})),
    "mlx": (("mac", {"context": 16_384}),),
}
"""For each engine the machines and settings that every model is asked on."""

OF_EVERY_MODEL = tuple(MODELS)

SPECIAL: dict[str, dict[str, Any]] = {
    "expert layers in RAM": {
        "model": MODELS["packed"],
        "engine": "llama.cpp",
        "gpus": "RTX 3060 12GB",
        "system": {"ram_gib": 96},
        "cpu_moe_layers": 36,
    },
    "layers by hand": {
        "model": MODELS["large"],
        "engine": "llama.cpp",
        "quantization": "Q4_K_M",
        "gpus": "RTX 4090",
        "gpu_layers": 40,
        "ubatch": 1024,
    },
    "cache in 8 bit": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "gpus": "RTX 3060 12GB",
        "context": 65_536,
        "kv_cache_dtype": "q8_0",
    },
    "split by rows": {
        "model": MODELS["qwen"],
        "engine": "llama.cpp",
        "quantization": "Q4_K_M",
        "gpus": "2x RTX 4090",
        "split_mode": "row",
    },
    "own split": {
        "model": MODELS["qwen"],
        "engine": "llama.cpp",
        "quantization": "Q4_K_M",
        "gpus": "RTX 4090 + RTX 3090",
        "tensor_split": [3, 1],
    },
    "without flash attention": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "gpus": "RTX 4090",
        "context": 32_768,
        "flash_attention": False,
    },
    "old build": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "engine_version": "b2824",
        "quantization": "Q4_K_M",
        "gpus": "RTX 3090",
    },
    "vulkan": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "backend": "vulkan",
        "quantization": "Q4_0",
        "gpus": "RX 7900 XTX",
    },
    "whole windows": {
        "model": MODELS["window"],
        "engine": "llama.cpp",
        "gpus": "A100 80GB",
        "context": 65_536,
        "swa_full": True,
    },
    "slots of one cache": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "gpus": "RTX 4090",
        "batch": 8,
        "kv_unified": True,
    },
    "pipeline": {
        "model": MODELS["large"],
        "engine": "vllm",
        "gpus": "4x A100 80GB",
        "pipeline_parallel": 2,
        "tensor_parallel": 2,
        "batch": 32,
    },
    "replicas": {"model": MODELS["dense"], "engine": "vllm", "gpus": "4x L40S", "data_parallel": 4, "batch": 64},
    "experts spread": {
        "model": MODELS["deepseek"],
        "engine": "sglang",
        "gpus": "8x H200",
        "expert_parallel": 8,
        "batch": 256,
    },
    "eager": {
        "model": MODELS["sparse"],
        "engine": "vllm",
        "gpus": "RTX 5090",
        "quantization": "awq-int4",
        "enforce_eager": True,
        "max_num_seqs": 16,
    },
    "large chunks": {
        "model": MODELS["qwen"],
        "engine": "vllm",
        "gpus": "2x H100 SXM",
        "max_num_batched_tokens": 16_384,
        "gpu_memory_utilization": 0.8,
    },
    "vision on two cards": {
        "model": MODELS["vision"],
        "engine": "vllm",
        "gpus": "2x A100 80GB",
        "pipeline_parallel": 2,
    },
    "window served": {"model": MODELS["window"], "engine": "vllm", "gpus": "H100 SXM", "context": 65_536, "batch": 12},
    "hopeless": {"model": MODELS["deepseek"], "engine": "transformers", "gpus": "RTX 3060 12GB"},
    "short of RAM": {
        "model": MODELS["packed"],
        "engine": "llama.cpp",
        "gpus": "RTX 3060 12GB",
        "system": {"ram_gib": 32},
    },
    "long prompts": {
        "model": MODELS["qwen"],
        "engine": "vllm",
        "gpus": "2x H100 SXM",
        "batch": 16,
        "prompt_tokens": 12_000,
        "output_tokens": 300,
    },
    "deep cache": {
        "model": MODELS["dense"],
        "engine": "llama.cpp",
        "gpus": "RTX 4090",
        "context": 65_536,
        "context_depth": 60_000,
    },
    "two users in 32 slots": {
        "model": MODELS["dense"],
        "engine": "vllm",
        "gpus": "RTX 4090",
        "batch": 32,
        "concurrency": 2,
    },
    "a job": {
        "model": MODELS["large"],
        "engine": "llama.cpp",
        "quantization": "Q4_K_M",
        "gpus": "RTX 4090",
        "requests": 1_200,
        "calls_per_request": 7,
        "prompt_tokens": 1_500,
        "output_tokens": 330,
        "region": "Germany",
        "api": "gpt-4o",
    },
    "a rented job": {
        "model": MODELS["dense"],
        "engine": "vllm",
        "gpus": "H100 SXM",
        "batch": 64,
        "requests": 100_000,
        "rent_usd_per_hour": 2.5,
    },
    "a bought machine": {
        "model": MODELS["qwen"],
        "engine": "vllm",
        "gpus": "2x RTX 4090",
        "quantization": "awq-int4",
        "purchase_usd": 6_000,
        "lifetime_years": 3,
        "resale_fraction": 0.3,
        "hours_per_day": 6,
        "electricity_usd_per_kwh": 0.4,
        "host_watts": 150,
        "pue": 1.1,
    },
    "carbon": {
        "model": MODELS["dense"],
        "engine": "sglang",
        "gpus": "8x H100 SXM",
        "batch": 512,
        "gco2_per_kwh": 350,
        "electricity_usd_per_kwh": 0.08,
    },
}
"""Questions for one option, one path or one price each."""

METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lora 4090", {"method": "lora", "gpus": "RTX 4090", "micro_batch": 1, "seq_len": 1_024}),
    (
        "qlora 3060",
        {"method": "qlora", "gpus": "RTX 3060 12GB", "micro_batch": 1, "seq_len": 512, "checkpointing": "full"},
    ),
    (
        "full 8xh100",
        {
            "method": "full",
            "gpus": "8x H100 SXM",
            "micro_batch": 2,
            "seq_len": 4_096,
            "sharding": "fsdp",
            "checkpointing": "full",
        },
    ),
)
"""How every model of TRAINED is fine-tuned."""

TRAINED = ("dense", "tied", "sparse", "vision", "seq2seq", "encoder", "mamba", "window")

TRAINING: dict[str, dict[str, Any]] = {
    "zero 2 with Adam in RAM": {
        "method": "full",
        "gpus": "4x A100 80GB",
        "sharding": "zero2",
        "offload": "optimizer",
        "seq_len": 2_048,
    },
    "zero 3": {
        "method": "full",
        "gpus": "8x A100 80GB",
        "sharding": "zero3",
        "seq_len": 2_048,
        "gradient_accumulation": 8,
    },
    "data parallel": {
        "method": "lora",
        "gpus": "2x RTX 3090",
        "sharding": "ddp",
        "seq_len": 1_024,
        "gradient_accumulation": 4,
    },
    "8-bit optimizer": {
        "method": "full",
        "gpus": "H100 SXM",
        "optimizer": "adamw-8bit",
        "checkpointing": "selective",
        "fused_cross_entropy": True,
    },
    "half precision": {
        "method": "full",
        "gpus": "H200",
        "precision": "fp16-mixed",
        "optimizer": "adafactor",
        "micro_batch": 4,
    },
    "pure bf16": {
        "method": "full",
        "gpus": "H200",
        "precision": "bf16",
        "optimizer": "lion",
        "flash_attention": False,
        "seq_len": 1_024,
    },
    "dora": {
        "method": "dora",
        "gpus": "A100 80GB",
        "lora_rank": 32,
        "lora_targets": ["q_proj", "v_proj"],
        "train_embeddings": True,
    },
    "epochs and samples": {
        "method": "lora",
        "gpus": "RTX 4090",
        "samples": 1_602,
        "tokens_per_sample": 103,
        "epochs": 3,
        "seq_len": 512,
        "micro_batch": 4,
        "gradient_accumulation": 4,
        "checkpointing": "full",
    },
    "packed samples": {
        "method": "lora",
        "gpus": "RTX 4090",
        "samples": 1_602,
        "tokens_per_sample": 103,
        "epochs": 3,
        "seq_len": 512,
        "packing": True,
    },
}


def questions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each question under its name."""
    for engine, settings in ENGINES.items():
        for machine, options in settings:
            for short in OF_EVERY_MODEL if machine in ("3060", "h100", "mac") else OF_EVERY_MODEL[::2]:
                yield (
                    f"{engine} | {short} | {machine}",
                    {
                        "model": MODELS[short],
                        "engine": engine,
                        "gpus": MACHINES[machine],
                        **options,
                    },
                )
    for name, request in SPECIAL.items():
        yield f"special | {name}", request
    for short in TRAINED:
        for name, options in METHODS:
            yield f"train | {short} | {name}", {"kind": "train", "model": MODELS[short], **options}
    for name, options in TRAINING.items():
        yield f"train | {name}", {"kind": "train", "model": MODELS["dense"], **options}
