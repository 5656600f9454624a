"""How long are my samples, and what maximum length should I train with? From a file that is streamed, not kept."""

import streamlit as st

from planner.core.errors import PlanError
from planner.dataset.advice import MULTIPLE, recommended
from planner.dataset.tokens import Estimated
from ui import data_source, dataset
from ui.question import streamlit_private, views
from ui.question.form import PLAN
from ui.show.colours import ground
from ui.show.links import to_page
from ui.show.text import plain

streamlit_private.routed()
st.header("How long are your samples?", anchor=False)
data_source.question()
try:
    count = data_source.counter()
except PlanError as error:
    st.warning(plain(f"{error} Until then tokens are estimated from the characters."), icon=":material/error:")
    count = ("", Estimated())
try:
    samples = data_source.source()
    if samples is None:
        st.info(
            "Give a file or paste a few samples: you get token lengths, what a maximum length cuts, and what padding"
            " wastes.",
            icon=":material/info:",
        )
        st.stop()
    found = data_source.analysed(samples, count)
except PlanError as error:
    st.error(plain(str(error)), icon=":material/error:")
    data_source.columns()
    st.stop()

advised = recommended(found.lengths, found.high)
left, right = st.columns(2, gap="large")
with left:
    given = views.number(
        "Maximum length (tokens)",
        1,
        1_048_576,
        None,
        "max_length",
        MULTIPLE,
        placeholder=f"{advised.seq_len:,}, recommended",
    )
with right:
    batch = views.number(
        "Micro-batch (samples)",
        1,
        4_096,
        4,
        "padded_batch",
        help="Samples that are padded together.",
    )
seq_len = given or advised.seq_len
at = found.lengths.at(seq_len, batch)

said = dataset.conclusion(found, at, advised)
st.subheader(plain(said), anchor=False)
st.caption(plain(dataset.counted(found)))
dataset.figures(found, at, advised)
st.plotly_chart(
    dataset.chart(found, at, ground()), key="lengths", theme=None, config={"displayModeBar": False}, alt=said
)
each = max(round(at.tokens / at.samples), 1)
model = {"model": name} if "/" in (name := st.session_state.get("tokenizer") or "") else {}
plan = {
    **PLAN.question(),
    **model,
    "seq_len": seq_len,
    "samples": at.samples,
    "tokens_per_sample": each,
    "micro_batch": batch,
}
to_page("pages/fine_tune.py", f"Plan the fine-tune with {at.samples:,} samples at {seq_len:,} tokens", plan)
to_page("pages/fine_tune.py", "The same, packed", {**plan, "packing": "true"})
dataset.tables(found, seq_len, batch)
data_source.columns()
