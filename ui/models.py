"""Where the page's model comes from: the catalogue, the Hugging Face Hub, or a file that the visitor uploads.

A link may name any model but never a path: nothing that arrives in an address is read from this machine's disk.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from planner import catalog
from planner.errors import PlanError
from planner.request import PlanRequest
from planner.sources import from_hub, parse_config

OFFLINE = " Or upload its config.json, under the model's name."


def upload() -> tuple[str, dict[str, Any]] | None:
    """The uploaded config with its file's name, or None.

    Raises:
        PlanError: when the file is no config.
    """
    file = st.session_state.get("upload")
    return None if file is None else (file.name, parse_config(file.getvalue(), "The file"))


def with_config(request: PlanRequest) -> PlanRequest:
    """The request with its config fetched from the Hub when only the Hub knows the model.

    Raises:
        PlanError: when the name means nothing, or the Hub does not answer.
    """
    name = request.model or ""
    if request.config is not None or catalog.lookup(name) or "/" not in name:
        return request
    try:
        repo, config = _fetched(name)
    except PlanError as error:
        raise PlanError(f"{error}{OFFLINE if 'config.json' not in str(error) else ''}", "model") from None
    return request.model_copy(update={"model": repo, "config": config})


@st.cache_data(ttl=3_600, max_entries=256, show_spinner="Asking the Hugging Face Hub for its config …")
def _fetched(name: str) -> tuple[str, dict[str, Any]]:
    return from_hub(name)
