"""The matrix on the page: which models, formats and cards, the table, and what each row and column comes to."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from planner import catalog
from planner.catalog.gpus import gpus
from planner.core.units import count, scale, symbol
from planner.engines.info import info
from planner.engines.registry import engine
from planner.request import PlanRequest
from planner.searches.matrix import Need
from planner.searches.matrix_cards import Matrix, matrix
from planner.searches.matrix_speed import decode_speeds
from ui.question import picker, views
from ui.question.form import PLAN

MODELS = (
    "Qwen/Qwen3-0.6B",
    "meta-llama/Llama-3.2-3B-Instruct",
    "meta-llama/Meta-Llama-3.1-8B",
    "Qwen/Qwen3-14B",
    "mistralai/Mistral-Small-24B-Instruct-2501",
    "google/gemma-3-27b-it",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-32B",
    "meta-llama/Llama-3.3-70B-Instruct",
    "openai/gpt-oss-20b",
    "openai/gpt-oss-120b",
    "Qwen/Qwen3-235B-A22B",
)
CARDS = (
    "rtx-3060-12gb",
    "rtx-4060-ti-16gb",
    "rtx-5080",
    "rtx-3090",
    "rtx-4090",
    "rtx-5090",
    "rtx-6000-ada",
    "l40s",
    "a100-sxm4-80gb",
    "h100-sxm5-80gb",
    "h200-sxm-141gb",
    "instinct-mi300x",
)
SHOWS = {"batch": "Largest batch", "verdict": "Verdict", "headroom": "Free memory", "speed": "Decode (tokens/s)"}
WORDS = ("does not fit", "tight", "fits")
TINTS = ("#d1343826", "#efa73a33", "#2f948833")
IN_RAM, RAM_TINT = "partly in system RAM", "#2f68ad2b"
MOST_TINTED = 6_000


def meaning(engine: str) -> str:
    """What the colours say."""
    if info(engine).serves:
        return (
            "Green holds all at full length; amber starts and lets some wait, or is within the uncertainty of the"
            " estimate; red does not start."
        )
    split = " blue runs with layers in system RAM;" if info(engine).splits_with_host else ""
    return f"Green fits on the cards; amber is within the uncertainty of the estimate;{split} red does not fit."


def chosen(request: PlanRequest) -> tuple[list[str], list[str], list[str], list[int]]:
    """What the visitor wants to see: models, formats, cards, counts; each stands in the link."""
    cards = {gpu.id: gpu.name for gpu in gpus()}
    runs = list(engine(request.engine).formats())
    known = ("bf16" if name == "auto" else name for name in info(request.engine).formats.values())
    usual = [name for name in known if name in runs] or runs[:2]
    left, right = st.columns([3, 2])
    with left:
        models = _many(
            "Models", picker.titles(), [model.id for name in MODELS if (model := catalog.lookup(name))], "matrix_model"
        )
    with right:
        formats = _many("Formats", {name: name for name in runs}, usual, f"matrix_format_{request.engine}")
    left, right = st.columns([3, 2])
    with left:
        names = _many("Cards", cards, [card for card in CARDS if card in cards], "matrix_gpu")
    with right:
        number = views.segments("Cards at once", {count: str(count) for count in (1, 2, 4, 8)}, "matrix_count", 1)
    return models, formats, names, [number]


def _many(label: str, options: dict[str, str], usual: list[str], key: str) -> list[str]:
    """Some of the options; none means all of them."""
    return views.several(label, options, key, usual, placeholder=f"all {len(options)}") or list(options)


def catalog_title(model: str) -> str:
    return catalog.models()[model].title


def table(
    request: PlanRequest, models: list[str], formats: list[str], cards: list[str], number: int
) -> tuple[Matrix, list[Any]]:
    """Every combination, against the cards from small to large."""
    by_id = {gpu.id: gpu for gpu in gpus()}
    chosen_cards = sorted((by_id[card] for card in cards), key=lambda gpu: gpu.usable_bytes)
    return matrix(request, models, formats, chosen_cards, number), chosen_cards


def frame(request: PlanRequest, found: Matrix, cards: list[Any], shows: str) -> pd.DataFrame:
    """The table: model, format, what it needs, the smallest card that fits, then a column a card."""
    rows, verdict = found.rows, found.verdict
    first = [int(line.argmax()) if line.any() else -1 for line in found.enough]
    data: dict[str, Any] = {
        "Model": [catalog_title(row.model) for row in rows],
        "Format": [row.format for row in rows],
        f"Needs ({symbol()})": [None if row.refusal else row.total / scale() for row in rows],
        "Smallest card": [cards[index].name if index >= 0 else "none of these" for index in first],
    }
    speeds = decode_speeds(request, rows, cards) if shows == "speed" else None
    for index, card in enumerate(cards):
        if speeds is not None:
            data[card.name] = [
                speed if code else None for speed, code in zip(speeds[:, index], verdict[:, index], strict=True)
            ]
        elif shows == "verdict":
            data[card.name] = [words(found, place, index) for place in range(len(rows))]
        elif shows == "headroom":
            data[card.name] = [
                None if row.refusal else left / scale() for row, left in zip(rows, found.spare[:, index], strict=True)
            ]
        else:
            data[card.name] = pd.array(found.batch[:, index], dtype="Int64")
            data[card.name][found.offload[:, index]] = pd.NA
    return pd.DataFrame(data)


def words(found: Matrix, row: int, column: int) -> str:
    """A cell's verdict; of a server whose pool holds fewer than are asked for, how many."""
    if found.offload[row, column]:
        return IN_RAM
    code, held, batch = found.verdict[row, column], found.held[row, column], found.request.batch
    if code == 1 and found.spare[row, column] < 0:
        return f"holds {held:,} of {batch:,}" if held else "may fit"
    return WORDS[code]


def tinted(table: pd.DataFrame, found: Matrix, cards: list[Any]) -> Any:
    """The verdict as the cell's background, in words too where asked for; a very large table goes without."""
    if found.verdict.size > MOST_TINTED:
        return table
    colours = pd.DataFrame("", index=table.index, columns=table.columns)
    for index, card in enumerate(cards):
        codes = zip(found.verdict[:, index], found.offload[:, index], strict=True)
        colours[card.name] = [f"background-color: {RAM_TINT if split else TINTS[code]}" for code, split in codes]
    return table.style.apply(lambda _: colours, axis=None)


def conclusion(found: Matrix, cards: list[Any], number: int) -> str:
    """How much of the table holds all that is asked, and the largest model that the smallest and the largest
    card hold.
    """
    users = (
        f" and hold all {found.request.batch:,} at full length" if found.held.any() and found.request.batch > 1 else ""
    )
    said = f"{int(found.enough.sum()):,} of {found.verdict.size:,} combinations fit{users}."
    for index in dict.fromkeys((0, len(cards) - 1)):
        held = [row for row, enough in zip(found.rows, found.enough[:, index], strict=True) if enough]
        if held:
            best = max(held, key=lambda row: (row.parameters, row.total))
            many = f"{number}x " if number > 1 else ""
            said += (
                f" The largest on {many}{cards[index].name} is {catalog_title(best.model)} ({count(best.parameters)})"
                f" as {best.format}."
            )
    return said


def largest(matrix: Matrix, cards: list[Any]) -> pd.DataFrame:
    """For each card the largest model that fits, and the best format of it that does."""
    found = []
    for index, card in enumerate(cards):
        held = [row for row, enough in zip(matrix.rows, matrix.enough[:, index], strict=True) if enough]
        best = max(held, key=lambda row: (row.parameters, row.total), default=None)
        found.append(
            (
                card.name,
                card.usable_bytes / scale(),
                catalog_title(best.model) if best else "none of these",
                best.format if best else "",
            )
        )
    return pd.DataFrame(found, columns=["Card", f"Usable ({symbol()})", "Largest model", "Format"])


def open_cell(rows: list[Need], cards: list[Any], key: str) -> None:
    """Put the chosen cell into the question and go on to its plan."""
    cells = st.session_state[key]["selection"]["cells"]
    if not cells or cells[0][0] >= len(rows):
        return
    row, column = rows[cells[0][0]], cells[0][1]
    card = next((card for card in cards if card.name == column), cards[-1])
    PLAN.put("model", row.model)
    PLAN.put("quantization", row.format)
    PLAN.put("gpus", f"{row.count}x {card.id}" if row.count > 1 else card.id)
    st.session_state["leave"] = True
