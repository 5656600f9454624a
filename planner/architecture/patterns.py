"""Which layer is what: the kind of mixer and the kind of ffn of every layer, from the many ways in which configs say
so.

A pattern is a function (config, layers) -> one kind per layer. A list in the config decides; a rule of the family fills
in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from planner.architecture.config import Config
from planner.architecture.fields import EXPERTS, LAYER_TYPES, WINDOW

Pattern = Callable[[Config, int], list[str]]

FULL, SLIDING, CHUNKED, LINEAR = "full_attention", "sliding_attention", "chunked_attention", "linear_attention"

SYNONYMS = {
    "attention": FULL, "global": FULL, "global_attention": FULL, "global_attn": FULL, "*": FULL, "a": FULL,
    "indexed_attention": FULL,
    "local": SLIDING, "local_attention": SLIDING, "reference_sliding_attention": SLIDING, "sliding": SLIDING,
    "swa": SLIDING,
    "mamba": LINEAR, "mamba2": LINEAR, "m": LINEAR, "recurrent": LINEAR, "kda": LINEAR, "short_conv": "conv",
    "-": "mlp", "e": "moe", "sparse": "moe", "0": LINEAR, "1": FULL,
}  # fmt: skip


def listed(config: Config, layers: int, *names: str) -> list[str] | None:
    """The kinds that a list in the config gives, in one spelling; None when there is no such list.

    Raises:
        PlanError: when the list is shorter than the layers.
    """
    kinds = config.list(*(names or LAYER_TYPES), length=layers)
    if kinds is None:
        return None
    return [SYNONYMS.get(str(kind).lower(), str(kind)[:40]) for kind in kinds[:layers]]


def full(config: Config, layers: int) -> list[str]:
    """Every layer attends to everything, whatever the config says of windows: the class does not read it."""
    return [FULL] * layers


def windowed(config: Config, layers: int) -> list[str]:
    """Every layer has the window if the config gives one; `layer_types` and `max_window_layers` refine."""
    if not config.has(*WINDOW) or not config.flag("use_sliding_window", default=True):
        return [FULL] * layers
    kinds = listed(config, layers)
    if kinds is not None:
        return kinds
    first = config.int("max_window_layers", default=0, low=0) if config.has("use_sliding_window") else 0
    return [SLIDING if index >= first else FULL for index in range(layers)]


def every(
    interval: int, other: str = SLIDING, keys: tuple[str, ...] = ("sliding_window_pattern", "_sliding_window_pattern")
) -> Pattern:
    """Each `interval`-th layer is full attention, the others `other`; the config may give the interval or a string such
    as LLLG.
    """

    def pattern(config: Config, layers: int) -> list[str]:
        kinds = listed(config, layers)
        if kinds is not None:
            return kinds
        if other == SLIDING and not config.has(*WINDOW):
            return [FULL] * layers
        given = config.get(*keys)
        if isinstance(given, str) and given:
            return [SLIDING if given[index % len(given)].upper() == "L" else FULL for index in range(layers)]
        step = config.int(*keys, default=interval, low=0)
        return [FULL if step and (index + 1) % step == 0 else other for index in range(layers)]

    return pattern


def from_first(interval: int, other: str = SLIDING) -> Pattern:
    """Layers 0, `interval`, 2 * `interval`, ... are full attention, the rest is `other`."""

    def pattern(config: Config, layers: int) -> list[str]:
        return listed(config, layers) or [other if index % interval else FULL for index in range(layers)]

    return pattern


def alternating(config: Config, layers: int) -> list[str]:
    """`attention_types` as GPT-Neo spells it: [[["global", "local"], 12]]; by default the two take turns."""
    spelled = config.list("attention_types") or [[["global", "local"], layers]]
    kinds: list[str] = []
    for entry in spelled:
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], list) and isinstance(entry[1], int):
            kinds += [SYNONYMS.get(str(kind), FULL) for kind in entry[0]] * min(entry[1], layers)
    return (kinds or [FULL]) * (layers // max(len(kinds), 1) + 1)


def at(keys: tuple[str, ...], other: str, otherwise: str = FULL) -> Pattern:
    """Full attention at the listed layers, `other` elsewhere; without a list every layer is `otherwise`."""

    def pattern(config: Config, layers: int) -> list[str]:
        kinds = listed(config, layers)
        if kinds is not None:
            return kinds
        places = config.list(*keys)
        if places is None:
            return [otherwise] * layers
        chosen = members(places)
        return [FULL if index in chosen else other for index in range(layers)]

    return pattern


def periodic(config: Config, layers: int) -> list[str]:
    """Attention where `index % attn_layer_period == attn_layer_offset`, a recurrent layer elsewhere (Jamba)."""
    kinds = listed(config, layers)
    if kinds is not None:
        return kinds
    period, offset = config.int("attn_layer_period", default=8), config.int("attn_layer_offset", default=4, low=0)
    return [FULL if index % period == offset else LINEAR for index in range(layers)]


def chunked(config: Config, layers: int) -> list[str]:
    """Layers with rotary positions attend within a chunk, each `no_rope_layer_interval`-th layer to everything (Llama
    4).
    """
    kinds = listed(config, layers)
    if kinds is not None:
        return kinds
    if not config.has("attention_chunk_size"):
        return [FULL] * layers
    rope = config.list("no_rope_layers")
    if not rope:
        interval = config.int("no_rope_layer_interval", default=4)
        rope = [(index + 1) % interval != 0 for index in range(layers)]
    return [CHUNKED if index < len(rope) and rope[index] else FULL for index in range(layers)]


def sparse(config: Config, layers: int, first: int = 0) -> list[bool]:
    """Which layers have experts, by whichever rule the config states; all from `first` on when it states none.

    Lists (`mlp_layer_types`, `moe_layer_freq`, `moe_layers`, `mlp_only_layers`) go before intervals, intervals before
    counts of leading dense layers; conditions that are stated together must all hold.
    """
    if config.int(*EXPERTS, default=0, low=0) == 0:
        return [False] * layers
    kinds = listed(config, layers, "mlp_layer_types")
    if kinds is not None:
        return [kind != "dense" for kind in kinds]
    if isinstance(config.get("moe_layer_freq"), list):
        return [bool(flag) for flag in config.list("moe_layer_freq", length=layers) or []][:layers]
    chosen = config.get("moe_layers", "moe_layers_enum")
    if isinstance(chosen, str):
        chosen = [int(part) for part in chosen.split(",")[:layers] if part.strip().isdigit()]
    if isinstance(chosen, list | tuple):
        places = members(chosen)
        return [index in places for index in range(layers)]
    step = config.int(
        "interleave_moe_layer_step", "decoder_sparse_step", "moe_layer_interval", "moe_layer_freq", default=1, low=0
    )
    result = [step > 0 and (index + 1) % step == 0 for index in range(layers)]
    period = config.int("expert_layer_period", default=1)
    offset = config.int("expert_layer_offset", default=0, low=0)
    dense = members(config.list("mlp_only_layers") or [])
    start = config.int("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index", default=first, low=0)
    end = config.int("moe_layer_end_index", default=-1, low=-1)
    last = layers - 1 if end < 0 else end
    return [
        kind and index % period == offset % period and index not in dense and start <= index <= last
        for index, kind in enumerate(result)
    ]


def members(values: Collection[object]) -> frozenset[int]:
    """The whole numbers among the values, as a set."""
    return frozenset(value for value in values if isinstance(value, int))
