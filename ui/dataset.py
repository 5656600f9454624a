"""What a file of samples says about a fine-tune: figures, the chart of lengths, and what each maximum length does."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from planner.core.units import count
from planner.dataset import Analysis
from planner.dataset.advice import Recommended, lengths_to_show
from planner.dataset.answer import PERCENTILES, analysis_json
from planner.dataset.lengths import AtLength
from ui.show.colours import PARTS, TOO_MUCH, Ground
from ui.show.derivations import derivation
from ui.show.text import plain

WIDTH = 168
PERCENT = st.column_config.NumberColumn(format="percent")
WHOLE = st.column_config.NumberColumn(format="localized")


def conclusion(found: Analysis, at: AtLength, advised: Recommended) -> str:
    """The one sentence above the chart."""
    lengths = found.lengths
    about = "" if found.exact else "about "
    cut = f"cuts {at.cut:,} sample{'s' if at.cut > 1 else ''}" if at.cut else "cuts none"
    own = "" if at.seq_len == advised.seq_len else f" The recommended {advised.seq_len:,} {advised.reason}."
    return (
        f"{lengths.samples:,} samples of {about}{lengths.mean.value:,.0f} tokens on average: a maximum length of"
        f" {at.seq_len:,} {cut} and uses {at.used.value:.0%} of every padded position, {at.packed.value:.0%} when"
        f" packed.{own}"
    )


def counted(found: Analysis) -> str:
    """How the tokens were counted, and what that leaves open."""
    if found.exact:
        return (
            f"Tokens are counted by {found.counted_by}, special tokens included; a chat adds four tokens of marks a"
            " message, other samples one at their end."
        )
    return (
        f"Tokens are {found.counted_by}, which puts the true counts between {found.low:.0%} and {found.high:.0%} of"
        " what is shown. Name a tokenizer to count exactly."
    )


def figures(found: Analysis, at: AtLength, advised: Recommended) -> None:
    """A row of key figures, each with the way it was derived."""
    lengths = found.lengths
    tokens = found.tokens
    spread = "counted exactly" if found.exact else f"{count(tokens.low)} to {count(tokens.high)}"
    rows = (
        (
            "Samples",
            f"{lengths.samples:,}",
            f"{found.malformed:,} malformed rows left out" if found.malformed else "every row read",
            (),
            "",
        ),
        (
            "Tokens",
            count(lengths.tokens),
            f"an epoch, {spread}",
            (lengths.mean,),
            "The sum over all samples, before anything is cut.",
        ),
        (
            "Mean length",
            f"{lengths.mean.value:,.0f}",
            f"{lengths.shortest:,} to {lengths.longest:,} tokens",
            (lengths.mean,),
            "",
        ),
        ("Recommended", f"{advised.seq_len:,}", "tokens at most", (advised.step,), plain(f"It {advised.reason}.")),
        ("Used, padded", f"{at.used.value:.0%}", f"at {at.seq_len:,}, the rest is padding", (at.used,), ""),
        (
            "Used, packed",
            f"{at.packed.value:.0%}",
            f"{at.sequences:,} sequences",
            (at.packed,),
            "Samples are kept whole: best fit, longest first.",
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for index, (label, value, under, steps, words) in enumerate(rows):
            with st.container(width=WIDTH, gap=None):
                st.metric(label, value, under, delta_color="off", delta_arrow="off")
                if steps:
                    derivation("How", steps, f"data:{index}", words)


def chart(found: Analysis, at: AtLength, ground: Ground) -> Any:
    """Samples by length, what is cut apart by colour, the maximum length as a line."""
    import plotly.graph_objects as go

    lengths = found.lengths
    top = min(lengths.longest, max(2 * lengths.percentile(99), at.seq_len))
    bins = lengths.histogram(60, top)
    names = [f"{first:,} to {end - 1:,} tokens" for first, end, _ in bins]
    if top < lengths.longest:
        names[-1] = f"{bins[-1][0]:,} tokens or more"
    drawn = go.Figure()
    for label, colour, cut in (("Whole", PARTS[0].colour, False), ("Cut at the end", TOO_MUCH, True)):
        mine = [
            (first, end, number, name)
            for (first, end, number), name in zip(bins, names, strict=True)
            if (end - 1 > at.seq_len) is cut
        ]
        if any(number for _, _, number, _ in mine):
            drawn.add_bar(
                name=label,
                x=[(first + end - 1) / 2 for first, end, _, _ in mine],
                y=[number for _, _, number, _ in mine],
                width=bins[0][1] - bins[0][0],
                marker={"color": colour, "line": {"width": 0.5, "color": ground.free}},
                customdata=[name for *_, name in mine],
                hovertemplate="%{customdata}: %{y:,} samples<extra></extra>",
            )
    drawn.add_vline(x=at.seq_len, line={"color": ground.frame, "width": 1.6, "dash": "dash"})
    end = at.seq_len > 0.7 * max(top, at.seq_len)
    drawn.add_annotation(
        x=at.seq_len,
        y=1,
        yref="paper",
        text=f"maximum {at.seq_len:,}",
        showarrow=False,
        xanchor="right" if end else "left",
        xshift=-6 if end else 6,
        yanchor="top",
    )
    drawn.update_layout(
        height=300,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        bargap=0,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        barmode="overlay",
        font={"color": ground.text, "size": 13},
        dragmode=False,
        showlegend=at.cut > 0,
        legend={"orientation": "h", "y": -0.25, "x": 0},
    )
    drawn.update_xaxes(
        title={"text": "tokens of a sample", "font": {"size": 13}},
        automargin=True,
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        tickformat=",",
        range=[0, max(top, at.seq_len) * 1.02],
    )
    drawn.update_yaxes(
        title={"text": "samples", "font": {"size": 13}, "standoff": 12},
        fixedrange=True,
        gridcolor=ground.free,
        zeroline=False,
        tickformat=",",
        automargin=True,
    )
    return drawn


def by_length(found: Analysis, chosen: int, batch: int) -> pd.DataFrame:
    """What each maximum length does: a row each."""
    rows = [found.lengths.at(length, batch) for length in lengths_to_show(found.lengths, chosen)]
    return pd.DataFrame(
        {
            "Maximum length": [row.seq_len for row in rows],
            "Samples cut": [row.cut_share for row in rows],
            "Tokens lost": [row.lost_share for row in rows],
            "Used, padded to maximum": [row.used.value for row in rows],
            "Used, padded in batch": [row.used_in_batch for row in rows],
            "Used, packed": [row.packed.value for row in rows],
            "Packed sequences": [row.sequences for row in rows],
            "Positions, padded": [row.samples * row.seq_len for row in rows],
            "Positions, packed": [row.sequences * row.seq_len for row in rows],
        }
    )


def tables(found: Analysis, chosen: int, batch: int) -> None:
    """The maximum lengths beside each other, the percentiles, and what could not be read."""
    frame = by_length(found, chosen, batch)
    said = (
        f"Padding to {chosen:,} computes {frame.loc[frame['Maximum length'] == chosen, 'Positions, padded'].iloc[0]:,}"
        " positions an epoch, packing "
    )
    said += f"{frame.loc[frame['Maximum length'] == chosen, 'Positions, packed'].iloc[0]:,}."
    st.markdown(f"**Every maximum length.** {plain(said)}")
    shares = ("Samples cut", "Tokens lost", "Used, padded to maximum", "Used, padded in batch", "Used, packed")
    numbers = ("Maximum length", "Packed sequences", "Positions, padded", "Positions, packed")
    st.dataframe(
        frame,
        hide_index=True,
        alt=said,
        column_config={**dict.fromkeys(shares, PERCENT), **dict.fromkeys(numbers, WHOLE)},
        placeholder="",
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Percentiles**")
        shown = pd.DataFrame(
            {
                "Percent of samples": [f"{percent:g}" for percent in PERCENTILES],
                "Tokens at most": map(found.lengths.percentile, PERCENTILES),
            }
        )
        st.dataframe(
            shown,
            hide_index=True,
            column_config={"Tokens at most": WHOLE},
            alt=f"Half the samples have at most {found.lengths.percentile(50):,} tokens.",
            placeholder="",
        )
    with right:
        st.markdown("**Read as**")
        shapes = pd.DataFrame(found.shapes.most_common(), columns=["Shape", "Samples"])
        st.dataframe(
            shapes, hide_index=True, column_config={"Samples": WHOLE}, alt=", ".join(found.shapes), placeholder=""
        )
    malformed(found)
    with st.container(horizontal=True):
        st.download_button(
            "Table as CSV",
            frame.to_csv(index=False),
            "headroom-lengths.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Analysis as JSON",
            lambda: json.dumps(analysis_json(found, batch), indent=2),
            "headroom-data.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def malformed(found: Analysis) -> None:
    """The first rows that could not be read."""
    if not found.malformed:
        return
    more = f" The first {len(found.examples)} are shown." if found.malformed > len(found.examples) else ""
    said = (
        f"{found.malformed:,} {'row was' if found.malformed == 1 else 'rows were'} left out because"
        f" {'it' if found.malformed == 1 else 'they'} could not be read."
    )
    st.markdown(f"**{said}**{more}")
    frame = pd.DataFrame(
        [(one.number, one.reason, one.excerpt) for one in found.examples], columns=["Line", "Why", "How it begins"]
    )
    st.dataframe(frame, hide_index=True, alt=said, placeholder="")
