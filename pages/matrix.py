"""Which models fit which cards? Every combination at once; a cell opens its plan."""

import streamlit as st

from planner.core.units import symbol
from planner.engines.info import info
from ui import matrix
from ui.question import here, page, views
from ui.show.text import plain

here.leave()
answer = page.answered()
request = answer.request
st.header("What fits where?", anchor=False)
models, formats, names, (number,) = matrix.chosen(request)
shows = views.segments("Show", matrix.SHOWS, "matrix_show", "batch")
found, cards = matrix.table(request, models, formats, names, number)
rows = found.rows
said = matrix.conclusion(found, cards, number)
st.markdown(f"**{plain(said)}**")
st.caption(
    f"{info(request.engine).title}, {request.context:,} tokens each, batch {request.batch:,}."
    f" {matrix.meaning(request.engine)} Choose a cell to open its plan."
)
if shows == "speed":
    st.caption(
        "Expected tokens/s of one sequence while it decodes, everything on the cards; a cell's own plan has the range"
        " and the arithmetic."
    )
frame = matrix.frame(request, found, cards, shows)
numbers = {
    name: st.column_config.NumberColumn(format="%.1f") for name in frame.columns if frame[name].dtype.kind == "f"
}
st.dataframe(
    matrix.tinted(frame, found, cards),
    hide_index=True,
    key="matrix_table",
    height=560,
    alt=said,
    column_config=numbers,
    selection_mode="single-cell",
    on_select=lambda: matrix.open_cell(rows, cards, "matrix_table"),
    placeholder="",
)
st.download_button(
    "Table as CSV",
    lambda: frame.to_csv(index=False),
    "headroom-matrix.csv",
    "text/csv",
    icon=":material/download:",
    on_click="ignore",
)
best = matrix.largest(found, cards)
st.markdown("**The largest model of these on each card**")
st.dataframe(
    best,
    hide_index=True,
    alt=said,
    column_config={f"Usable ({symbol()})": st.column_config.NumberColumn(format="%.1f")},
    placeholder="",
)
refused = {row.refusal for row in rows if row.refusal}
if refused:
    st.caption(
        plain(f"{sum(bool(row.refusal) for row in rows):,} rows have no plan, for example: {sorted(refused)[0]}")
    )
