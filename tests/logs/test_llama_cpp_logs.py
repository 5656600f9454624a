"""Logs as llama.cpp and Ollama print them: facts, findings, and the plan they stand for."""

import pytest

from planner.logs.findings import findings
from planner.logs.llama_cpp import file_type, read

MIB = 2**20

WHOLE = """
ggml_cuda_init: found 2 CUDA devices:
  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes
  Device 1: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes
llama_model_loader: - kv   1:                               general.name str              = Meta-Llama-3-8B
llm_load_print_meta: model ftype      = Q4_K - Medium
llm_load_tensors: offloaded 33/33 layers to GPU
llm_load_tensors:        CPU buffer size =   281.81 MiB
llm_load_tensors:      CUDA0 buffer size =  2113.28 MiB
llm_load_tensors:      CUDA1 buffer size =  2290.21 MiB
llama_new_context_with_model: n_ctx      = 8192
llama_new_context_with_model: n_ubatch   = 512
llama_new_context_with_model: flash_attn = 0
llama_kv_cache_init:      CUDA0 KV buffer size =   544.00 MiB
llama_kv_cache_init:      CUDA1 KV buffer size =   480.00 MiB
llama_new_context_with_model: KV self size  = 1024.00 MiB, K (f16):  512.00 MiB, V (f16):  512.00 MiB
llama_new_context_with_model:  CUDA_Host  output buffer size =     0.49 MiB
llama_new_context_with_model:      CUDA0 compute buffer size =   640.01 MiB
llama_new_context_with_model:      CUDA1 compute buffer size =   640.02 MiB
llama_new_context_with_model:  CUDA_Host compute buffer size =    72.02 MiB
"""

PARTIAL = """
2026-01-07 17:36:54 [DEBUG]
print_info: file type   = Q4_K - Medium
load_tensors: offloaded 20/49 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  4944.60 MiB
load_tensors:        CUDA0 model buffer size =  3621.44 MiB
llama_context: n_seq_max     = 4
llama_context: n_ctx         = 8192
llama_context: kv_unified    = true
llama_kv_cache:        CPU KV buffer size =   928.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =   640.00 MiB
llama_kv_cache: size = 1568.00 MiB (  8192 cells,  48 layers,  4/1 seqs), K (q8_0): 784.00 MiB, V (q8_0): 784.00 MiB
"""

FAILED = """
ollama  | load_tensors: offloaded 62/62 layers to GPU
ollama  | ggml_backend_cuda_buffer_type_alloc_buffer: allocating 35533.34 MiB on device 0: cudaMalloc failed: out of memory
ollama  | llama_model_load: error loading model: unable to allocate CUDA0 buffer
"""

OLLAMA = """
time=2025-07-18T14:50:44.599Z level=INFO source=ggml.go:116 msg="" architecture=mistral3 file_type=Q8_0 name="" num_tensors=585
time=2025-07-18T14:50:44.599Z level=INFO source=server.go:438 msg="starting llama server" cmd="/bin/ollama runner --model /models/x --ctx-size 16384 --n-gpu-layers 41 --parallel 2"
time=2025-07-18T14:50:44.599Z level=INFO source=ggml.go:362 msg="offloaded 40/41 layers to GPU"
time=2025-07-18T14:50:44.599Z level=INFO source=ggml.go:365 msg="model weights" buffer=CUDA1 size="11.0 GiB"
time=2025-07-18T14:50:44.599Z level=INFO source=ggml.go:365 msg="model weights" buffer=CPU size="2.1 GiB"
time=2025-07-18T14:50:44.795Z level=INFO source=ggml.go:672 msg="compute graph" backend=CUDA0 buffer_type=CUDA0 size="0 B"
"""


def test_a_whole_load_is_read_and_has_nothing_wrong_but_attention() -> None:
    reading = read(WHOLE)
    assert reading.model == "Meta-Llama-3-8B"
    assert reading.devices == ["NVIDIA GeForce RTX 4090"] * 2
    assert reading.by_device()["CUDA1"] == {
        "weights": round(2290.21 * MIB),
        "kv_cache": 480 * MIB,
        "activation": round(640.02 * MIB),
    }
    assert reading.total("weights", on_gpu=False) == round(281.81 * MIB)
    assert [finding.title for finding in findings(reading)] == ["Flash attention is off"]
    assert reading.request() == {
        "engine": "llama.cpp", "quantization": "Q4_K_M", "context": 8192, "flash_attention": False, "gpu_layers": 33,
        "gpus": "NVIDIA GeForce RTX 4090 + NVIDIA GeForce RTX 4090",
    }  # fmt: skip


def test_layers_and_cache_on_the_host_are_the_reason_for_slowness() -> None:
    reading = read(PARTIAL)
    titles = [finding.title for finding in findings(reading)]
    assert titles == [
        "29 of 49 layers run on the CPU",
        "928 MiB of the KV cache lie in system memory".replace("928 MiB", "0.91 GiB"),
    ]
    assert reading.request()["context"] == 2048
    assert (reading.request()["batch"], reading.request()["kv_cache_dtype"]) == (4, "q8_0")


def test_the_out_of_memory_line_is_explained_and_mended() -> None:
    finding, *_ = findings(read(FAILED))
    assert finding.title == "Out of memory"
    assert "34.7 GiB on GPU 0" in finding.detail
    assert finding.change["context"] == 4096


def test_ollama_prints_the_same_facts_otherwise() -> None:
    reading = read(OLLAMA)
    assert reading.engine == "ollama"
    assert (reading.layers_on_gpu, reading.layers, reading.context, reading.sequences, reading.file_type) == (
        40,
        41,
        16384,
        2,
        "Q8_0",
    )
    assert reading.by_device() == {"CUDA1": {"weights": 11 * 2**30}, "CPU": {"weights": round(2.1 * 2**30)}}


def test_a_repeated_load_counts_once() -> None:
    assert read(WHOLE + WHOLE).total("weights", on_gpu=True) == read(WHOLE).total("weights", on_gpu=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Q4_K - Medium", "Q4_K_M"),
        ("Q4_K_M", "Q4_K_M"),
        ("Q8_0", "Q8_0"),
        ("Q6_K", "Q6_K"),
        ("IQ4_XS - 4.25 bpw", "IQ4_XS"),
        ("Q3_K - Large", "Q3_K_L"),
        ("BF16", "BF16"),
        ("F16", "F16"),
        ("MXFP4 MoE", "MXFP4_MOE"),
        ("all of it", ""),
    ],
)
def test_file_types(text: str, name: str) -> None:
    assert file_type(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "\x00" * 1000,
        "load_tensors:" * 100_000,
        "offloaded 9999999999/1 layers to GPU",
        "n_ctx = " + "9" * 5000,
    ],
)
def test_any_text_is_read_without_harm(text: str) -> None:
    assert read(text).empty
    assert findings(read(text)) == ()


def test_ollama_names_its_model_and_its_cards() -> None:
    text = (
        'msg="inference compute" id=GPU-1 library=cuda name=CUDA0 description="NVIDIA GeForce RTX 4060" total="8.0'
        ' GiB"\nmsg="inference compute" id=0 library=cpu compute="" name="" description="cpu" total="62.7'
        ' GiB"\nmsg="inference compute" id=GPU-2 library=cuda variant=v12 compute=8.9 driver=12.4 name="NVIDIA GeForce'
        ' RTX 4090" total="23.6 GiB"\nmsg="" architecture=qwen3 file_type=Q4_K_M name="Qwen3 14B" num_tensors=443\n'
    )
    reading = read(text)
    assert reading.model == "Qwen3 14B"
    assert reading.file_type == "Q4_K_M"
    assert reading.devices == ["NVIDIA GeForce RTX 4060", "NVIDIA GeForce RTX 4090"]
