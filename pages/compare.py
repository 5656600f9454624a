"""Which of these is better? Up to four plans side by side, in one link."""

import streamlit as st

from planner.core.errors import PlanError
from ui import compare
from ui.question import page
from ui.show.text import plain

answer = page.answered()
st.header("Side by side", anchor=False)
pinned = compare.pins()
st.button(
    "Pin the plan of the form",
    on_click=compare.pin,
    icon=":material/push_pin:",
    type="primary",
    help="The oldest goes when there are four.",
)
plans, refused = [], []
for index, text in enumerate(pinned):
    try:
        plans.append((index, compare.answer(text)))
    except PlanError as error:
        refused.append((index, str(error)))
for index, sentence in refused:
    st.warning(plain(f"Pin {index + 1} has no plan any more: {sentence}"), icon=":material/error:")
    st.button(
        "Remove it",
        key=f"unpin:{index}",
        on_click=compare.unpin,
        args=(index,),
        type="tertiary",
        icon=":material/close:",
    )
shown = [one for _, one in plans] or [answer]
if not plans:
    st.caption(
        "Nothing is pinned yet. Pin this plan, change the form, and pin again: the address then holds the whole"
        " comparison."
    )
said = compare.conclusion(shown)
st.markdown(f"**{plain(said)}**")
frame = compare.table(shown)
st.dataframe(frame, hide_index=True, alt=said, height="content", placeholder="")
columns = st.columns(max(len(plans), 1))
for column, (index, one) in zip(columns, plans, strict=False):
    with column:
        st.caption(plain(f"{index + 1}. {compare.title(one)}"))
        st.button(
            "Open", key=f"open:{index}", on_click=compare.reopen, args=(pinned[index],), icon=":material/arrow_back:"
        )
        st.button("Remove", key=f"unpin:{index}", on_click=compare.unpin, args=(index,), icon=":material/close:")
st.download_button(
    "Comparison as CSV",
    frame.to_csv(index=False),
    "headroom-comparison.csv",
    "text/csv",
    icon=":material/download:",
    on_click="ignore",
)
compare.keep()
