"""How fast does it run?

The figures with their ranges, what limits them, what would help, and how many requests at once pay.
"""

import streamlit as st

from planner.performance.curve import curve, helps, knee, largest_within
from planner.performance.timing import Timing
from ui import speed
from ui.question import page, views
from ui.show.colours import ground
from ui.show.text import plain

answer = page.answered()
if not answer.architecture.generates:
    st.header(plain(speed.reading_sentence(answer)), anchor=False)
    speed.derivation("How", answer.speed.prefill_tokens_per_s.steps, "speed:reading")
    page.stop()
timing = Timing.of(answer.case, answer.memory)

st.header(plain(speed.sentence(answer)), anchor=False)
if answer.fit.verdict == "does_not_fit":
    st.warning(
        f"It does not fit as asked, so nothing runs at this speed yet. {plain(answer.fit.reason)}",
        icon=":material/cancel:",
    )
if answer.speed.extrapolated:
    st.info(plain(answer.speed.extrapolated), icon=":material/info:")
speed.figures(answer)

shown = dict(views.tabs(["Where the time goes", "Throughput and latency"], "speed_tab"))

if tab := shown.get("Where the time goes"):
    with tab:
        better = helps(timing)
        words = speed.spent_sentence(timing, better)
        st.markdown(f"**{plain(words)}**")
        frame = speed.spent_frame(timing)
        st.plotly_chart(
            speed.spent_chart(frame, ground()), key="spent", theme=None, config={"displayModeBar": False}, alt=words
        )
        st.dataframe(
            frame,
            hide_index=True,
            alt=words,
            column_config={name: st.column_config.NumberColumn(format="%.3g") for name in frame.columns[2:]},
            placeholder="",
        )
        if better:
            st.markdown("**What would help**")
            st.markdown("\n".join(f"- {plain(one.name)}: {one.factor:.2f} times as fast" for one in better))
        st.download_button(
            "Table as CSV",
            frame.to_csv(index=False),
            "headroom-step.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )

if tab := shown.get("Throughput and latency"):
    with tab:
        most = max(answer.capacity.max_batch, 1)
        points = curve(timing, most)
        best = knee(points)
        words = speed.curve_sentence(points, best)
        st.markdown(f"**{plain(words)}**")
        limit = views.number("Time per token that you can accept (ms)", 1.0, 10_000.0, 50.0, "time_per_token_ms")
        within = largest_within(timing, most, limit / 1e3)
        st.markdown(
            f"At most **{within:,}** requests at once get a token every {limit:,.0f} ms."
            if within
            else f"Not even one request gets a token every {limit:,.0f} ms."
        )
        st.plotly_chart(
            speed.curve_chart(points, best, limit, ground()),
            key="curve",
            theme=None,
            config={"displayModeBar": False},
            alt=words,
        )
        st.caption(
            "The knee is where throughput over time per token is largest: beyond it every request waits longer than the"
            " machine gains."
        )
        frame = speed.curve_frame(points)
        st.dataframe(
            frame,
            hide_index=True,
            alt=words,
            column_config={name: st.column_config.NumberColumn(format="%.4g") for name in frame.columns[1:]},
            placeholder="",
        )
        st.download_button(
            "Curve as CSV",
            frame.to_csv(index=False),
            "headroom-curve.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
