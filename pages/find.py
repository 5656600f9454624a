"""What runs well on this hardware, and which hardware for this model? A row opens its plan."""

import streamlit as st

from planner.core.errors import PlanError
from planner.core.units import symbol
from ui import find
from ui.question import fields, here, page, streamlit_private, views
from ui.show.text import plain

streamlit_private.routed()
here.leave()
side = views.segments("Find", find.SIDES, "find", "models")
answer = page.answered() if side == "hardware" else None
try:
    request = find.request(answer, side)
    found = find.searched(request.model_dump_json(exclude_defaults=True))
except PlanError as error:
    fields.complain(error.field, str(error))
    st.header(":gray[:material/help:] What shall be found?", anchor=False)
    st.markdown(plain(str(error)))
    page.stop()
said = find.conclusion(found, side)
st.header(plain(said), anchor=False)
st.caption(plain(f"{find.assumed(request)} Choose a row to open its plan."))
if found.candidates:
    frame = find.frame(found, side)
    st.dataframe(
        frame,
        hide_index=True,
        key=find.TABLE,
        alt=said,
        placeholder="",
        column_config=find.COLUMNS | {f"Memory ({symbol()})": st.column_config.NumberColumn(format="%.1f")},
        selection_mode="single-row",
        on_select=lambda: find.open_row(found),
    )
    st.download_button(
        "Table as CSV",
        lambda: frame.to_csv(index=False),
        "headroom-find.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
st.caption(plain(find.left_out(found)))
st.caption(
    "Quality is the mean of what a model's makers published, in points above the mean of each benchmark; a model"
    " without scores gets an estimate from its size. Larger formats come first, and a row is left out only where"
    " another is as good in every figure and better in one."
)
