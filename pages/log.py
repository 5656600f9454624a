"""Paste a log: what an engine loaded where, what went wrong, and the change that mends it."""

import streamlit as st

from planner.logs.findings import findings
from planner.logs.llama_cpp import read
from ui import log, pasted
from ui.question import streamlit_private
from ui.show.text import plain

streamlit_private.routed()
st.header("What does this log say?", anchor=False)
text = pasted.field(
    "Log",
    "log",
    260,
    "Paste what llama-server, llama-cli or `ollama serve` printed while it loaded the model.",
    help="It is read here and kept nowhere.",
)

if not text.strip():
    st.caption(
        "The lines from loading the model to the first request are enough; prefixes of Docker, journald and time stamps"
        " do no harm."
    )
    st.button("Try an example", on_click=log.example, icon=":material/arrow_forward:")
    st.stop()

reading = pasted.reading_of(text, "log", read)
if reading.empty:
    st.markdown(
        "**Nothing in it looks like a log of llama.cpp or Ollama.** Paste the lines with `buffer size`, `n_ctx` or"
        " `offloaded` in them."
    )
    st.stop()

found = findings(reading)
st.markdown(f"**{plain(log.headline(reading, found))}**")
for finding in found:
    with st.container(border=True):
        st.markdown(f":orange[:material/error:] **{plain(finding.title)}**")
        st.markdown(plain(finding.detail))

buffers = log.buffers(reading)
if not buffers.empty:
    said = log.placed(reading)
    st.subheader("Where it lies", anchor=False)
    st.markdown(plain(said))
    st.dataframe(
        buffers,
        hide_index=True,
        alt=said,
        column_config={name: st.column_config.NumberColumn(format="%.2f") for name in buffers.columns if "MiB" in name},
        placeholder="",
    )
    st.download_button(
        "Table as CSV",
        buffers.to_csv(index=False),
        "headroom-log.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )

st.subheader("The plan that it corresponds to", anchor=False)
log.plan_of(reading)
