"""A serving engine's answer: who fits, what the pool is made of, and the same model on other engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from planner.core.units import mem, scale, symbol
from planner.engines.info import info, names_of
from planner.engines.vllm import budget as vllm_budget
from planner.plan import Plan
from planner.searches.side_by_side import Side
from planner.searches.users import Users
from ui.question import fields
from ui.question.form import PLAN
from ui.show.colours import PARTS, Ground
from ui.show.text import plain

HEIGHT, FIELD = 400, 190
LINE, LIGHTER = PARTS[0].colour, PARTS[1].colour

NAMES = {
    "weights": "weights",
    "activation": "activation peak",
    "libraries": "libraries",
    "graphs": "CUDA graphs",
    "context": "CUDA context",
    "buffers": "buffers",
}


def headline(plan: Plan) -> str:
    """How many requests, on what; or the engine's own refusal."""
    pool, request = plan.memory.pool, plan.request
    if not plan.fit.runs or pool is None:
        return plan.fit.reason
    if not plan.architecture.generates:
        return f"{plan.case.name} answers with embeddings and keeps no cache: a batch is limited by activations alone."
    replicas = f" on each of {request.data_parallel} replicas" if (request.data_parallel or 1) > 1 else ""
    return (
        f"{_requests(pool.sequences)} of {request.context:,} tokens at once{replicas}: {mem(pool.bytes.expected)} of"
        " every GPU is left for the cache."
    )


def _requests(number: float) -> str:
    return f"{number:,.0f} requests" if number >= 10 else f"{number:,.1f} requests"


def counting(plan: Plan) -> str:
    """Why the tokens of the log and the requests at once differ, where they do."""
    pool, request = plan.memory.pool, plan.request
    if pool is None or not pool.tokens:
        return ""
    said = (
        f"{info(request.engine).title} logs this pool as {pool.tokens:,} tokens ({pool.token_range.low:,} to"
        f" {pool.token_range.high:,} in eight cases of ten)"
    )
    by_tokens = pool.tokens / request.context
    if pool.sequences and abs(by_tokens / pool.sequences - 1) > 0.03:
        return (
            f"{said}, which would be {by_tokens:,.1f} requests; {pool.sequences:,.1f} run at once, because layers with"
            " a window or a state keep less of a long request than the count of tokens assumes, and blocks are taken"
            " whole."
        )
    return f"{said}.{_scheduled(plan)}"


def _scheduled(plan: Plan) -> str:
    """A word where the scheduler's limit binds before the pool does."""
    pool = plan.memory.pool
    if plan.request.engine != "vllm" or pool is None:
        return ""
    most = vllm_budget.settings(plan.case).sequences
    return f" Its scheduler runs at most {most:,} of them at a time (--max-num-seqs)." if pool.sequences > most else ""


def choose_engine(plan: Plan) -> None:
    """A page about serving needs a serving engine: buttons that change the question."""
    st.markdown(
        f"**{plain(plan.request.engine)} allocates for the batch that is asked for. How many users fit is a question to"
        " a serving engine:**"
    )
    with st.container(horizontal=True):
        for name, title in ((name, info(name).title) for name in names_of(serves=True)):
            change = {
                "engine": name,
                "quantization": "auto",
                "kv_cache_dtype": "auto",
                "gpu_layers": None,
                "cpu_moe_layers": None,
            }
            st.button(
                f"Plan with {title}",
                key=f"serve:{name}",
                on_click=PLAN.change,
                args=(plan.request, change),
                icon=":material/arrow_forward:",
            )


def settings(plan: Plan) -> None:
    """What the engine decides by itself, to be decided here: each field shows what stands in it."""
    use = vllm_budget.settings(plan.case) if plan.request.engine == "vllm" else None
    own = "the engine's own"
    with (
        st.expander("The engine's own settings", icon=":material/tune:"),
        st.container(horizontal=True, vertical_alignment="top"),
    ):
        for name, label, shown, help in (
            (
                "max_num_seqs",
                "Sequences at most",
                f"{use.sequences:,}" if use else own,
                "What the scheduler runs at once; sampling them is a part of the peak.",
            ),
            (
                "max_num_batched_tokens",
                "Tokens of a step",
                f"{use.batched_tokens:,}" if use else own,
                "A long prompt is read in chunks of so many.",
            ),
            ("data_parallel", "Data parallel", "1", "Replicas; those of a model with experts share them."),
            ("expert_parallel", "Expert parallel", "1", "GPUs over which whole experts are spread."),
        ):
            with st.container(width=FIELD):
                fields.number(name, label, placeholder=shown, help=help)
        with st.container(width=FIELD):
            fields.switch("enforce_eager", "Without CUDA graphs", placeholder="no")
        with st.container(width=FIELD):
            fields.text("engine_version", "Version", placeholder="the newest known")


def users_frame(rows: Sequence[Users]) -> pd.DataFrame:
    """Requests at once by context."""
    table = [
        (row.context, round(row.at_once, 1), None if row.in_8_bit is None else round(row.in_8_bit, 1)) for row in rows
    ]
    return pd.DataFrame(table, columns=["Context (tokens)", "Requests at once", "With an 8-bit cache"])


def users_sentence(rows: Sequence[Users], plan: Plan) -> str:
    """What the chart says."""
    longest, batch = max((row.context for row in rows if row.at_once >= 1), default=0), plan.request.batch
    if not longest:
        return "Not one request fits, however short."
    one = next(row for row in rows if row.context == longest)
    shortest, room = rows[0], plan.capacity.max_context if batch > 1 else 0
    yours = f"your {batch:,} have room up to {room:,} tokens each" if room else f"your {batch:,} have room at no length"
    return (
        f"From {shortest.at_once:,.0f} requests of {shortest.context:,} tokens down to {one.at_once:,.1f} of"
        f" {longest:,}; {f'{yours}, and ' if batch > 1 else ''}past the line, requests wait or are computed again."
    )


def users_chart(rows: Sequence[Users], plan: Plan, ground: Ground) -> Any:
    """The limit as a line: context across, requests at once upwards, both doubling."""
    import plotly.graph_objects as go

    chart = go.Figure()
    for label, colour, dash, values in (
        ("With an 8-bit cache", LIGHTER, "dash", [row.in_8_bit for row in rows]),
        ("The limit", LINE, "solid", [row.at_once for row in rows]),
    ):
        points = [(row.context, value) for row, value in zip(rows, values, strict=True) if value]
        chart.add_scatter(
            name=label,
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"size": 7},
            hovertemplate="%{x:,} tokens: %{y:,.1f} requests<extra></extra>",
        )
    asked = plan.request
    chart.add_scatter(
        name="What you ask for",
        x=[asked.context],
        y=[asked.batch],
        mode="markers",
        hovertemplate="%{y:,} requests of %{x:,} tokens<extra></extra>",
        marker={"symbol": "x", "size": 11, "color": ground.text},
    )
    chart.add_hline(y=1, line={"color": ground.frame, "width": 1, "dash": "dot"})
    chart.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        font={"color": ground.text, "size": 13, "family": "Source Sans, sans-serif"},
        legend={"orientation": "h", "y": 1.1, "x": 0},
    )
    axis = {
        "type": "log",
        "gridcolor": ground.free,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "title": {"font": {"size": 13}},
    }
    ticks = [row.context for row in rows if row.context & (row.context - 1) == 0]
    chart.update_xaxes(
        title_text="Context of each request (tokens)", tickvals=ticks[:: 1 + len(ticks) // 6], tickformat=",d", **axis
    )
    chart.update_yaxes(title_text="Requests at once", tickformat=",~g", dtick=1, **axis)
    return chart


def budget_frame(plan: Plan) -> pd.DataFrame:
    """What the engine's rule leaves for the cache on the fullest GPU, term by term, in the unit shown."""
    pool = plan.memory.pool
    step = next((step for step in pool.bytes.steps if "capacity" in step.operands), None) if pool else None
    if pool is None or step is None:
        return pd.DataFrame(columns=["Term", symbol()])
    values = step.operands
    share, left = values.get("utilization", values.get("fraction", 1.0)), float(step.value)
    less = {name: (f"less {words}", -values[name]) for name, words in NAMES.items() if values.get(name)}
    first = (
        ["context"] if "fraction" in values and "buffers" not in values else list(less) if "buffers" in values else []
    )
    rows = [("Total memory of the card", values["capacity"]), *(less.pop(name) for name in first if name in less)]
    taken = sum(size for _, size in rows)
    rows += [
        (f"Share that the engine takes of {'it' if not first else 'the rest'} ({share:.3g})", share * taken),
        *less.values(),
    ]
    rows.append(("KV cache pool", left) if left > 0 else ("Missing before the first block of cache", left))
    fullest = max(plan.memory.devices, key=lambda device: device.total.expected)
    outside = fullest.total.expected - share * values["capacity"]
    if "utilization" in values and outside > 0 and left > 0:
        rows += [
            ("Outside that share: CUDA context and what is not charged", outside),
            ("Still free", fullest.free_bytes),
        ]
    return pd.DataFrame([(name, size / scale()) for name, size in rows], columns=["Term", symbol()])


def sides_frame(found: Sequence[Side]) -> pd.DataFrame:
    """Each engine's figures side by side."""
    table: list[tuple[object, ...]] = []
    for side in found:
        answer = side.answer
        if answer is None:
            table.append((info(side.engine).title, "", None, None, None, "no plan"))
            continue
        devices = answer.memory.devices
        cache = sum(d.kv_cache.expected + d.state.expected for d in devices)
        table.append(
            (
                info(side.engine).title,
                answer.memory.weights.format,
                answer.memory.weights.tensor_bytes.expected / scale(),
                cache / scale(),
                sum(d.total.expected for d in devices) / scale(),
                answer.fit.words,
            )
        )
    return pd.DataFrame(
        table,
        columns=[
            "Engine",
            "Format",
            f"Weights ({symbol()})",
            f"Cache ({symbol()})",
            f"GPU memory ({symbol()})",
            "Verdict",
        ],
    )
