"""How far can these figures be trusted?

Every bundled measurement beside its prediction, and the errors of every fit.
"""

import streamlit as st

from planner.calibrate import report
from planner.calibrate.validate import (
    FIGURES,
    comparisons,
    comparisons_of,
    figures_measured,
    records,
    standing_sentence,
    standings,
    summaries,
)
from ui import accuracy
from ui.question import streamlit_private, views
from ui.show.colours import ground
from ui.show.text import plain

PERCENT = st.column_config.NumberColumn(format="%.2f")

streamlit_private.routed()
st.header("How far can you trust these figures?", anchor=False)
sources = {record["source"] for record in records()}
st.markdown(
    f"{len(records()):,} published runs from {len(sources):,} sources are planned here as if nothing were known of"
    " them, and what was measured stands beside what is predicted. A prediction never reads a measurement:"
    " coefficients come from the fits in the last tab."
)

titles = {accuracy.named(kind, figure): (kind, figure) for kind, figure in figures_measured()}
first = next((title for title, (_, figure) in titles.items() if figure == "pool_bytes"), next(iter(titles)))
chosen = views.one("Figure", {title: title for title in titles}, "figure", first)
kind, figure = titles[chosen]
unit = FIGURES[figure].unit
with st.spinner("Planning every measured run of this kind", show_time=False):
    shown = [one for one in comparisons_of(kind) if one.figure == figure]
    (row,) = summaries(shown)
sentence = accuracy.conclusion(row)
exact = " ".join(standing_sentence(name, counts) for name, counts in standings(shown).items())
tabs = dict(views.tabs(["Chart", "Runs", "All figures", "Fits"], "accuracy_tab"))

if tab := tabs.get("Chart"):
    with tab:
        st.markdown(f"**{plain(sentence)}**")
        if exact:
            st.caption(plain(exact))
        if unit:
            event = st.plotly_chart(
                accuracy.scatter(shown, unit, ground()),
                key=f"scatter:{chosen}",
                theme=None,
                on_select="rerun",
                selection_mode="points",
                config={"displayModeBar": False},
                alt=sentence,
            )
            picked = [point["customdata"][0] for point in event["selection"]["points"] if point.get("customdata")]
        else:
            picked = []
        if picked and 0 <= int(picked[0]) < len(shown):
            accuracy.explain(shown[int(picked[0])])
        else:
            worst = max(shown, key=lambda one: abs(one.error))
            st.caption(
                "Click on a point to see its run and the arithmetic. Until then, the run that is predicted worst:"
                if unit
                else "Predicted worst:"
            )
            accuracy.explain(worst)

if tab := tabs.get("Runs"):
    with tab:
        st.markdown(f"**{plain(sentence)}**")
        frame = accuracy.records_frame(shown)
        st.dataframe(
            frame,
            hide_index=True,
            alt=sentence,
            column_config={"Source": st.column_config.LinkColumn(display_text="open"), "Error (%)": PERCENT},
            placeholder="",
        )
        st.download_button(
            "Runs as CSV",
            frame.to_csv(index=False),
            "headroom-accuracy.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )

if tab := tabs.get("All figures"):
    with tab:
        st.markdown(
            "**Errors are relative to what was measured; a figure without a range is exact by construction, and differs"
            " by how it was printed.**"
        )
        with st.spinner("Planning every measured run", show_time=False):
            frame = accuracy.summary_frame(summaries(comparisons()))
        st.dataframe(
            frame,
            hide_index=True,
            alt="Errors of every figure",
            column_config={name: PERCENT for name in frame.columns if "%" in name},
            placeholder="",
        )
        st.download_button(
            "Errors as CSV",
            frame.to_csv(index=False),
            "headroom-errors.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )

if tab := tabs.get("Fits"):
    with tab:
        st.markdown(
            "**Where a coefficient is fitted, its error on sources that the fit has not seen is the one to expect.**"
        )
        with st.spinner("Fitting with each source left out", show_time=False):
            frame = accuracy.fit_frame(report.fits())
        numbers = {name: st.column_config.NumberColumn(format="%.3f") for name in frame.columns if "," in name}
        st.dataframe(frame, hide_index=True, alt="Errors of every fit", column_config=numbers, placeholder="")
        st.download_button(
            "Fits as CSV",
            frame.to_csv(index=False),
            "headroom-fits.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
