"""The router: which pages there are. Start it with `streamlit run app.py`."""

import streamlit as st

st.set_page_config(page_title="Headroom", page_icon=":material/memory:", layout="wide", initial_sidebar_state=340)

PAGES = [
    st.Page("pages/plan.py", title="Plan", icon=":material/straighten:", default=True),
    st.Page("pages/my_gpus.py", title="My GPUs", icon=":material/developer_board:"),
    st.Page("pages/serve.py", title="Serve", icon=":material/groups:"),
    st.Page("pages/accuracy.py", title="Accuracy", icon=":material/target:"),
    st.Page("pages/data.py", title="Your data", icon=":material/bar_chart:"),
    st.Page("pages/scenarios.py", title="Scenarios", icon=":material/menu_book:"),
]
st.navigation(PAGES, position="top").run()
