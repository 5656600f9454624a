"""Links from one page to another that carry a question along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent


def to_page(path: str, label: str, query: Mapping[str, Any], icon: str = ":material/arrow_forward:") -> None:
    """A link to a page of this app, for example `pages/fine_tune.py`, with its question in the address; nothing where there is no such page."""
    if (ROOT / path).exists():
        st.page_link(path, label=label, icon=icon, query_params={key: str(value) for key, value in query.items()})
