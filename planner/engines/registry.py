"""The engines by name; adding one is a file beside this and a row here."""

from __future__ import annotations

import importlib
from functools import cache

from planner.engines.base import Engine

MODULES = {
    "llama.cpp": "llama_cpp",
    "ollama": "ollama",
    "vllm": "vllm",
    "sglang": "sglang",
    "transformers": "transformers",
    "tensorrt-llm": "tensorrt_llm",
    "mlx": "mlx",
}


@cache
def engine(name: str) -> Engine:
    """The engine of this name; its file is loaded on first use."""
    found: Engine = importlib.import_module(f"planner.engines.{MODULES[name]}").ENGINE
    return found
