"""llama.cpp: GGUF files, layers on GPUs and the rest in system memory, a padded cache, and one compute buffer a device.

The input embedding stays on the host; a tied output is held a second time where the output lies. Without `gpu_layers`,
what does not fit moves to the host as `--fit` moves it: routed experts of the first layers before whole layers, leaving
1 GiB free on each GPU.
"""

from __future__ import annotations

from planner.case import Case, Command
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError, did_you_mean
from planner.engines.llama_cpp import commands as llama_commands
from planner.engines.llama_cpp.layout import MARGIN_BYTES, Layout, backend_of
from planner.engines.llama_cpp.memory import placed
from planner.memory.quantity import Memory
from planner.quantization.gguf import canonical, file_types, own_type
from planner.request import PlanRequest

INSTEAD = {"fp8": "Q8_0", "int8": "Q8_0", "gptq-int8": "Q8_0", "nvfp4": "MXFP4_MOE"}
"""GGUF types nearest to formats that llama.cpp does not run; Q4_K_M for the rest."""

__all__ = ["ENGINE", "MARGIN_BYTES", "LlamaCpp"]


class LlamaCpp:
    name = "llama.cpp"
    title = "llama.cpp"

    def formats(self) -> tuple[str, ...]:
        return file_types()

    def quantization(self, case: Case) -> str:
        wanted = case.request.quantization
        if wanted.lower() == "auto":
            published = case.architecture.quantization or {}
            return own_type(case.architecture) or (
                "MXFP4_MOE" if published.get("quant_method") == "mxfp4" else "Q4_K_M"
            )
        name = canonical(wanted)
        if name is None:
            hint = (
                did_you_mean(wanted, file_types())
                if wanted.lower() not in KNOWN_ELSEWHERE
                else f" Use {INSTEAD.get(wanted.lower(), 'Q4_K_M')} instead."
            )
            raise PlanError(
                f"{self.title} runs GGUF files, and {wanted[:40]!r} is no GGUF"
                f" type.{hint or ' Use Q4_K_M, for example.'}",
                "quantization",
            )
        return name

    def memory(self, case: Case) -> Memory:
        return placed(Layout.of(case, self.quantization(case)))

    def alike(self, request: PlanRequest, gpu: Gpu) -> str:
        return backend_of(request, gpu)

    def commands(self, case: Case) -> tuple[Command, ...]:
        return llama_commands.llama_cpp(Layout.of(case, self.quantization(case)))


KNOWN_ELSEWHERE = frozenset({"awq-int4", "gptq-int4", "gptq-int8", "nf4", "nf4-dq", "fp8", "int8", "nvfp4"})

ENGINE = LlamaCpp()
