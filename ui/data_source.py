"""The data page's question: the samples, how their tokens are counted, and the reading itself with its progress."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO, cast

import streamlit as st

from planner.dataset import Analysis, Counter, Estimated, Source, Tokenized, analyse
from planner.dataset.analysis import nothing_read
from ui.question import views

KINDS = ["jsonl", "json", "ndjson", "csv", "tsv", "parquet", "txt"]
KEPT = "analysis"
MOST_PASTED = 200_000
EXAMPLE = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}\n{"text": "…"}'


def question() -> None:
    """The widgets: a file or pasted samples on the left, the tokenizer on the right."""
    left, right = st.columns(2, gap="large")
    with left:
        st.file_uploader(
            "Samples",
            type=KINDS,
            key="samples_file",
            help="JSON lines, a JSON array, CSV, Parquet, or text with a sample a line.",
        )
        with st.popover("Paste some instead", icon=":material/content_paste:", type="tertiary"):
            st.text_area("Samples, one a line", key="pasted", max_chars=MOST_PASTED, height=180, placeholder=EXAMPLE)
    with right:
        views.text(
            "Tokenizer",
            "tokenizer",
            placeholder="a model on the Hugging Face Hub, such as Qwen/Qwen2.5-7B",
            max_chars=200,
            help=(
                "Tokens are then counted as that model counts them. Without one they are estimated from the characters,"
                " with a range."
            ),
        )
        with st.popover("Use a tokenizer.json", icon=":material/upload_file:", type="tertiary"):
            st.file_uploader("The model's tokenizer.json", type=["json"], key="tokenizer_file", max_upload_size=64)
    st.caption(
        "A file stays in the memory of this visit until you remove it or close the page; it is written nowhere, and"
        " cannot travel in a link."
    )


def counter() -> tuple[str, Counter]:
    """What counts the tokens, with a name that is another when it counts otherwise: an uploaded file, the Hub's, or the
    estimate.

    Raises:
        PlanError: when the file is no tokenizer, or the Hub does not answer.
    """
    file = st.session_state.get("tokenizer_file")
    if file is not None:
        return file.file_id, _uploaded(file.file_id, file)
    name = (st.session_state.get("tokenizer") or "").strip()
    if name:
        return name, _from_hub(name)
    return "", Estimated()


@st.cache_resource(scope="session", max_entries=1, show_spinner="Reading the tokenizer …")
def _uploaded(file_id: str, _file: Any) -> Tokenized:
    return Tokenized(_file.getvalue())


@st.cache_resource(ttl=3_600, max_entries=4, show_spinner="Asking the Hugging Face Hub for its tokenizer …")
def _from_hub(name: str) -> Tokenized:
    from planner.hub.tokenizer import fetch_tokenizer

    return Tokenized(fetch_tokenizer(name), f"the tokenizer of {name}")


def source() -> tuple[str, Source] | None:
    """The samples with a name that is another for another file; None before there are any.

    Raises:
        PlanError: when the format is not read.
    """
    file: Any = st.session_state.get("samples_file")
    if file is not None:
        return file.file_id, Source(cast(BinaryIO, file), file.name)
    pasted = st.session_state.get("pasted") or ""
    return (
        (hashlib.sha256(pasted.encode("utf-8", "replace")).hexdigest(), Source.pasted(pasted))
        if pasted.strip()
        else None
    )


def analysed(samples: tuple[str, Source], count: tuple[str, Counter]) -> Analysis:
    """The counts of these samples; read again only for another file, tokenizer or column.

    Raises:
        PlanError: when nothing of it can be read.
    """
    column = st.session_state.get("column")
    key = (samples[0], count[0], column)
    kept = st.session_state.get(KEPT)
    if kept is None or kept[0] != key:
        st.session_state.pop(KEPT, None)
        bar = st.progress(0.0, "Reading …")

        def progressed(share: float, number: int) -> None:
            bar.progress(share, f"{share:.0%} read: {number:,} samples")

        try:
            found = analyse(
                samples[1],
                count[1],
                column,
                progressed,
            )
        finally:
            bar.empty()
        kept = st.session_state[KEPT] = (key, found)
    if not kept[1].lengths.samples:
        raise nothing_read(kept[1])
    return cast(Analysis, kept[1])


def columns() -> None:
    """The field that holds the text, where several could."""
    kept = st.session_state.get(KEPT)
    names = kept[1].columns if kept else []
    if len(names) > 1 or st.session_state.get("column"):
        options = list(dict.fromkeys([*names, *filter(None, [st.session_state.get("column")])]))
        st.selectbox(
            "Text from", options, index=None, key="column", placeholder="the shape of each row tells", width=360
        )
