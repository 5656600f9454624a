"""Ollama's settings for a plan: what each would be if left alone, and what the plan needs."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case import Case
from planner.core.data import table
from planner.core.units import GIB
from planner.engines.llama_cpp.layout import Layout

CACHE_NAMES = {"fp16": "f16", "fp32": "f32"}


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable or a parameter of a Modelfile;

    `plan` is empty where the plan is content with any value.
    """

    name: str
    default: str
    plan: str
    meaning: str
    source: str

    @property
    def needed(self) -> bool:
        """Whether the plan differs from what Ollama does by itself."""
        return bool(self.plan) and self.plan != self.default


def default_context(case: Case) -> int:
    """Tokens that a request may hold if nobody says: by the memory of all GPUs together, and no more than the model was
    trained for.

    context = the first row of `data/ollama_context.csv` whose least_gib the GPUs' memory reaches

    Source: https://docs.ollama.com/context-length
    """
    memory = sum(gpu.capacity_bytes for gpu in case.gpus) if case.request.backend != "cpu" else 0
    row = next(row for row in table("ollama_context") if memory >= int(row["least_gib"]) * GIB)
    return min(int(row["context"]), case.architecture.max_context)


def settings(layout: Layout) -> tuple[Setting, ...]:
    """Every row of `data/ollama_settings.csv` with this plan's values."""
    case, request = layout.case, layout.case.request
    cache = CACHE_NAMES.get(layout.cache_name, layout.cache_name)
    defaults = {
        "OLLAMA_CONTEXT_LENGTH": str(default_context(case)),
        "OLLAMA_MAX_LOADED_MODELS": str(3 * max(len(case.gpus), 1)),
    }
    asked = request.gpu_layers is not None or not layout.split.whole
    plans = {
        "OLLAMA_CONTEXT_LENGTH": str(request.context),
        "OLLAMA_NUM_PARALLEL": str(request.batch),
        "OLLAMA_FLASH_ATTENTION": (
            str(int(layout.flash_attention)) if request.flash_attention is not None or cache != "f16" else ""
        ),
        "OLLAMA_KV_CACHE_TYPE": cache,
        "num_gpu": str(layout.split.gpu_layers) if asked and layout.shares else "",
    }
    return tuple(
        Setting(
            row["setting"],
            row["default"] or defaults[row["setting"]],
            plans.get(row["setting"], ""),
            row["meaning"],
            row["source"],
        )
        for row in table("ollama_settings")
    )


def conclusion(case: Case) -> str:
    """What Ollama does if left alone, against the plan, in a sentence."""
    alone, request = default_context(case), case.request
    if alone < request.context:
        said = (
            f"Left alone, Ollama gives each request {alone:,} tokens here and cuts what is longer; the plan's"
            f" {request.context:,} must be set."
        )
    elif alone > request.context:
        said = (
            f"Left alone, Ollama sets aside {alone:,} tokens here, more than the plan's {request.context:,}, and may"
            " need more memory than this plan."
        )
    else:
        said = f"Ollama's own default on this machine is the plan's {alone:,} tokens."
    slots = (
        f" It answers one request at a time unless OLLAMA_NUM_PARALLEL says {request.batch}."
        if request.batch > 1
        else ""
    )
    return said + slots
