"""Can this hardware run this model? The question in the sidebar, and the answer: verdict, figures, memory, ways out."""

import streamlit as st

from planner.errors import PlanError
from planner.plan import plan
from ui import share
from ui.models import upload, with_config
from ui.sidebar import complain, sidebar
from ui.text import plain

places = sidebar()
try:
    file = upload()
    answer = plan(with_config(share.read(file[1] if file else None)))
except PlanError as error:
    complain(places, error.field, str(error))
    st.info(plain(str(error)))
    st.stop()
st.subheader(plain(answer.fit.reason))
