"""Where the page's model comes from: the catalogue, the Hugging Face Hub, or a file that the visitor uploads.

A link may name any model but never a path: nothing that arrives in an address is read from this machine's disk. A token
is
used for the one call it was typed for: it is in no link, no cache and no log, and the field is empty again after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from planner.core.errors import PlanError
from planner.weight_files.sources import AnyQuestion, asked_of_hub, from_hub, parse_upload
from ui.show.text import plain

HUB_ID = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?")
OFFLINE = " Or upload its config.json, under the model's name."
HEADER_HINT = "Of a GGUF its first 20 MB are enough, for example `head -c 20M model.gguf > header.gguf`."


def other_sources() -> None:
    """A config or a weight file's header from the visitor's disk, or a private model from the Hub."""
    with st.popover("Use a file or a private model", icon=":material/upload_file:", type="tertiary"):
        st.file_uploader(
            "config.json, or a .gguf", type=["json", "gguf"], key=_key(), max_upload_size=32, help=HEADER_HINT
        )
        st.caption(
            "It is read here and kept nowhere, so it cannot travel in a link: whoever opens yours must upload it too."
        )
        st.text_input(
            "Token for a gated or private model", type="password", key="hub_token", autocomplete="off", max_chars=500
        )
        st.button(
            "Fetch its config",
            key="fetch",
            on_click=_fetch_once,
            disabled=not st.session_state.get("model"),
            icon=":material/key:",
        )
        if said := st.session_state.get("fetch_said"):
            st.caption(plain(said))
    if file := uploaded():
        st.info(
            plain(f"{file.name} stands for the model; whatever is chosen above waits."), icon=":material/upload_file:"
        )
        st.button("Leave the file", on_click=leave, icon=":material/close:")


def _key() -> str:
    """The uploader's: another after each file that was left, because Streamlit lets nobody else empty one."""
    return f"upload{st.session_state.get('files_left') or ''}"


def uploaded() -> Any:
    """The visitor's file, which stands for the model; None without one."""
    return st.session_state.get(_key())


def leave() -> None:
    """Go back to the model that is chosen by name."""
    st.session_state["files_left"] = st.session_state.get("files_left", 0) + 1


def named(file: str, config: Mapping[str, Any]) -> str:
    """What an uploaded model is called: by its config, where that holds a name and no path, else by its file."""
    own = config.get("_name_or_path")
    if isinstance(own, str) and HUB_ID.fullmatch(own):
        return own
    return PurePosixPath(file).stem if PurePosixPath(file).stem.lower() != "config" else "your config.json"


def upload() -> tuple[str, dict[str, Any]] | None:
    """The uploaded model as a config, with its name, or None.

    Raises:
        PlanError: when the file is neither a config nor a weight file's header.
    """
    file = uploaded()
    if file is None:
        st.session_state.pop("uploaded", None)
        return None
    kept = st.session_state.get("uploaded")
    # A header holds a vocabulary of megabytes: read once, not at every rerun.
    if kept is None or kept[0] != file.file_id:
        kept = st.session_state["uploaded"] = (file.file_id, parse_upload(file.getvalue(), file.name))
    return named(file.name, kept[1]), kept[1]


def with_config(request: AnyQuestion) -> AnyQuestion:
    """The request with its config fetched from the Hub when only the Hub knows the model, or knows a copy of it
    exactly.

    Raises:
        PlanError: when the name means nothing, or the Hub does not answer.
    """
    private = st.session_state.get("private", {})
    try:
        return asked_of_hub(request, lambda name, quantization: private.get(name) or _fetched(name, quantization))
    except PlanError as error:
        raise PlanError(f"{error}{OFFLINE if 'config.json' not in str(error) else ''}", "model") from None


@st.cache_data(ttl=3_600, max_entries=256, show_spinner="Asking the Hugging Face Hub for its config …")
def _fetched(name: str, quantization: str) -> tuple[str, dict[str, Any]]:
    return from_hub(name, quantization=quantization)


def _fetch_once() -> None:
    """Ask the Hub with the typed token, and keep what it opened for this visitor alone."""
    state = st.session_state
    token, name = state.get("hub_token") or "", state.get("model") or ""
    state["hub_token"] = ""
    try:
        state["private"] = {
            **state.get("private", {}),
            name: from_hub(name, token or None, state.get("quantization", "auto")),
        }
        state["fetch_said"] = f"The config of {name} is here for as long as this page is open."
    except PlanError as error:
        state["fetch_said"] = str(error)
