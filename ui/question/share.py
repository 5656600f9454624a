"""One question for all pages, spelled by the address:

`st.session_state[field]` is a field's value, whether this page has a widget for it or not.

Widgets are bound to the address by Streamlit, which takes a page's own widgets out of it when another page opens;
`keep` then writes their fields back, so that the address of every page is the whole question. A link comes from
anywhere: on arrival every parameter is tried by itself, and one that is no value is left out and its sentence shown at
the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from math import isfinite
from typing import Any, TypeVar
from urllib.parse import urlencode

import streamlit as st
from pydantic.fields import FieldInfo
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from planner.core.errors import PlanError
from planner.engines.info import info
from planner.request import PlanRequest, Question, SystemSpec
from ui.question import history, migrate
from ui.question.engines import only_others_cache, only_others_run

Asked = TypeVar("Asked", bound=Question)

KINDS: tuple[type[Question], ...] = (PlanRequest,)
"""The questions that pages ask; a field that several have is one field."""

EXAMPLE = {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-4090"}
"""The question that an address without one opens with; it is written into the address, so that a link never depends on
it.
"""

HINT = (
    "This is an example. Choose your own model, format and GPUs in the sidebar; on a phone it opens with » at the top."
)
"""For a first visit; it goes away by itself."""

SHARED_LENGTH = 60

LAST = "asked_last"
"""The model and GPUs of the last question, whichever page asked it: a page with a question of its own begins with them.
"""


@cache
def fields() -> dict[str, FieldInfo]:
    """Every field that a link may carry; those of the system stand beside the others, as `ram_gib=128`."""
    found: dict[str, FieldInfo] = {}
    for kind in KINDS:
        found |= kind.model_fields
    return {key: info for key, info in found.items() if key != "system"} | SystemSpec.model_fields


@cache
def number_type(field: str) -> type[int] | type[float] | None:
    """Whether a field is a whole number, a number, or something that is kept as the link's text."""
    words = str(fields()[field].annotation)
    if "int" in words or "float" in words:
        return None if "tuple" in words or "dict" in words else int if "int" in words else float
    return None


def typed(field: str, text: str) -> Any:
    """A link's text as the value that `st.session_state` holds: a number, or the text itself.

    Raises:
        PlanError: when the field cannot have this value.
    """
    kind = next((kind for kind in KINDS if field in kind.model_fields), None)
    if kind:
        value = getattr(kind.from_query({"model": "-", field: text}), field)
    else:
        value = getattr(
            PlanRequest.from_query({"model": "-", "system": json.dumps({field: _system(field, text)})}).system, field
        )
    number = number_type(field)
    return (None if value is None else number(value)) if number else text


def _system(field: str, text: str) -> Any:
    if not number_type(field):
        return text
    try:
        return float(text)
    except ValueError:
        raise PlanError(
            f"The link's {field} is {text[:40]!r}, which is no number; correct it or remove it.", field
        ) from None


def arrive(page: str) -> None:
    """Judge the link when a session begins, when another page links here with a question, and when the back button
    brings one.

    Without a link a session begins with the example.
    """
    state = st.session_state
    first, moved, back = (
        "complaints" not in state,
        state.get("page") != page,
        getattr(get_script_run_ctx(), "is_history_navigation", False),
    )
    kept: dict[str, str] = state.get("kept", {}) if state.pop("own", False) else question()
    state["page"] = page
    state.setdefault("complaints", {})
    raw = st.query_params.to_dict()
    whole = migrate.PARAMETER in raw and len(raw) > 1  # a link of ours, not what Streamlit leaves of the page before
    state["remark"] = migrate.remark(raw)
    for key in raw:
        if key == migrate.PARAMETER or key in migrate.FIELDS:
            del st.query_params[key]
    link = _flat({key: value for key, value in migrate.migrated(raw).items() if key in fields() or key == "system"})
    if first:
        _take(link or state.get(LAST) or EXAMPLE)
        if not link:
            st.toast(HINT, icon=":material/arrow_back:", duration="long")
    elif back and "model" in link:
        _clear()
        _take(link)
    elif back:  # to the bare address, or from a page whose own widgets took the model along: the widgets must not follow to an empty question
        state["bare"] = kept | link
        st.rerun()
    elif (
        moved
        and link
        and (any(kept.get(key) != text for key, text in link.items()) or (whole and link.keys() != kept.keys()))
    ):
        _clear()
        _take(link)
    elif moved and kept != question():  # a page with a question of its own has used the same fields
        replace(kept)
    elif "bare" in state:
        replace(state["bare"])
    keep()


def finite() -> None:
    """Leave out a page's own numbers that have no end before any widget sees the address:

    Streamlit's own reading of them ends in a traceback.
    """
    endless = set()
    for key, text in st.query_params.to_dict().items():
        try:
            if key not in fields() and not isfinite(float(text)):
                endless.add(key)
        except ValueError:
            continue
    _strike(endless)


def _strike(keys: set[str]) -> None:
    """Take parameters out of the address, and begin again: widgets have their values from the address that a run began
    with.
    """
    for key in keys:
        unless_bound(key, None)
    if keys - st.query_params.to_dict().keys():
        st.rerun()


def correct(values: Mapping[str, str]) -> None:
    """Write into the address what a link's values were taken for, and begin again, as `_strike` does; those of widgets
    that stand already follow by themselves.
    """
    shown = st.query_params.to_dict()
    for key in values.keys() & shown.keys():
        unless_bound(key, values[key])
    if st.query_params.to_dict() != shown:
        st.rerun()


def depart() -> None:
    """At the end of a run that completed a bare address: once the widgets of the page that is left are gone, tell the
    browser the address again.
    """
    state = st.session_state
    if state.pop("told", False):
        st.query_params[migrate.PARAMETER] = str(migrate.VERSION)
        del st.query_params[migrate.PARAMETER]
    if state.pop("bare", None) is not None:
        state["told"] = True
        st.rerun()


def _clear() -> None:
    for key in fields():
        if key in st.session_state:
            put(key, None)


def _take(link: dict[str, str]) -> None:
    """Put every value of the link where the widgets and `read` find it, and keep a sentence about each that is none."""
    st.session_state["complaints"] = {}
    st.session_state["arrived"] = {}
    st.session_state["linked"] = dict(link)
    empty = {key for key, text in link.items() if not text.strip() and key != "gpus"}
    for key in (key for key in link if key not in empty):
        try:
            st.session_state[key] = st.session_state["arrived"][key] = typed(key, link[key])
        except PlanError as error:
            # No GPU at all would be an answer about another machine: the text stays, and the plan says
            # what is wrong with it.
            if key == "gpus":
                st.session_state[key] = link[key]
            else:
                st.session_state["complaints"][key] = str(error)
    _agree()
    _strike((empty | st.session_state["complaints"].keys()) & st.query_params.to_dict().keys())


def _agree() -> None:
    """A format or a cache type that the link's engine does not run takes the engine's own, with a sentence at its
    field: nothing else of the link is lost.
    """
    state = st.session_state
    for field, of_others in (("quantization", only_others_run), ("kv_cache_dtype", only_others_cache)):
        engine, asked = state.get("engine") or default("engine"), str(state.get(field) or "")
        if asked and of_others(engine, asked):
            said = (
                f"{info(engine).title} does not run {asked[:40]!r}"
                if field == "quantization"
                else f"{info(engine).title} has no cache of type {asked[:20]!r}"
            )
            state["complaints"][field] = f"{said}."
            state["arrived"].pop(field, None)
            put(field, None)


def _flat(link: dict[str, str]) -> dict[str, str]:
    """The link with the system's fields beside the others, also when they came as one JSON object."""
    text = link.pop("system", None)
    if text is None:
        return link
    st.query_params.pop("system", None)
    try:
        system = json.loads(text)
        return {
            key: str(value) for key, value in system.items() if key in SystemSpec.model_fields and value is not None
        } | link
    except (ValueError, RecursionError, AttributeError):
        return link | {"ram_gib": text}


def remember(query: Mapping[str, Any]) -> None:
    """Keep the model and the GPUs of a question for the pages that have another one."""
    if query.get("model"):
        st.session_state[LAST] = {key: query.get(key) or "" for key in ("model", "gpus")}


def not_taken() -> dict[str, str]:
    """Once the widgets have read the link: fields whose widget could not take the link's value, with a sentence."""
    arrived = st.session_state.pop("arrived", {})
    return {
        key: f"The link's {key} {str(wanted)[:SHARED_LENGTH]!r} is not among what this field takes."
        for key, wanted in arrived.items()
        if (st.session_state.get(key) or "") != (wanted or "")
    }


def linked(field: str | None) -> bool:
    """Whether a field still has the value that a link brought, beside others that it brought."""
    brought = st.session_state.get("linked", {})
    return len(brought) > 1 and field in brought and brought[field] == question().get(field)


def keep() -> None:
    """Write the fields into the address that no widget of this page writes."""
    query, shown = question(), st.query_params.to_dict()
    wanted = {key: text for key, text in query.items() if shown.get(key) != text}
    try:
        if wanted:
            st.query_params.update(wanted)
    except StreamlitAPIException:  # some of them are bound
        for key, text in wanted.items():
            unless_bound(key, text)
    for key in shown:
        if key in fields() and key not in query:
            unless_bound(key, None)


def tell(place: str) -> None:
    """At the end of a run: the browser's address is the whole question, whatever Streamlit wrote into it."""
    history.tell(place, question(), fields())


def unless_bound(key: str, text: str | None) -> None:
    """Set or remove a parameter; a widget that is bound to it does that itself, and Streamlit refuses."""
    try:
        if text is None:
            del st.query_params[key]
        else:
            st.query_params[key] = text
    except (KeyError, StreamlitAPIException):
        pass


def question() -> dict[str, str]:
    """The whole question as the parameters of a link: fields that were never set, or are set to nothing, are
    left out.
    """
    held = st.session_state.to_dict()  # one look: asking for each of some sixty fields costs as much as a plan
    return {key: _text(held[key]) for key in fields() if held.get(key) not in (None, "", default(key))}


def address() -> str:
    """The link of this page: as the address bar has it, and the version of its spelling."""
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(question() | {migrate.PARAMETER: str(migrate.VERSION)})}"


def _text(value: Any) -> str:
    return (
        f"{value:.12g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
    )


def read(kind: type[Asked], file: tuple[str, dict[str, Any]] | None = None) -> Asked:
    """The question, as one kind of request reads it; a file that was uploaded, its name and its config, stands for the
    model.

    Raises:
        PlanError: when something in it is no value, or two fields contradict each other.
    """
    query = question()
    system = {key: _system(key, query[key]) for key in SystemSpec.model_fields if key in query}
    nested = {"system": json.dumps(system)} if system else {}
    named = {"model": file[0]} if file else {}
    asked = kind.from_query(
        {**{key: text for key, text in query.items() if key in kind.model_fields}, **named, **nested}
    )
    return asked.model_copy(update={"config": file[1]}) if file else asked


def change(request: Question, changes: dict[str, Any]) -> None:
    """Set some fields of the question: what a button does when it is clicked.

    The widgets follow, and so does the link.
    """
    query = _flat_query(request.changed(**changes))
    for key in changes:
        for field in SystemSpec.model_fields if key == "system" else (key,):
            put(field, query.get(field))
    st.session_state["complaints"] = {}


def put(field: str, text: str | None) -> None:
    """Set one field from its text in a link; None sets its default."""
    st.session_state[field] = default(field) if text is None else typed(field, text)


@cache
def default(field: str) -> Any:
    """The default as `st.session_state` holds it: a number, a text, or None."""
    value = fields()[field].default
    return value if value is None or number_type(field) else "" if value == () else _text(value)


def replace(query: dict[str, str]) -> None:
    """Ask another question altogether: every field that the link does not name takes its default."""
    for field in fields():
        if field in query or field in st.session_state:
            put(field, query.get(field))
    st.session_state["complaints"] = {}


def _flat_query(request: Question) -> dict[str, str]:
    query = request.to_query()
    system = json.loads(query.pop("system", "{}"))
    return query | {key: str(value) for key, value in system.items()}


EXAMPLES = {
    "Llama 3 70B on an RTX 4090": EXAMPLE,
    "Qwen3 30B A3B on a 16 GB card": {
        "model": "Qwen/Qwen3-30B-A3B",
        "quantization": "Q4_K_M",
        "gpus": "rtx-4060-ti-16gb",
    },
    "Llama 3.1 8B without a GPU": {"model": "meta-llama/Llama-3.1-8B-Instruct", "quantization": "Q4_K_M", "gpus": ""},
}


def examples() -> None:
    """Questions to begin with."""
    with st.container(horizontal=True):
        for title, query in EXAMPLES.items():
            st.button(title, on_click=replace, args=(query,), icon=":material/arrow_forward:")
