"""What every page begins with: the question from the sidebar, and its answer, or one sentence and examples to begin with."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from planner.errors import PlanError
from planner.plan import Plan, plan
from ui import share
from ui.models import upload, with_config
from ui.sidebar import complain, sidebar
from ui.text import plain


def routed() -> None:
    """Hand over to the router, once, when the first visitor of a new server comes by a page's own address.

    Until `st.navigation` has run, Streamlit takes the folder `pages/` for an app without a router and runs the page's file alone.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def answered() -> Plan:
    """The answer to the question that the sidebar and the link spell; a question without an answer ends the page with its reason."""
    routed()
    places = sidebar()
    try:
        file = upload()
        return plan(with_config(share.read(file[1] if file else None)))
    except PlanError as error:
        complain(places, error.field, str(error))
        st.header(":gray[:material/help:] What would you like to run?", anchor=False)
        st.markdown(plain(str(error)))
        share.examples()
        st.stop()
