"""A start-up log of a serving engine: what went wrong and the change that mends it, and its budget beside the
plan's.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from planner.core.errors import PlanError
from planner.core.units import scale, symbol
from planner.logs.findings import findings
from planner.logs.readers import read
from planner.logs.reading import Reading
from planner.plan import Plan, plan
from ui import pasted
from ui.question.form import PLAN
from ui.show.text import plain


def section(answer: Plan) -> None:
    """A place to paste, and what the text says."""
    text = pasted.field("Start-up log or error of vLLM or SGLang", "serve_log", 160, "Paste it from the start")
    st.caption("It is read here and kept nowhere.")
    if not text:
        return
    reading = pasted.reading_of(text, "serve_log", read)
    if reading.empty or not reading.serves:
        st.warning(
            "This text has no line of a start-up log of vLLM or SGLang: paste it from the start.",
            icon=":material/error:",
        )
        return
    for number, finding in enumerate(findings(reading)):
        st.markdown(f"**{plain(finding.title)}.** {plain(finding.detail)}")
        if finding.change:
            words = ", ".join(
                f"{name} {value if value is not None else 'left out'}" for name, value in finding.change.items()
            )
            st.button(
                f"Set {words}",
                key=f"mend:{number}",
                on_click=_change,
                args=(answer, finding.change),
                icon=":material/build:",
            )
    _compared(answer, reading)


def _change(answer: Plan, fields: dict[str, object]) -> None:
    try:
        PLAN.change(answer.request, fields)
    except PlanError as error:
        PLAN.complaints[error.field or "model"] = str(error)


def _compared(answer: Plan, reading: Reading) -> None:
    """The log's figures beside those of the plan that its configuration asks for, on the GPUs of the form."""
    fields = reading.request()
    try:
        predicted = plan(
            answer.request.changed(
                **{"engine_version": None, "quantization": "auto", "kv_cache_dtype": "auto", **fields}
            )
        )
    except PlanError as error:
        st.warning(plain(f"The log's own question cannot be planned: {error}"), icon=":material/error:")
        return
    frame = beside(predicted, reading)
    if frame.empty:
        return
    told = ", ".join(f"{name} {value}" for name, value in fields.items())
    sentence = f"The log says {told}. Planned so on the GPUs of the form:"
    st.markdown(plain(sentence))
    st.dataframe(
        frame,
        hide_index=True,
        alt=sentence,
        column_config={name: st.column_config.NumberColumn(format="%.2f") for name in frame.columns[1:]},
        placeholder="",
    )
    st.button(
        "Take the log's question", key="take_log", on_click=_change, args=(answer, fields), icon=":material/input:"
    )


def beside(predicted: Plan, reading: Reading) -> pd.DataFrame:
    """Each figure that the log gives, its prediction, and the difference in percent."""
    pool, devices = predicted.memory.pool, predicted.memory.devices
    fullest = max(devices, key=lambda device: device.weights.expected)
    weights, activation = reading.total("weights", on_gpu=True), reading.total("activation", on_gpu=True)
    rows = [
        (f"Weights of a GPU ({symbol()})", weights / scale(), fullest.weights.expected / scale()),
        (
            f"Activation peak ({symbol()})",
            activation / scale(),
            max(device.activation.expected for device in devices) / scale(),
        ),
        (
            f"KV cache pool of a GPU ({symbol()})",
            (reading.pool_bytes or 0) / scale(),
            pool.bytes.expected / scale() if pool else 0,
        ),
        ("Tokens in the pool", float(reading.pool_tokens or 0), float(pool.tokens) if pool else 0),
        ("Requests of full length at once", reading.concurrency or 0.0, pool.sequences if pool else 0),
    ]
    table = [(name, logged, ours, 100 * (ours - logged) / logged) for name, logged, ours in rows if logged]
    return pd.DataFrame(table, columns=["Figure", "Log", "Predicted", "Difference (%)"])
