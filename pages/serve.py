"""How many users fit?

For a serving engine the question turns round: what is left for the cache, and how many requests it holds.
"""

import streamlit as st

from planner.core.units import symbol
from planner.engines.info import info
from planner.searches.side_by_side import sides
from planner.searches.users import users
from ui import serve, serve_log
from ui.question import page, views
from ui.show.colours import VERDICTS, ground
from ui.show.derivations import derivation
from ui.show.tables import commands
from ui.show.text import plain
from ui.show.verdict import ways_out

answer = page.answered()
pool = answer.memory.pool

if info(answer.request.engine).serves and pool is not None:
    colour, icon = VERDICTS[answer.fit.verdict]
    st.header(f":{colour}[{icon}] {plain(serve.headline(answer))}", anchor=False)
    if answer.fit.runs and (answer.fit.verdict != "fits" or answer.request.batch > 1):
        st.markdown(f"**{plain(answer.fit.reason)}**")
    st.caption(plain(serve.counting(answer)))
    if answer.memory.note:
        st.caption(plain(answer.memory.note))
    ways_out(answer)
    serve.settings(answer)
else:
    st.header("How many users fit?", anchor=False)
    serve.choose_engine(answer)
    pool = None

names = (
    ["Users", "Budget", "Start it", "Side by side", "Read a log"]
    if pool is not None
    else ["Side by side", "Read a log"]
)
tabs = dict(views.tabs(names, f"serve_tab:{len(names)}"))

if "Users" in tabs:
    with tabs["Users"]:
        rows = users(answer.case)
        sentence = serve.users_sentence(rows, answer)
        st.markdown(f"**{plain(sentence)}**")
        if any(row.at_once for row in rows):
            chart = serve.users_chart(rows, answer, ground())
            st.plotly_chart(chart, key="users", theme=None, config={"displayModeBar": False}, alt=sentence)
        frame = serve.users_frame(rows)
        columns = {name: st.column_config.NumberColumn(format="localized") for name in frame.columns}
        st.dataframe(frame, hide_index=True, alt=sentence, column_config=columns, placeholder="")
        st.download_button(
            "Table as CSV",
            frame.to_csv(index=False),
            "headroom-users.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )

if "Budget" in tabs and pool is not None:
    with tabs["Budget"]:
        st.markdown(
            "**The cache gets what the engine's share of the card leaves after everything else; what lies outside that"
            " share can still run out.**"
        )
        frame = serve.budget_frame(answer)
        st.dataframe(
            frame,
            hide_index=True,
            alt="The budget term by term",
            column_config={symbol(): st.column_config.NumberColumn(format="%.2f")},
            placeholder="",
        )
        fullest = max(answer.memory.devices, key=lambda device: device.total.expected)
        derivation("How", [*fullest.weights.steps, *fullest.activation.steps, *pool.bytes.steps], "pool")
        st.caption("The Accuracy page sets this pool beside what engines have logged.")

if "Start it" in tabs:
    with tabs["Start it"]:
        if answer.memory.refusal:
            st.markdown(f"**It would stop at start-up:** {plain(answer.memory.refusal)}")
        commands(answer)

if "Side by side" in tabs:
    with tabs["Side by side"]:
        found = sides(answer)
        st.markdown("**The same model on three engines: they differ in what they allocate before the first token.**")
        frame = serve.sides_frame(found)
        st.dataframe(
            frame,
            hide_index=True,
            alt="Three engines side by side",
            column_config={
                name: st.column_config.NumberColumn(format="%.1f") for name in frame.columns if symbol() in name
            },
            placeholder="",
        )
        for side in found:
            st.markdown(f"**{plain(info(side.engine).title)}.** {plain(side.why)}")

if "Read a log" in tabs:
    with tabs["Read a log"]:
        serve_log.section(answer)
