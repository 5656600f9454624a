"""All that reaches into Streamlit beyond its public API, each with the reason why, and with a test that it still holds.

Nothing else in `ui/`, `pages/` or `app.py` imports a module of Streamlit that it does not document.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

__all__ = ["StopException", "fragment_alone", "of_every_page", "routed", "stepped_back"]


def stepped_back() -> bool:
    """Whether the browser's back or forward button asked for this run: the address then says what is asked.

    After any other action in the page the address is older than the widgets, and only they count.
    """
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


def fragment_alone() -> bool:
    """Whether this run is of fragments alone, so that what stands outside them stays as it is."""
    context = get_script_run_ctx()
    return bool(context and context.fragment_ids_this_run)


def of_every_page() -> AbstractContextManager[None]:
    """Widgets drawn inside are the same on every page, whichever page draws them, so that none is built anew."""
    context = get_script_run_ctx()
    return context.run_with_active_hash(context.pages_manager.main_script_hash) if context else nullcontext()


def routed() -> None:
    """Hand over to the router, once, when the first visitor of a new server comes by a page's own address.

    Until `st.navigation` has run, Streamlit takes the folder `pages/` for an app without a router and runs the page's
    file alone.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
