"""llama.cpp on the page, in a real browser: layers move memory, a row of the table is a choice, a log is read and
mended.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from dashboard_page import drawn, query, verdict, visit

pytestmark = pytest.mark.browser

LINK = {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q8_0", "gpus": "rtx-3060-12gb"}

OUT_OF_MEMORY = """\
  Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes
general.name str = Meta-Llama-3.1-8B-Instruct
print_info: file type   = Q8_0
load_tensors: offloaded 33/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   532.31 MiB
load_tensors:        CUDA0 model buffer size =  7605.33 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 65536
llama_context: n_ubatch      = 512
llama_context: flash_attn    = enabled
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory
llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache
"""

OLLAMA = """\
time=2025-09-18T14:50:44.001Z level=INFO source=types.go:130 msg="inference compute" id=GPU-1 library=cuda name=CUDA0 description="NVIDIA GeForce RTX 4060" total="8.0 GiB" available="7.1 GiB"
time=2025-09-18T14:50:44.599Z level=INFO source=ggml.go:116 msg="" architecture=qwen3 file_type=Q4_K_M name="Qwen3 14B" num_tensors=443
time=2025-09-18T14:50:44.599Z level=INFO source=server.go:438 msg="starting llama server" cmd="/bin/ollama runner --model /models/x --ctx-size 8192 --n-gpu-layers 27 --parallel 1"
time=2025-09-18T14:50:44.599Z level=INFO source=ggml.go:362 msg="offloaded 27/41 layers to GPU"
time=2025-09-18T14:50:44.599Z level=INFO source=ggml.go:365 msg="model weights" buffer=CUDA0 size="5.0 GiB"
time=2025-09-18T14:50:44.599Z level=INFO source=ggml.go:365 msg="model weights" buffer=CPU size="3.4 GiB"
"""


def memory_needed(page: Any) -> float:
    """GiB on the GPUs, as the first figure says it."""
    return float(page.get_by_test_id("stMetricValue").first.inner_text().split()[0].replace(",", ""))


def paste(page: Any, text: str) -> str:
    """Put a log into its field, and read the page."""
    field = page.get_by_role("textbox", name="Log")
    field.fill(text)
    field.press("Control+Enter")
    page.get_by_role("link", name="Open as a plan").wait_for()
    drawn(page)
    return str(page.locator("[data-testid=stMain]").inner_text())


def test_a_layer_less_on_the_gpu_is_memory_less_there(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    page.get_by_role("tab", name="Layers").click()
    slider = page.get_by_role("slider", name="Layers on the GPUs")
    slider.wait_for()
    before = memory_needed(page)
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    page.wait_for_url(lambda url: "gpu_layers=" in url)
    drawn(page)
    left = int(query(page)["gpu_layers"])
    assert left < 33
    assert f"{left} of 33 layers" in verdict(page)
    assert memory_needed(page) < before
    page.get_by_role("button", name="As many as fit").click()
    page.wait_for_url(lambda url: "gpu_layers=" not in url)
    drawn(page)
    assert memory_needed(page) == before


def test_a_row_of_the_quantizations_is_a_choice(chromium: Any, address: str) -> None:
    page = visit(chromium, address, **LINK)
    page.get_by_role("tab", name="Quantizations").click()
    table = page.get_by_test_id("stDataFrame").last
    table.wait_for()
    drawn(page)
    box = table.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 * 2.5)  # the box before the second row
    page.wait_for_url(lambda url: "quantization=Q8_0" not in url)
    drawn(page)
    chosen = query(page)["quantization"]
    assert re.fullmatch(r"[A-Z0-9_]+", chosen)
    assert f", {chosen}," in page.locator("[data-testid=stMain]").inner_text()


def test_a_log_that_ran_out_of_memory_is_mended_by_a_change_that_fits(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/log")
    said = paste(page, OUT_OF_MEMORY)
    assert "out of memory" in said
    assert "8.00 GiB on GPU 0" in said
    assert "the log stopped after 7.43 GiB" in said
    change = page.get_by_role("link", name="Shorten the context")
    assert "Fits" in said
    shorter = change.get_attribute("href")
    opened = visit(chromium, address, shorter)
    assert "Fits: " in verdict(opened)
    assert int(query(opened)["context"]) < 65_536


def test_an_ollama_log_says_why_it_is_slow_and_what_helps(chromium: Any, address: str) -> None:
    page = visit(chromium, address, "/log")
    said = paste(page, OLLAMA)
    assert "run by Ollama, 27 of 41 layers on GPUs" in said
    assert "14 of 41 layers run on the CPU" in said
    assert "What mends it" in said
    assert page.get_by_role("link", name=re.compile("Use ")).count() >= 1
