"""What do the guides say, and what is right? Five ready plans with their text, their claims and their tables."""

import streamlit as st

from planner.core.errors import PlanError
from planner.scenarios import scenario
from ui import scenarios
from ui.question import streamlit_private
from ui.show.text import plain

streamlit_private.routed()
chosen = scenarios.chosen()
try:
    one = scenario(chosen) if chosen else None
except PlanError as error:
    st.warning(plain(str(error)), icon=":material/error:")
    one = None
if one:
    scenarios.page(one)
else:
    st.header("Questions that guides answer by rules of thumb", anchor=False)
    st.markdown(
        "Each is a ready plan: what is usually said, what the planner finds, and why. Every figure beside a claim is"
        " computed when you read it."
    )
    scenarios.gallery()
