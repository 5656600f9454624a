"""A pasted log on the page: its facts as a table, its plan, and that plan's prediction beside it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from planner import catalog
from planner.core.errors import PlanError
from planner.core.units import mem
from planner.engines.registry import engine
from planner.live.running import valid
from planner.logs.reading import Finding, Kind, Reading
from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.searches.ways_out import WayOut, ways_out
from ui.question import picker
from ui.show.text import plain

MIB = 2**20
MOST_WAYS = 4

KINDS: dict[Kind, str] = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "state": "Recurrent state",
    "activation": "Compute buffer",
    "output": "Output buffer",
}

EXAMPLE = """\
  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes
general.name str = Meta-Llama-3-70B-Instruct
print_info: file type   = Q4_K - Medium
load_tensors: offloaded 38/81 layers to GPU
load_tensors:   CPU_Mapped model buffer size = 21581.96 MiB
load_tensors:        CUDA0 model buffer size = 18961.66 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 8192
llama_context: n_ubatch      = 512
llama_context: flash_attn    = enabled
llama_kv_cache:        CPU KV buffer size =  1376.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =  1184.00 MiB
llama_context:      CUDA0 compute buffer size =   407.80 MiB
llama_context:  CUDA_Host compute buffer size =    48.01 MiB
"""


def example() -> None:
    """Put an example in the field."""
    st.session_state["log"] = EXAMPLE


def headline(reading: Reading, found: tuple[Finding, ...]) -> str:
    """What the log is of, and the first thing to know."""
    name = reading.model or "A model"
    what = (
        f"{name}{' in ' + reading.file_type if reading.file_type else ''}, run by"
        f" {'Ollama' if reading.engine == 'ollama' else 'llama.cpp'}"
    )
    if reading.layers is not None:
        what += f", {reading.layers_on_gpu} of {reading.layers} layers on GPUs"
    return f"{what}: {found[0].title[0].lower() + found[0].title[1:] if found else 'it loaded as it should'}."


def placed(reading: Reading) -> str:
    """Bytes on GPUs and in system memory, in a sentence."""
    on = sum(buffer.bytes for buffer in reading.buffers if buffer.on_gpu)
    off = sum(buffer.bytes for buffer in reading.buffers if not buffer.on_gpu)
    return f"{mem(on)} in buffers on GPUs, {mem(off)} in system memory; the driver's context is in no log."


def buffers(reading: Reading) -> pd.DataFrame:
    """One row a device, one column a kind, in MiB as the log prints them."""
    rows = reading.by_device()
    shown = [kind for kind in KINDS if any(kind in sizes for sizes in rows.values())]
    table = [
        (device, *(sizes.get(kind, 0) / MIB for kind in shown), sum(sizes.values()) / MIB)
        for device, sizes in rows.items()
    ]
    return pd.DataFrame(table, columns=["Device", *(f"{KINDS[kind]} (MiB)" for kind in shown), "Total (MiB)"])


def plan_of(reading: Reading) -> None:
    """The request of the log, its prediction beside what was printed, and a button that opens it as a plan."""
    fields = reading.request()
    known = model_of(reading.model)
    name = st.selectbox(
        "Model",
        list(picker.titles()),
        index=list(picker.titles()).index(known) if known else None,
        format_func=picker.title,
        placeholder="Which model is it?",
        key="log_model",
    )
    if name is None:
        st.caption("The log does not say which model it is; choose it.")
        return
    try:
        answer = plan(PlanRequest.read({"model": name, **usable(fields)}))
    except PlanError as error:
        st.markdown(plain(str(error)))
        return
    if reading.failed_line or (reading.layers_on_gpu or 0) < (reading.layers or 0):
        mended(reading, answer)
    frame = beside(reading, answer)
    said = stopped(frame) if reading.failed_line else difference(frame)
    st.markdown(f"**{plain(said)}**")
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={column: st.column_config.NumberColumn(format="%.1f") for column in frame.columns[1:]},
        placeholder="",
    )
    st.link_button("Open as a plan", f"/?{query(answer.request)}", icon=":material/open_in_new:")
    st.caption(
        "Without the layers that the log used, the plan finds how many fit; its ways out are tried on these GPUs."
    )


def mended(reading: Reading, answer: Plan) -> None:
    """The changes that would mend it, each tried on these GPUs."""
    open_ended = plan(answer.request.changed(gpu_layers=None, cpu_moe_layers=None))
    ways = list(ways_out(answer.case) if reading.failed_line else open_ended.advice)
    if reading.failed_line and open_ended.fit.enough:
        ways.append(
            WayOut(
                "Let llama.cpp choose the layers", {"gpu_layers": None}, open_ended.fit.verdict, open_ended.fit.reason
            )
        )
    if reading.failed_line and answer.fit.on_gpus:
        st.markdown(
            "**On an empty card these settings would fit: something else held its memory.** Close other programs, or"
            " take one of these changes."
        )
    elif ways:
        st.markdown("**What mends it, each tried on these GPUs:**")
    for way in ways[:MOST_WAYS]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.link_button(
                way.title,
                f"/?{urlencode(answer.request.changed(**{'gpu_layers': None, **way.change}).to_query())}",
                icon=":material/build:",
            )
            st.caption(plain(way.reason), width="stretch")


def stopped(frame: pd.DataFrame) -> str:
    """What the settings need, where the log ends before all of it was placed."""
    logged, predicted = frame["Logged (MiB)"].sum(), frame["Predicted (MiB)"].sum()
    return (
        f"The same settings are predicted to take {mem(int(predicted * MIB))} on GPUs; the log stopped after"
        f" {mem(int(logged * MIB))}."
    )


def model_of(name: str) -> str | None:
    """The bundled model that a log's name means, or None."""
    try:
        return catalog.find(name).id if name else None
    except PlanError:
        return None


def usable(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that a plan understands; what no field takes is left out, such as a device that is in no catalogue."""
    kept = valid({key: value for key, value in fields.items() if value not in (None, "")})
    if kept.get("quantization") and kept["quantization"] not in engine(kept.get("engine", "llama.cpp")).formats():
        kept.pop("quantization")
    return kept


def beside(reading: Reading, answer: Plan) -> pd.DataFrame:
    """Each kind of buffer on GPUs: as logged, as predicted, and the difference, in MiB."""
    devices = answer.memory.devices
    predicted = {
        "weights": sum(device.weights.expected for device in devices),
        "kv_cache": sum(device.kv_cache.expected for device in devices),
        "state": sum(device.state.expected for device in devices),
        "activation": sum(device.activation.expected for device in devices),
    }
    rows = []
    for kind, label in KINDS.items():
        logged = reading.total(kind, on_gpu=True)
        if kind in predicted and (logged or predicted[kind]):
            rows.append((f"{label} on GPUs", logged / MIB, predicted[kind] / MIB, (predicted[kind] - logged) / MIB))
    return pd.DataFrame(rows, columns=["Part", "Logged (MiB)", "Predicted (MiB)", "Difference (MiB)"])


def difference(frame: pd.DataFrame) -> str:
    """How far the prediction of the same settings is from the log."""
    logged, predicted = frame["Logged (MiB)"].sum(), frame["Predicted (MiB)"].sum()
    if not logged:
        return f"The same settings are predicted to take {mem(int(predicted * MIB))} on GPUs; the log got no further."
    return (
        f"The same settings are predicted to take {mem(int(predicted * MIB))} on GPUs,"
        f" {abs(predicted / logged - 1):.1%} {'more' if predicted >= logged else 'less'} than logged."
    )


def query(request: PlanRequest) -> str:
    """The plan's address without the layers of the log, so that it finds its own."""
    return urlencode(request.changed(gpu_layers=None).to_query())
