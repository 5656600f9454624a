"""Ollama: llama.cpp underneath, with its own words and defaults for the same choices."""

from __future__ import annotations

from planner.case import Case, Command
from planner.engines.llama_cpp import commands as llama_commands
from planner.engines.llama_cpp.commands import library_default
from planner.engines.llama_cpp.engine import LlamaCpp
from planner.engines.llama_cpp.layout import Layout


class Ollama(LlamaCpp):
    name = "ollama"
    title = "Ollama"

    def quantization(self, case: Case) -> str:
        if case.request.quantization.lower() == "auto":
            return library_default(case.name)["file_type"]
        return super().quantization(case)

    def commands(self, case: Case) -> tuple[Command, ...]:
        return llama_commands.ollama(Layout.of(case, self.quantization(case)))


ENGINE = Ollama()
