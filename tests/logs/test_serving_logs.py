"""Logs as vLLM and SGLang print them: the budget, the cause, and the change that mends it."""

from typing import Any

import pytest

from planner.logs import llama_cpp, sglang, vllm
from planner.logs.findings import findings
from planner.logs.readers import read
from planner.request import PlanRequest

GIB = 2**30

STARTED = """
INFO 10-02 09:11:02 [core.py:76] Initializing a V1 LLM engine (v0.11.0) with config: model='meta-llama/Llama-3.1-8B-Instruct', speculative_config=None, \
tokenizer='meta-llama/Llama-3.1-8B-Instruct', dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=2, pipeline_parallel_size=1, \
data_parallel_size=1, quantization=None, enforce_eager=False, kv_cache_dtype=fp8, device_config=cuda
INFO 10-02 09:11:01 [scheduler.py:225] Chunked prefill is enabled with max_num_batched_tokens=8192.
(Worker_TP0 pid=12) INFO 10-02 09:12:20 [gpu_model_runner.py:2653] Model loading took 7.5123 GiB and 9.31 seconds
(Worker_TP1 pid=13) INFO 10-02 09:12:20 [gpu_model_runner.py:2653] Model loading took 7.5123 GiB and 9.35 seconds
(Worker_TP0 pid=12) INFO 10-02 09:12:51 [gpu_worker.py:298] Available KV cache memory: 62.35 GiB
(Worker_TP1 pid=13) INFO 10-02 09:12:51 [gpu_worker.py:298] Available KV cache memory: 62.31 GiB
INFO 10-02 09:12:52 [kv_cache_utils.py:1087] GPU KV cache size: 2,041,792 tokens
INFO 10-02 09:12:52 [kv_cache_utils.py:1091] Maximum concurrency for 8,192 tokens per request: 249.24x
(Worker_TP0 pid=12) INFO 10-02 09:13:20 [gpu_model_runner.py:3480] Graph capturing finished in 21 secs, took 0.76 GiB
"""

OLD = """
INFO 11-20 10:00:00 llm_engine.py:237] Initializing an LLM engine (v0.6.4) with config: model='meta-llama/Meta-Llama-3.1-8B', dtype=torch.float16, max_seq_len=131072
INFO 11-20 10:00:20 model_runner.py:1077] Loading model weights took 14.9888 GB
INFO 11-20 10:00:30 gpu_executor.py:125] # GPU blocks: 2893, # CPU blocks: 2048
ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (46288). Try increasing
"""

SGLANG = """
[2026-03-11 13:53:00] server_args=ServerArgs(model_path='Qwen/Qwen3-235B-A22B', tokenizer_path='x', context_length=40960, mem_fraction_static=0.93, \
tp_size=8, chunked_prefill_size=8192, max_running_requests=None, quantization=None, kv_cache_dtype='auto', disable_cuda_graph=False)
[2026-03-11 13:53:01 TP0] Load weight begin. avail mem=78.55 GB
[2026-03-11 13:53:21 TP0] Load weight end. elapsed=23.18 s, type=Qwen3MoeForCausalLM, avail mem=23.2 GB, mem usage=55.35 GB.
[2026-03-11 13:53:23 TP0] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 367404, K size: 8.23 GB, V size: 8.23 GB
[2026-03-11 13:53:32 TP0] Capture cuda graph end. Time elapsed: 8.04 s. mem usage=0.80 GB. avail mem=4.30 GB.
[2026-03-11 13:53:33 TP0] max_total_num_tokens=367404, chunked_prefill_size=8192, max_prefill_tokens=16384, max_running_requests=2048, context_len=40960
"""


def test_a_vllm_start_gives_its_budget_and_its_question() -> None:
    reading = vllm.read(STARTED)
    assert reading.total("weights", on_gpu=True) == round(7.5123 * GIB)
    assert reading.pool_bytes == round(62.31 * GIB)
    assert reading.pool_tokens == 2_041_792
    assert reading.concurrency == 249.24
    assert reading.graphs_bytes == round(0.76 * GIB)
    request = reading.request()
    assert request == {
        "engine": "vllm",
        "engine_version": "0.11.0",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "context": 8192,
        "tensor_parallel": 2,
        "pipeline_parallel": 1,
        "data_parallel": 1,
        "max_num_batched_tokens": 8192,
        "kv_cache_dtype": "fp8",
    }
    PlanRequest.read({**request, "gpus": "2x H100"})
    assert findings(reading) == ()


def test_an_sglang_start_gives_its_budget_and_its_question() -> None:
    reading = sglang.read(SGLANG)
    assert reading.total("weights", on_gpu=True) == round(55.35 * GIB)
    assert reading.pool_bytes == 2 * round(8.23 * GIB)
    assert reading.pool_tokens == 367_404
    assert reading.request()["gpu_memory_utilization"] == 0.93
    assert reading.request()["tensor_parallel"] == 8
    assert findings(reading) == ()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    (
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "Nothing is left",
        {"gpu_memory_utilization": 0.95},
    ),
    (
        (
            "ValueError: To serve at least one request with the models's max seq len (40960), (10.00 GiB KV cache is"
            " needed, which is larger than the available KV cache memory (1.25 GiB). Based on the available memory, "
            " Try increasing"
        ),
        "Not one request",
        {"context": 5120},
    ),
    (
        (
            "To serve at least one request with the model's max seq len (131072), 9.5 GiB KV cache is needed, which is"
            " larger than the available KV cache memory (6.91 GiB). Based on the available memory, the estimated"
            " maximum model length is 91520."
        ),
        "Not one request",
        {"context": 91_136},
    ),
    (
        (
            "ValueError: Free memory on device cuda:0 (13.2/23.56 GiB) on startup is less than desired GPU memory"
            " utilization (0.9, 21.2 GiB)."
        ),
        "Another process",
        {"gpu_memory_utilization": 0.54},
    ),
    (
        "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try",
        "The sampler",
        {"max_num_seqs": 256},
    ),
    (
        "ValueError: Total number of attention heads (28) must be divisible by tensor parallel size (8).",
        "The model cannot be cut",
        {"tensor_parallel": None},
    ),
    (
        "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4",
        "The card has no bfloat16",
        {"quantization": "fp16"},
    ),
    (
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of"
            " 23.56 GiB of which 66.00 MiB is free."
        ),
        "Out of memory while the weights",
        {"tensor_parallel": 2},
    ),
]


@pytest.mark.parametrize(("line", "title", "change"), CASES)
def test_each_failure_has_its_cause_and_its_change(line: str, title: str, change: dict[str, Any]) -> None:
    found = findings(vllm.read(f"ERROR 06-02 [core.py:387] {line}"))
    assert found[0].title.startswith(title)
    assert found[0].change == change


def test_old_logs_count_blocks_of_sixteen_tokens() -> None:
    reading = vllm.read(OLD)
    assert reading.pool_tokens == 46_288
    assert reading.request()["quantization"] == "fp16"
    assert findings(reading)[0].change == {"context": 46_080}


def test_the_reader_is_chosen_by_what_it_finds() -> None:
    assert read(STARTED).engine == "vllm"
    assert read(SGLANG).engine == "sglang"
    assert read("load_tensors: offloaded 20/49 layers to GPU").engine == "llama.cpp"
    assert read("").empty


@pytest.mark.parametrize("reader", [vllm.read, sglang.read, llama_cpp.read])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "max seq len (",
        "(" * 5000,
        "model='" * 500,
        "\x00\n" * 1000,
        "Maximum concurrency for 1 tokens per request: 9x" * 200,
    ],
)
def test_any_text_is_read_without_a_stumble(reader: Any, text: str) -> None:
    findings(reader(text))
