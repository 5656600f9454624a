"""Splits on the page: the model laid over its devices, and the ways of cutting it side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from planner.core.units import mem
from planner.performance.links import between, pcie
from planner.performance.timing import Timing
from planner.searches.splits import Choice
from ui.show.colours import PARTS, Ground
from ui.show.figures import quick
from ui.speed import grounded, place_names, valued

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHADES = {
    "layers in turn": 0,
    "one GPU": 0,
    "tensor parallel": 1,
    "tensor split": 1,
    "pipeline parallel": 2,
    "replicas": 3,
    "replicas of tensor parallel 2": 4,
}


def picture(timing: Timing, ground: Ground) -> str:
    """The route of a token as a drawing in DOT: what lies on each device, how long it takes, and what joins them."""
    lines = [
        'digraph { rankdir=LR; bgcolor="transparent"; nodesep=0.3;',
        (
            f'node [shape=box style="rounded" fontname="sans-serif" fontsize=11 color="{ground.frame}"'
            f' fontcolor="{ground.text}"];'
        ),
        f'edge [fontname="sans-serif" fontsize=10 color="{ground.frame}" fontcolor="{ground.text}"];',
    ]
    names = place_names(timing)
    for index, (name, place, part) in enumerate(zip(names, timing.route.places, timing.passes, strict=True)):
        work = place.work
        size = mem(work.dense_bytes + work.head_bytes + work.expert_bytes)
        head = " and the output" if work.head_bytes else ""
        each = " each" if place.ranks > 1 else ""
        inner = (
            f"\\n{_joined(place.gpu, place.ranks)} after each half of a layer" if place.ranks > 1 and place.gpu else ""
        )
        lines.append(
            f'p{index} [label="{quoted(name)}\\n{work.layers} layers{head}, {size}{each}\\n{valued(part.total, "s")} a'
            f' token{inner}"];'
        )
    for index in range(1, len(names)):
        gpu = timing.route.places[index].gpu or timing.route.places[index - 1].gpu
        lines.append(f'p{index - 1} -> p{index} [label="{quoted(pcie(gpu).name) if gpu else ""}"];')
    return "\n".join([*lines, "}"])


def _joined(gpu: object, ranks: int) -> str:
    from planner.catalog.gpus import Gpu

    return quoted(between(gpu, ranks).name) if isinstance(gpu, Gpu) else ""


def quoted(text: str) -> str:
    """Text inside a label of DOT."""
    return text.replace("\\", "").replace('"', "'")


def conclusion(timing: Timing) -> str:
    """What the drawing says."""
    names = place_names(timing)
    each = [f"{name}, {valued(part.total, 's')}" for name, part in zip(names, timing.passes, strict=True)]
    shared = any(place.ranks > 1 for place in timing.route.places)
    if len(names) == 1:
        return (
            f"{names[0]}: {'the GPUs share every layer, and' if shared else 'one device holds every layer, and'} a"
            f" token takes {valued(timing.passes[0].total, 's')}."
        )
    together = "; GPUs named together share each layer" if shared else ""
    return f"A token passes through {len(names)} places, one after another{together}: {'; '.join(each[:8])}."


def frame(choices: Sequence[Choice]) -> pd.DataFrame:
    """One row a way of cutting."""
    rows = []
    for choice in choices:
        if choice.plan is None:
            rows.append((choice.count, choice.title, "refused", None, None, None, None, None, choice.refusal))
            continue
        speed, fit = choice.plan.speed, choice.plan.fit
        runs = choice.runs
        rows.append(
            (
                choice.count,
                choice.title,
                fit.words,
                *(
                    (
                        speed.decode_tokens_per_s_per_sequence.expected,
                        speed.throughput_tokens_per_s.expected,
                        speed.prefill_tokens_per_s.expected,
                        1e3 * speed.time_to_first_token_s.expected,
                        speed.watts.expected,
                    )
                    if runs
                    else (None,) * 5
                ),
                fit.reason,
            )
        )
    columns = [
        "GPUs",
        "Way",
        "Verdict",
        "One stream (tokens/s)",
        "Throughput (tokens/s)",
        "Prefill (tokens/s)",
        "First token (ms)",
        "Draw (W)",
        "Reason",
    ]
    return pd.DataFrame(rows, columns=columns)


def chart(choices: Sequence[Choice], together: bool, ground: Ground) -> go.Figure:
    """Bars by number of GPUs, one a way of cutting."""
    import plotly.graph_objects as go

    drawn = go.Figure()
    counts = sorted({choice.count for choice in choices})
    for title in dict.fromkeys(choice.title for choice in choices):
        rates = {choice.count: choice.rate(together) for choice in choices if choice.title == title}
        shade = SHADES.get(title, 0)
        colour = PARTS[shade].colour if shade < len(PARTS) else ground.frame
        drawn.add_bar(
            name=title,
            showlegend=title != "one GPU",
            x=[f"{n} GPU{'s' if n > 1 else ''}" for n in counts],
            y=[rates.get(n) or None for n in counts],
            marker={"color": colour},
            text=[quick(rates[n]) if rates.get(n) else "" for n in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{title}: %{{y:,.3g}} tokens/s<extra></extra>",
        )
    drawn.update_layout(height=340, barmode="group", legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0})
    drawn.update_yaxes(
        title={"text": "tokens/s", "standoff": 12},
        automargin=True,
        gridcolor=ground.free,
        zeroline=False,
        fixedrange=True,
        rangemode="tozero",
    )
    drawn.update_xaxes(fixedrange=True)
    return grounded(drawn, ground)
