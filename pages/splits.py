"""How should the model lie over the GPUs? The split as it is, and the other ways for 1, 2, 4 and 8 of them."""

import streamlit as st

from planner.performance.timing import Timing
from planner.searches.splits import COUNTS, choices, proposed, rate_of, together
from ui import splits
from ui.question import page
from ui.question.form import PLAN
from ui.show.colours import ground
from ui.show.text import plain

answer = page.answered()
timing = Timing.of(answer.case, answer.memory)
request, have = answer.request, len(answer.case.gpus)

st.header(plain(splits.conclusion(timing)), anchor=False)
if answer.fit.verdict == "does_not_fit":
    st.warning(f"It does not fit as asked. {plain(answer.fit.reason)}", icon=":material/cancel:")
elif not answer.fit.enough:
    st.warning(plain(answer.fit.reason), icon=":material/error:")
st.graphviz_chart(splits.picture(timing, ground()), width="content")
st.caption(
    "Each box holds its layers and takes its time for one token; the arrows are what joins the devices. A bridge"
    " between PCIe cards is not assumed."
)

if not have:
    st.info("Without a GPU there is nothing to cut. Add one in the form.", icon=":material/info:")
    page.stop()

best, reason = proposed(request, have, tuple(sorted({*COUNTS, have})))
st.subheader("Which split to take", anchor=False)
st.markdown(f"**{plain(reason)}**")
same = (
    best is not None
    and best.count == have
    and abs(best.rate(together(request)) / max(rate_of(answer, together(request)), 1e-9) - 1) < 0.001
)
if best is not None and not same:
    st.button("Take this split", on_click=PLAN.change, args=(request, best.change), icon=":material/check:")

st.subheader("Side by side", anchor=False)
found = [choice for n in COUNTS for choice in choices(request, n)]
wanted = together(request)
able = [choice for choice in found if choice.runs]
fastest = max(able, key=lambda choice: choice.rate(wanted), default=None)
goal = f"together for {request.batch:,} requests" if wanted else "for one stream"
words = (
    f"Of all ways over up to {COUNTS[-1]}x {answer.case.gpus[0].name}, {fastest.title} over {fastest.count} is the"
    f" fastest {goal}."
    if fastest
    else f"None of the ways over up to {COUNTS[-1]}x {answer.case.gpus[0].name} runs."
)
st.markdown(f"**{plain(words)}**")
if able:
    st.plotly_chart(
        splits.chart(found, wanted, ground()), key="splits", theme=None, config={"displayModeBar": False}, alt=words
    )
table = splits.frame(found)
numbers = {name: st.column_config.NumberColumn(format="%.4g") for name in table.columns if "(" in name}
numbers |= {"Verdict": st.column_config.TextColumn(width=150), "Reason": st.column_config.TextColumn(width="large")}
st.dataframe(table, hide_index=True, alt=words, column_config=numbers, placeholder="")
st.download_button(
    "Table as CSV",
    table.to_csv(index=False),
    "headroom-splits.csv",
    "text/csv",
    icon=":material/download:",
    on_click="ignore",
)
