"""Ollama: llama.cpp underneath, with its own words and defaults for the same choices."""

from __future__ import annotations

from planner.data import table
from planner.engines import llama_commands
from planner.engines.base import Case, Command
from planner.engines.llama_cpp import LlamaCpp
from planner.engines.llama_layout import Layout


def library_default(name: str) -> dict[str, str]:
    """The row of `data/ollama_defaults.csv` for a model: what a tag of the library without a type holds."""
    return next(row for row in table("ollama_defaults") if not row["models"] or name.lower().startswith(tuple(row["models"].split())))


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
