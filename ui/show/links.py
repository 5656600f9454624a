"""Links from one page to another that carry a question along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from ui.question.migrate import PARAMETER, VERSION


def to_page(path: str, label: str, query: Mapping[str, Any], icon: str = ":material/arrow_forward:") -> bool:
    """A link to a page of this app, for example `pages/fine_tune.py`, with its question in the address; nothing, and
    False, without such a page.

    The version in it says that it is a whole question: what it leaves out takes its default.
    """
    versioned = {key: str(value) for key, value in query.items()} | ({PARAMETER: str(VERSION)} if query else {})
    try:
        st.page_link(path, label=label, icon=icon, query_params=versioned)
    except StreamlitPageNotFoundError:
        return False
    return True
