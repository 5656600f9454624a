"""However a config is broken, reading it gives an architecture or one plain sentence, and quickly."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from planner.architecture.registry import class_defaults, parse, parsers
from planner.architecture.tensors import Architecture
from planner.catalog import models
from planner.core.errors import PlanError

WRONG: list[Any] = [
    None, 0, -1, 1, 3, 1.5, 1e300, float("nan"), float("inf"), 10**30, 2**39, "", "x", "10", True, False, [], [1],
    [None], ["a"] * 5, [[1, 2], 3], {}, {"a": 1},
    [2**40] * 100, ["full_attention"] * 100_000, ["sliding_attention"] * 64, ["linear_attention"] * 64, "M*-E" * 10,
    list(range(50)), [{}] * 100, [0] * 100,
]  # fmt: skip

MUTANTS = 4_000
SLOWEST_S = 10.0
"""Generous, since the machine may be busy; alone, the slowest of a hundred thousand mutants takes a fiftieth of it."""


def originals() -> list[dict[str, Any]]:
    """Every bundled config, and for each type that has class defaults a config that spells them out."""
    spelled = [{"model_type": name, **class_defaults(name)} for name in parsers() if class_defaults(name)]
    return [
        json.loads(json.dumps(dict(model.config))) for model in models().values()
    ] + spelled  # copies: what is broken here is other tests' catalogue


def mutant(original: dict[str, Any], others: list[dict[str, Any]], dice: random.Random) -> dict[str, Any]:
    """The config with one to six fields dropped, retyped, scaled, or taken from another model; nested sections too."""
    config: dict[str, Any] = json.loads(json.dumps(original))
    for _ in range(dice.choice([1, 1, 2, 3, 6])):
        target = config
        while (
            inner := [value for value in target.values() if isinstance(value, dict) and value]
        ) and dice.random() < 0.4:
            target = dice.choice(inner)
        if not target:
            continue
        key, change = dice.choice(list(target)), dice.random()
        if change < 0.25:
            del target[key]
        elif change < 0.8 or not isinstance(target[key], int | float):
            target[key] = dice.choice(WRONG)
        elif change < 0.95:
            target[key] *= dice.choice([0, -1, 2, 0.5, 1000])
        else:
            other = dice.choice(others)
            stolen = dice.choice(list(other))
            target[stolen] = other[stolen]
    return config


def sound(architecture: Architecture) -> bool:
    """Whether its sums can be taken and agree."""
    return 0 < architecture.active <= architecture.parameters


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutants_give_an_architecture_or_a_sentence(seed: int) -> None:
    dice, configs = random.Random(seed), originals()
    read = refused = 0
    for _ in range(MUTANTS // 3):
        config = mutant(dice.choice(configs), configs, dice)
        started = time.perf_counter()
        try:
            read += sound(parse(config))
        except PlanError as error:
            refused += str(error).endswith(".")
        assert time.perf_counter() - started < SLOWEST_S, config.get("model_type")
    assert read + refused == MUTANTS // 3
    assert min(read, refused) > 100


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "llama"},
        {"model_type": ["llama"]},
        {"model_type": "no such thing"},
        {
            "model_type": "llama",
            "hidden_size": 64,
            "num_hidden_layers": 10**9,
            "num_attention_heads": 4,
            "vocab_size": 10,
        },
        {
            "model_type": "llama",
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 5,
            "num_key_value_heads": 2,
            "vocab_size": 10,
        },
        {
            "model_type": "cohere2",
            "hidden_size": 64,
            "num_hidden_layers": 9,
            "num_attention_heads": 4,
            "vocab_size": 10,
            "layer_types": ["full_attention"],
        },
        {
            "model_type": "cohere2",
            "hidden_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "vocab_size": 10,
            "layer_types": ["magic"],
        },
    ],
)
def test_broken_configs_are_refused_in_one_sentence(config: dict[str, Any]) -> None:
    with pytest.raises(PlanError) as caught:
        parse(config)
    assert caught.value.field == "config"
    assert str(caught.value)[0].isupper()
    assert "\n" not in str(caught.value)
