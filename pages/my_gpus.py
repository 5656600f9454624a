"""What is free on this machine's GPUs now, and is the prediction right?

Live cards, a running program beside its plan, the fleet.
"""

import streamlit as st

from ui import fleet, live, measured, visitor_gpu
from ui.question import here, page, streamlit_private

RATES = {1: "1 s", 2: "2 s", 5: "5 s"}

streamlit_private.routed()
here.leave()
st.header("My GPUs", anchor=False)
own, visitor = st.tabs(["The machine that runs Headroom", "The computer in front of you"])
with own:
    if here.allowed():
        st.caption(
            "These are the GPUs of the machine that Headroom runs on: of the server, when you came over a network."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.button(
                "Plan on what is free now",
                on_click=here.plan_here,
                args=(True,),
                type="primary",
                icon=":material/straighten:",
                key="plan_free",
            )
            st.button(
                "Plan on the whole machine",
                on_click=here.plan_here,
                args=(False,),
                icon=":material/straighten:",
                key="plan_whole",
            )
            rate = st.segmented_control(
                "Read every", list(RATES), default=2, format_func=RATES.__getitem__, key="rate", required=True
            )
            paused = st.toggle("Pause", key="paused")
        every = float(rate or 2)
        st.fragment(live.cards, run_every=None if paused else every)(every / 2)
    else:
        st.info(here.HIDDEN, icon=":material/visibility_off:")
with visitor:
    visitor_gpu.suggestion()

answer = page.answered()
if here.allowed():
    measured.section(answer)
    fleet.listing(answer)
