"""Every quantization of this model beside the others on the same GPUs; choosing a row asks for it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from planner.core.data import table
from planner.core.errors import PlanError
from planner.core.units import scale, symbol
from planner.engines.registry import engine
from planner.plan import Plan, plan
from planner.report.word import word
from planner.request import LLAMA, PlanRequest
from planner.searches.ways_out import BEARABLE
from ui.question.form import PLAN
from ui.show.text import plain

LOSS = "Published loss (perplexity)"


KEPT = (
    "This model's experts are published in MXFP4 and stay so in files of every type, as their publishers make them:"
    " llama.cpp's quantizer refuses to requantize them unless it is told to, and would then write larger ones."
)


def formats(answer: Plan) -> None:
    """A row for each format that the engine runs."""
    request = answer.request
    frame = formats_frame(request)
    if frame.empty:
        st.caption("This engine runs this model only as it is published.")
        return
    fitting = frame.attrs["fitting"]
    best = frame.attrs["recommended"]
    said = f"{len(fitting)} of {len(frame)} quantizations fit." + (f" The largest is {fitting[0]}." if fitting else "")
    said += f" Recommended: {best}, the largest that runs well." if best else " None of them runs well."
    st.markdown(f"**{plain(said)}** Choose a row to plan with it.")
    st.dataframe(
        frame,
        hide_index=True,
        key="formats",
        on_select=lambda: _choose(request, list(frame["Quantization"])),
        selection_mode="single-row",
        alt=said,
        placeholder="",
        column_config={
            f"Weights on disk ({symbol()})": st.column_config.NumberColumn(format="%.2f"),
            "Verdict": st.column_config.TextColumn(width=140),
            "Bits a weight": st.column_config.NumberColumn(format="%.2f"),
            f"On GPUs ({symbol()})": st.column_config.NumberColumn(format="%.2f"),
            f"In system RAM ({symbol()})": st.column_config.NumberColumn(format="%.2f"),
            "Tokens/s a stream": st.column_config.NumberColumn(format="%.3g"),
            LOSS: st.column_config.NumberColumn(format="+%.4f"),
        },
    )
    if (
        request.engine in LLAMA
        and answer.architecture.quantization
        and answer.architecture.quantization.get("quant_method") == "mxfp4"
    ):
        st.caption(KEPT)
    if LOSS in frame.columns:
        row = table("gguf_quality")[0]
        st.caption(
            f"{LOSS} is a claim: how much perplexity rose for {plain(row['model'])}, as llama.cpp publishes it. Other"
            " models lose more or less."
        )


def formats_frame(request: PlanRequest) -> pd.DataFrame:
    """Formats from large to small, with what each needs and the verdict; those that the model cannot have are
    left out.
    """
    rows = []
    for name in engine(request.engine).formats():
        try:
            one = plan(request.changed(quantization=name))
        except PlanError:
            continue
        on_gpus = sum(device.total.expected for device in one.memory.devices)
        weights = one.memory.weights
        rows.append(
            (
                name,
                weights.file_bytes.expected / scale(),
                weights.bits_per_weight,
                on_gpus / scale(),
                one.memory.host.total.expected / scale(),
                one.fit.words,
                one.speed.decode_tokens_per_s_per_sequence.expected if one.architecture.generates else None,
                word(one).word,
                one.fit.on_gpus,
            )
        )
    rows.sort(key=lambda row: -row[1])
    frame = pd.DataFrame(
        [row[:-1] for row in rows],
        columns=[
            "Quantization",
            f"Weights on disk ({symbol()})",
            "Bits a weight",
            f"On GPUs ({symbol()})",
            f"In system RAM ({symbol()})",
            "Verdict",
            "Tokens/s a stream",
            "Answer",
        ],
    )
    losses = {row["file_type"]: float(row["perplexity_increase"]) for row in table("gguf_quality")}
    frame.attrs["fitting"] = [row[0] for row in rows if row[-1]]
    well = [row[0] for row in rows if row[-2] == "Runs well" and losses.get(row[0], 0.0) <= BEARABLE]
    frame.attrs["recommended"] = well[0] if well else ""
    if losses.keys() & set(frame["Quantization"]):
        frame[LOSS] = [losses.get(name) for name in frame["Quantization"]]
    return frame


def _choose(request: PlanRequest, names: list[str]) -> None:
    chosen = st.session_state["formats"]["selection"]["rows"]
    if chosen and chosen[0] < len(names):
        PLAN.change(request, {"quantization": names[chosen[0]]})
