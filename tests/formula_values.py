"""One value of each `Formula`, worked out by hand: `name: (operands, value)`.

Operands are small and differ from one another, so that a sign, a term or an operand in the wrong place shows.
"""

from __future__ import annotations

GIB, MIB, KIB = 1_073_741_824, 1_048_576, 1_024

VALUES: dict[str, tuple[dict[str, float], float]] = {
    # lengths of a data set: 90 * 1.1 = 99 tokens, in steps of 32 up to 128
    "planner.dataset.advice.ROUNDED": ({"multiple": 32, "length": 90, "range_high": 1.1}, 128),
    "planner.dataset.lengths.USED": ({"tokens": 300, "samples": 3, "seq_len": 200}, 0.5),
    "planner.dataset.lengths.MEAN": ({"tokens": 300, "samples": 4}, 75),
    "planner.dataset.lengths.PACKED": ({"tokens": 300, "sequences": 2, "seq_len": 200}, 0.75),
    # money: 2 million in at 3 USD and half a million out at 8
    "planner.economics.api.API": (
        {"prompt_tokens": 2_000_000, "input_usd_per_million": 3, "output_tokens": 500_000, "output_usd_per_million": 8},
        10,
    ),
    "planner.economics.break_even.HOURLY": ({"usd": 0.5, "seconds": 900}, 2),
    "planner.economics.break_even.RUNNING": ({"kilowatts": 0.5, "usd_per_kwh": 0.3}, 0.15),
    "planner.economics.break_even.MARGIN": ({"other_usd_per_hour": 2, "running_usd_per_hour": 0.5}, 1.5),
    "planner.economics.break_even.PAYBACK": ({"lost_usd": 3_000, "saved_usd_per_hour": 1.5}, 2_000),
    "planner.economics.cost.CARBON": ({"energy_kwh": 5, "gco2_per_kwh": 400}, 2),
    "planner.economics.cost.ELECTRICITY": ({"energy_kwh": 5, "usd_per_kwh": 0.3}, 1.5),
    "planner.economics.cost.SECONDS": ({"output_tokens": 300, "tokens_per_s": 60}, 5),
    "planner.economics.cost.PREFILL": ({"prompt_tokens": 6_000, "prefill_tokens_per_s": 1_000, "replicas": 3}, 2),
    "planner.economics.cost.DECODE": ({"output_tokens": 300, "decode_tokens_per_s": 50}, 6),
    # a quarter of the time at 300 W, the rest at 100 W
    "planner.economics.cost.MEAN": ({"prefill_watts": 300, "prefill_s": 1, "decode_watts": 100, "decode_s": 3}, 150),
    "planner.economics.cost.WALL": ({"gpu_watts": 700, "host_watts": 300, "pue": 1.2}, 1.2),
    "planner.economics.cost.IDLE": ({"idle_kilowatts": 0.1, "hours_per_day": 4}, 2),
    "planner.economics.cost.TIMES": ({"requests": 12, "of_one": 0.25}, 3),
    "planner.economics.cost.A_DAY": ({"hours_per_day": 2, "seconds": 20}, 360),
    "planner.economics.cost.HOURS": ({"hours_per_day": 2}, 7_200),
    "planner.economics.cost.ENERGY": ({"kilowatts": 0.5, "seconds": 7_200}, 1),
    "planner.economics.cost.RENT": ({"usd_per_hour": 3, "seconds": 1_200}, 1),
    # 6 USD a day over two working hours, of which this takes a quarter of one
    "planner.economics.cost.SHARE": ({"usd_per_day": 6, "seconds": 900, "hours_per_day": 2}, 0.75),
    "planner.economics.cost.OWN": ({"electricity_usd": 1.5, "standing_usd": 0.75}, 2.25),
    "planner.economics.cost.STANDING": ({"wear_usd": 2, "idle_kwh": 5, "usd_per_kwh": 0.2}, 3),
    "planner.economics.cost.MILLION": ({"output_tokens": 250}, 4_000),
    "planner.economics.electricity.ENERGY": ({"watts": 500, "hours": 4, "pue": 1.5}, 3),
    "planner.economics.job.CALLS": ({"requests": 3, "calls_per_request": 2.5}, 8),
    # seven calls, three at a time, are three rounds; each call's own share is 4 s
    "planner.economics.job.DURATION": ({"calls": 7, "in_flight": 3, "seconds_per_call": 4}, 36),
    "planner.economics.machine.HOST": ({"base_w": 60, "per_gpu_w": 15, "gpus": 4, "cpu_busy_w": 80}, 200),
    "planner.economics.purchase.PURCHASE": ({"gpus": 4, "usd": 1_600}, 6_400),
    "planner.economics.purchase.LOST": ({"purchase_usd": 6_400, "resale_fraction": 0.25}, 4_800),
    "planner.economics.purchase.WEAR": ({"lost_usd": 1_461, "lifetime_years": 4}, 1),
    "planner.economics.rent.RENT": ({"gpus": 8, "usd_per_gpu_hour": 2.5}, 20),
    # llama.cpp: 2 layers * 3 streams * 64 cells * 1,024 numbers, 34 bytes for each 32 of them in Q8_0
    "planner.engines.llama_cpp.cache.CELLS": (
        {"layers": 2, "streams": 3, "cells": 64, "elements": 1_024, "block_bytes": 34, "block_elements": 32},
        417_792,
    ),
    # 1 * 2 * 100 numbers, and the last row of 100 filled up to 512: 612 * 34 / 32 = 650.25 bytes, in steps of 128 bytes
    # 768, for each of 3 layers
    "planner.engines.llama_cpp.cache.FILLED": (
        {"layers": 3, "streams": 1, "cells": 2, "elements": 100, "block_bytes": 34, "block_elements": 32},
        2_304,
    ),
    "planner.engines.llama_cpp.cache.STATE": ({"layers": 3, "slots": 2, "elements": 100}, 2_400),
    "planner.engines.llama_cpp.compute.MASK": ({"copies": 2, "ubatch": 512, "cells": 8_192, "mask_bytes": 2}, 16 * MIB),
    "planner.engines.llama_cpp.compute.INDEX": ({"copies": 2, "ubatch": 512, "values": 3}, 24_576),
    "planner.engines.llama_cpp.compute.PASSED": ({"copies": 4, "tensors": 2, "ubatch": 512, "hidden": 4_096}, 64 * MIB),
    "planner.engines.llama_cpp.compute.SMALL": ({"ubatch": 512}, 12_288),
    "planner.engines.llama_cpp.compute.EMBEDDED": ({"ubatch": 512, "hidden": 4_096}, 16 * MIB),
    "planner.engines.llama_cpp.layout.CONTEXT": ({"context_mib": 400}, 400 * MIB),
    "planner.engines.llama_cpp.memory.OUTPUT": ({"vocab": 32_000, "slots": 3}, 384_000),
    # MLX: 512 tokens * 2 bytes * (3 * 1,000 + 6 * 100) = 3,686,400, and 2 * 50 * 4 = 400
    "planner.engines.mlx.PREFILL": ({"step": 512, "inner": 1_000, "hidden": 100, "batch": 2, "vocab": 50}, 3_686_800),
    "planner.engines.mlx.SHARE": ({"size_gib": 0.5}, GIB // 2),
    # SGLang: 512 + 1.5 * 4,096 + 2 * 160 + 128 * 2 + 1 * 160 * 3 = 512 + 6,144 + 320 + 256 + 480
    "planner.engines.sglang.RESERVE": (
        {"chunk": 4_096, "largest_graph": 160, "ranks": 2, "padding": 1, "replicas": 3},
        7_712 * MIB,
    ),
    "planner.engines.sglang.POOL": ({"fraction": 0.75, "capacity": 1_000, "context": 200, "weights": 150}, 450),
    # 8 * 2 * (3 * 100 + 4.25 * 40) + 3 * 50 * 8 = 16 * 470 + 1,200
    "planner.engines.sglang.FORWARD": ({"chunk": 8, "inner": 100, "hidden": 40, "requests": 3, "vocab": 50}, 8_720),
    # half a GiB, and 0.012 * 50 * 512 / 256 = 1.2 GiB
    "planner.engines.sglang.GRAPHS": ({"low_gib": 0.5, "layers": 50, "largest_graph": 512}, 1.7 * GIB),
    "planner.engines.sglang.FIXED": ({"size_gib": 0.25}, GIB // 4),
    "planner.engines.tensorrt_llm.POOL": (
        {"fraction": 0.9, "capacity": 1_000, "context": 100, "weights": 300, "buffers": 100},
        450,
    ),
    "planner.engines.tensorrt_llm.BUFFERS": (
        {"tokens": 8, "hidden": 100, "copies": 5, "requests": 3, "vocab": 50},
        9_800,
    ),
    "planner.engines.tensorrt_llm.CONTEXT": ({"size_gib": 2}, 2 * GIB),
    "planner.engines.transformers.CONTEXT": ({"context_gib": 0.5}, GIB // 2),
    # 2 * 10 * 2 * (3 * 100 + 4 * 30) = 40 * 420
    "planner.engines.transformers_peak.DENSE": (
        {
            "batch": 2,
            "prompt": 10,
            "element_bytes": 2,
            "inner_copies": 3,
            "inner": 100,
            "hidden_copies": 4,
            "hidden": 30,
        },
        16_800,
    ),
    # 20 tokens * (2 * (1.5 * 4 * (3 * 10 + 2 * 30) + 5 * 30) + 8 * 4 * 16) = 20 * (2 * (6 * 90 + 150) + 512) = 20 *
    # 1,892
    "planner.engines.transformers_peak.SPARSE": (
        {
            "batch": 2,
            "prompt": 10,
            "element_bytes": 2,
            "gathered": 1.5,
            "top_k": 4,
            "inner_copies": 3,
            "width": 10,
            "hidden": 30,
            "hidden_copies": 5,
            "experts": 16,
        },
        37_840,
    ),
    # 40 * (3 * 30 + 4 * 4 * 16 + 2 * 2 * 16) = 40 * (90 + 256 + 64)
    "planner.engines.transformers_peak.ATTENTION": (
        {"batch": 2, "prompt": 10, "element_bytes": 2, "hidden": 30, "heads": 4, "key_dim": 16, "kv_heads": 2},
        16_400,
    ),
    # 2 * 4 * 100 * (4 + 2 * 2) = 6,400, and 2 * 10 * 2 * 3 * 30 = 3,600
    "planner.engines.transformers_peak.SCORES": (
        {"batch": 2, "heads": 4, "prompt": 10, "element_bytes": 2, "hidden": 30},
        10_000,
    ),
    "planner.engines.transformers_peak.IMAGE": (
        {"batch": 2, "patches": 10, "element_bytes": 2, "inner": 100, "hidden": 30},
        12_800,
    ),
    "planner.engines.transformers_peak.TO_COME": ({"whole": 900, "at_prompt": 700}, 200),
    "planner.engines.transformers_peak.COPIED": ({"cache_bytes": 900, "entries": 30}, 30),
    "planner.engines.transformers_peak.REPEATED": (
        {"batch": 2, "context": 10, "heads": 4, "key_dim": 16, "element_bytes": 2},
        5_120,
    ),
    "planner.engines.transformers_peak.LOGITS": ({"batch": 3, "vocab": 100, "element_bytes": 2}, 3_000),
    "planner.engines.transformers_peak.WORKSPACE": ({"size_kib": 8_320}, 8_320 * KIB),
    "planner.engines.transformers_peak.ROUNDING": ({"tensors": 8}, 2 * MIB),
    "planner.engines.transformers_peak.DEQUANTIZED": ({"elements": 500}, 1_000),
    # half of max(900 - 200, 300), and 50
    "planner.engines.transformers_peak.PEAK": (
        {"seen": 0.5, "prefill": 900, "to_come": 200, "copied": 300, "beside": 50},
        400,
    ),
    "planner.engines.transformers_peak.UNSEEN": ({"seen": 0.25, "prefill": 900, "to_come": 700, "copied": 400}, 300),
    "planner.engines.vllm.engine.POOL": (
        {"utilization": 0.9, "capacity": 1_001, "weights": 400, "activation": 100, "libraries": 50, "graphs": 20},
        330,
    ),
    # 4 * 100 * (4 * 2 - 2 + 2) = 3,200, and (1.5 + 2 * 1) * 8 * 10 * 2 = 560
    "planner.engines.vllm.budget.SAMPLER": (
        {"sequences": 4, "vocab": 100, "copies": 2, "element_bytes": 2, "later_stage": 1, "tokens": 8, "hidden": 10},
        3_760,
    ),
    # 8 * 2 * (3 * 100 + (4 + 2 * 1) * 10)
    "planner.engines.vllm.budget.FORWARD": (
        {"tokens": 8, "element_bytes": 2, "inner": 100, "hidden_copies": 4, "stages_between": 1, "hidden": 10},
        5_760,
    ),
    # 8 * 3 * 2 * (max(40, 50) + max(2 * 40, 50))
    "planner.engines.vllm.budget.EXPERT_SPACE": (
        {"tokens": 8, "top_k": 3, "element_bytes": 2, "width": 40, "hidden": 50},
        6_240,
    ),
    "planner.engines.vllm.budget.PEAK": (
        {"sampler": 300, "forward": 500, "expert_space": 200, "images_held": 50, "images_in_tower": 700},
        750,
    ),
    "planner.engines.vllm.budget.RESERVED": ({"formats": 2}, 3.6 * GIB),
    # 102 / 51 captures, half of (0.2 + 0.01 * 40 + 0.1 * 1 + 0.3 * 1) GiB
    "planner.engines.vllm.budget.GRAPHS": (
        {
            "captures": 102,
            "share": 0.5,
            "base_gib": 0.2,
            "layer_gib": 0.01,
            "layers": 40,
            "experts_gib": 0.1,
            "experts": 1,
            "four_bit_gib": 0.3,
            "four_bit_experts": 1,
        },
        GIB,
    ),
    "planner.engines.vllm.budget.FIXED": ({"size_gib": 0.25}, GIB // 4),
    "planner.engines.vllm.images.HELD": (
        {"items": 2, "element_bytes": 2, "tokens": 10, "hidden": 30, "values": 100},
        1_600,
    ),
    # 2 * 2 * (10 * (3 * 100 + 4 * 30) + 100)
    "planner.engines.vllm.images.TOWER": (
        {"items": 2, "element_bytes": 2, "patches": 10, "copies": 3, "inner": 100, "hidden": 30, "values": 100},
        17_200,
    ),
    # 10 GB over 100 Mbit/s are 800 s
    "planner.load.DOWNLOAD": ({"file_bytes": 10 * 10**9, "mbit_per_s": 100}, 800),
    "planner.load.LOAD": ({"file_bytes": 10 * 10**9, "disk_gb_per_s": 2.5, "start_s": 3}, 7),
    "planner.load.RAM": ({"resident": 100, "processes": 2, "process_bytes": 30, "staged_bytes": 20}, 200),
    # caches: 4 layers * 64 numbers at 34 bytes for 32; the same for 3 sequences of 10 tokens
    "planner.memory.kv_cache.PER_TOKEN": ({"layers": 4, "elements": 64, "block_bytes": 34, "block_elements": 32}, 272),
    "planner.memory.kv_cache.KEPT": (
        {"layers": 4, "sequences": 3, "tokens": 10, "elements": 64, "block_bytes": 34, "block_elements": 32},
        8_160,
    ),
    "planner.memory.loading.MAPPED": ({"staying_bytes": 400, "largest_tensor_bytes": 50}, 450),
    "planner.memory.loading.SHARD": ({"staying_bytes": 400, "shard_bytes": 500, "checkpoint_bytes": 300}, 700),
    "planner.memory.loading.WHOLE": ({"parameters": 1_000, "bytes_a_parameter": 2}, 2_000),
    "planner.memory.weights.HEADER": ({"tensor_bytes": 5_000, "tensors": 3}, 5_300),
    # a pass: 15 GB at half of 1,000 GB/s take 30 ms, 1.6 TFLOP at 40% of 100 TFLOPS 40 ms: 3, 4 and 5
    "planner.performance.passes.WEIGHTS": (
        {
            "weight_bytes": 1.5e10,
            "bandwidth": 1e12,
            "reached": 0.5,
            "flops": 1.6e12,
            "peak_flops": 1e14,
            "computed": 0.4,
            "blend": 2,
        },
        0.05,
    ),
    # 16 rows an expert and 48 of padding are four times the arithmetic
    "planner.performance.passes.PADDED": ({"routed_flops": 2e12, "tile_rows": 48, "rows": 16}, 8e12),
    "planner.performance.passes.RECURRENT": ({"tokens": 512, "state_layers": 30, "state_token_s": 2e-6}, 0.03072),
    # 3 sequences, each 2 GB at half of 1,000 GB/s: 4 ms; their arithmetic is less
    "planner.performance.passes.ATTENTION": (
        {
            "sequences": 3,
            "cache_bytes": 2e9,
            "bandwidth": 1e12,
            "reached": 0.5,
            "flops": 1e10,
            "peak_flops": 1e14,
            "computed": 0.4,
        },
        0.012,
    ),
    "planner.performance.passes.PROMPT": (
        {"cache_bytes": 2e9, "bandwidth": 1e12, "reached": 0.5, "flops": 4e12, "peak_flops": 1e14, "computed": 0.8},
        0.05,
    ),
    "planner.performance.passes.OVERHEAD": (
        {
            "layers": 40,
            "layer_s": 1e-5,
            "sparse_layers": 30,
            "sparse_layer_s": 2e-5,
            "state_layers": 20,
            "state_layer_s": 1e-5,
            "sequences": 10,
            "sequence_s": 3e-5,
        },
        1.5e-3,
    ),
    "planner.performance.passes.LINK": (
        {"exchanges": 80, "latency_s": 1e-5, "moved_bytes": 1e6, "link_bandwidth": 1e11, "reached": 0.5},
        2.4e-3,
    ),
    "planner.performance.passes.STAGED": (
        {
            "weight_bytes": 1e10,
            "link_bandwidth": 2e10,
            "copy_bandwidth": 4e10,
            "flops": 1e12,
            "peak_flops": 1e14,
            "computed": 0.5,
        },
        0.77,
    ),
    # 1 + 1/2 + 1/4
    "planner.performance.speculation.TOKENS": ({"acceptance": 0.5, "drafted": 2}, 1.75),
    "planner.performance.speculation.DRAFT": ({"drafted": 3, "pass_s": 0.001, "step_s": 0.0005}, 0.0045),
    "planner.performance.speculation.ROUND": ({"check_s": 0.02, "draft_s": 0.004, "tokens": 2.4}, 0.01),
    # 2 * 400 W * (0.2 + 0.5 * 0.6 + 0.3 * 0.5)
    "planner.performance.power.WATTS": (
        {
            "gpus": 2,
            "rated_watts": 400,
            "idle": 0.2,
            "memory": 0.5,
            "memory_busy": 0.6,
            "compute": 0.3,
            "compute_busy": 0.5,
        },
        520,
    ),
    "planner.performance.power.IDLE": ({"gpus": 2, "rated_watts": 400, "idle": 0.1}, 80),
    "planner.performance.power.SERVING": (
        {"decode_s": 3, "decode_watts": 100, "prefill_s": 1, "prefill_watts": 300},
        150,
    ),
    "planner.performance.roofline.DECODE": ({"sequences": 8, "step_s": 0.02}, 400),
    "planner.performance.roofline.PER_SEQUENCE": ({"step_s": 0.02}, 50),
    "planner.performance.roofline.PREFILL": ({"tokens": 1_000, "seconds": 0.5}, 2_000),
    "planner.performance.roofline.IDLE_FIRST_TOKEN": ({"prefill_s": 0.5}, 0.5),
    "planner.performance.roofline.REPLICAS": ({"replicas": 4, "tokens_s": 250}, 1_000),
    "planner.performance.speed.JOULES": ({"watts": 300, "tokens_per_s": 60}, 5),
    # 0.06 + 0.5 + half of the other 8 prompts, 2 s, and 10 steps of 18 ms, less the ninth of a step that is its own:
    # 0.16
    "planner.performance.timing.FIRST_TOKEN": (
        {"wait_s": 0.06, "prompt_s": 0.5, "queue": 0.5, "sequences": 9, "steps": 10, "step_s": 0.018},
        2.72,
    ),
    "planner.performance.timing.STEP": ({"passes_s": 0.02, "step_s": 0.005}, 0.025),
    "planner.performance.timing.CHUNKS": ({"chunks": 4, "passes_s": 0.02, "step_s": 0.005}, 0.1),
    # 4 * 0.005 + half of 4 * 0.02 one after another + half of (3 * 0.01 + 0.02) overlapping = 0.02 + 0.04 + 0.025
    "planner.performance.timing.PIPELINED": (
        {"chunks": 4, "step_s": 0.005, "overlap": 0.5, "passes_s": 0.02, "slowest_s": 0.01},
        0.085,
    ),
    "planner.performance.timing.MIXED": (
        {"output_tokens": 100, "sequences": 8, "prompt_tokens": 2_000, "chunk": 1_000},
        16,
    ),
    # 8 * 100 tokens over (100 - 20) * 0.02 + 20 * 0.12 = 4 s
    "planner.performance.timing.THROUGHPUT": (
        {"sequences": 8, "output_tokens": 100, "mixed_steps": 20, "step_s": 0.02, "mixed_s": 0.12},
        200,
    ),
    # 2 * (1,024 * 4 // 8 + ceil(16 * 4 * 20 / 8) + (16 * 32 + 64 * 16) // 8) = 2 * (512 + 160 + 192)
    "planner.quantization.formats.TENSOR_BYTES": (
        {
            "count": 2,
            "elements": 1_024,
            "bits": 4,
            "rows": 16,
            "groups": 4,
            "group_bits": 20,
            "row_bits": 32,
            "columns": 64,
            "column_bits": 16,
        },
        1_728,
    ),
    "planner.quantization.gguf.FILE": (
        {"tensors": 10_000, "padding": 50, "vocab": 100, "per_entry": 20, "count": 3},
        16_356,
    ),
    # 2 * (100 + 10) * 2 = 440, 2 * 50, 6 * 5, 3 * 20, and again 2 * 100 + 2 * 5 + 20
    "planner.training.flops.PER_TOKEN": (
        {"layers": 100, "head": 10, "trained": 50, "adapters": 5, "attention": 20, "again": 1},
        860,
    ),
    "planner.training.flops.ATTENTION": ({"pairs": 128, "seen": 50}, 6_400),
    "planner.training.host.RAM": ({"processes": 4, "process": 3, "offloaded": 20, "shard": 5}, 37),
    "planner.training.host.DISK": ({"model": 100, "kept": 3, "checkpoint": 20, "data": 7}, 167),
    "planner.training.job.SEQUENCES": ({"samples": 1_602}, 1_602),
    "planner.training.job.PACKED": ({"samples": 1_602, "tokens_per_sample": 103, "seq_len": 512}, 323),
    # 1,602 / (4 * 4 * 2) = 50.06, so 51 steps an epoch
    "planner.training.job.STEPS": (
        {"sequences": 1_602, "micro_batch": 4, "accumulation": 4, "replicas": 2, "epochs": 3},
        153,
    ),
    "planner.training.job.DURATION": ({"steps": 153, "step_s": 2}, 306),
    "planner.training.job.GPU_WATTS": ({"gpus": 2, "rated": 400, "idle": 0.1, "busy": 0.9, "working": 0.5}, 400),
    "planner.training.job.WATTS": ({"gpu_watts": 400, "host_watts": 150}, 550),
    "planner.training.job.HOURS": ({"seconds": 5_400}, 1.5),
    "planner.training.job.RENT": ({"usd_per_hour": 3, "hours": 1.5}, 4.5),
    "planner.training.memory.WEIGHTS": ({"frozen": 100, "trained": 20, "adapters": 3}, 123),
    "planner.training.memory.GRADIENTS": ({"trainable": 100, "gradient_bytes": 4, "share": 0.25}, 100),
    "planner.training.memory.OPTIMIZER": ({"master": 400, "moments": 800, "share": 0.25}, 300),
    "planner.training.memory.BEYOND": ({"peak": 1_000, "weights": 400, "gradients": 100, "optimizer": 200}, 300),
    "planner.training.overhead.OVERHEAD": (
        {"context_gib": 0.5, "communication_gib": 0.25, "allocated": 1_000, "reserved": 0.1},
        0.75 * GIB + 100,
    ),
    "planner.training.overhead.RESERVED": ({"allocated": 1_000, "reserved": 0.05}, 1_050),
    "planner.training.speed.ARITHMETIC": (
        {"tokens": 1_000, "flops": 2e9, "ranks": 2, "tflops": 100, "reached": 0.5},
        0.02,
    ),
    "planner.training.speed.TRAFFIC": ({"bytes_moved": 1e9, "passes": 3, "gb_per_s": 1_000}, 0.003),
    "planner.training.speed.UNPACKING": ({"packed": 1e9, "bytes_each": 4.5, "times": 2, "gb_per_s": 900}, 0.01),
    "planner.training.speed.LAUNCHES": ({"kernels": 500, "times": 3, "launch_us": 4}, 0.006),
    # 1 GB * 2 * 3/4 over half of 100 GB/s
    "planner.training.speed.GATHERING": (
        {"shard_bytes": 1e9, "rounds": 2, "replicas": 4, "link_gb_per_s": 100, "link_reached": 0.5},
        0.03,
    ),
    # the root of (2 + 1 + 1)**2 + 2**2 + 4**2 = 36, and 1
    "planner.training.speed.MICRO": (
        {"arithmetic": 2, "traffic": 1, "unpacking": 1, "launches": 2, "gathering": 4, "exchanges": 1},
        7,
    ),
    "planner.training.speed.SUMMING": (
        {"gradient_bytes": 1e9, "replicas": 4, "link_gb_per_s": 100, "link_reached": 0.5, "exposed": 0.2},
        0.006,
    ),
    "planner.training.speed.OPTIMIZER": ({"moved_bytes": 2e9, "gb_per_s": 1_000}, 0.002),
    "planner.training.speed.STEP": ({"micro": 2, "accumulation": 4, "stages": 3, "summing": 1, "optimizer": 0.5}, 13.5),
    "planner.training.speed.RATE": ({"tokens": 1_000, "accumulation": 4, "replicas": 2, "seconds": 16}, 500),
}
