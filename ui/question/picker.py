"""The model by name: titles as people call them, the most used first, and any other name, which becomes its model's id
with a word on what it was taken for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import streamlit as st

from planner import catalog
from planner.catalog.taken import LITERALLY, Taken
from planner.core.errors import PlanError
from planner.quantization.spelling import known
from planner.request import PlanRequest
from planner.resolve import canonical, runs
from planner.training import named as training
from planner.training.request import TrainRequest
from ui.question.form import PLAN, Form
from ui.question.models import with_config
from ui.show.text import plain

TAKEN, TYPED = "model_taken", "model_typed"
FORMAT = ("quantization", "engine")
USUAL = {"quantization": "auto", "engine": "llama.cpp"}

Question = Callable[[Mapping[str, str]], tuple[Mapping[str, str], Taken]]
"""From fields of a question to those that the name in it means, and what it was taken for."""


@cache
def titles() -> dict[str, str]:
    """What each bundled model is called, by its id, the most used first."""
    return {model.id: model.title for model in catalog.most_used()}


def title(name: str) -> str:
    """What a model is called on screen: a bundled one by its title, any other as it was typed."""
    return titles().get(name, name)


def typed() -> None:
    """Note that the model's name was typed or chosen just now: what it says of the format then counts more than what
    was chosen before.
    """
    st.session_state[TYPED] = True


def settle(question: Question, form: Form[Any]) -> None:
    """Before the fields are drawn: put what a typed name means into them, so that they and the address say what is
    planned.

    Args:
        question: what the form's kind of question makes of a name.
        form: where the fields are.
    """
    now = st.session_state.pop(TYPED, False)
    asked = {field: str(form.value(field) or "") for field in ("model", *FORMAT, "gpus", "method")}
    asked = {field: text for field, text in asked.items() if text and text != USUAL.get(field)}
    model = asked.get("model", "")
    if not model or (model in catalog.models() and known(asked.get("quantization", "auto"))):
        return
    try:
        meant, taken = question(_newest(asked) if now else asked)
    except PlanError:
        return  # the answer says so
    changed = {field: text for field, text in meant.items() if text != asked.get(field, USUAL.get(field, ""))}
    if not taken.note and changed.keys() <= {"model"}:
        return  # another name of the model, which stays in the link as it is
    for field, text in changed.items():
        st.session_state[form.key(field)] = text
        st.session_state.get("arrived", {}).pop(field, None)
    st.session_state[TAKEN] = (_told(form), taken)


def _newest(asked: Mapping[str, str]) -> Mapping[str, str]:
    """The fields without those that the format in a name which was just typed takes the place of: the format, and an
    engine that cannot run it.
    """
    found = catalog.meant(asked["model"])
    if found is None or found.written is None:
        return asked
    stays = "engine" in asked and runs(asked["engine"], found.written)
    return {field: text for field, text in asked.items() if field != "quantization" and (field != "engine" or stays)}


def _told(form: Form[Any]) -> tuple[str, ...]:
    return tuple(str(form.value(field) or USUAL.get(field, "")) for field in ("model", *FORMAT))


def note(form: Form[Any] = PLAN) -> None:
    """Under the picker: what the name was taken for, and a button for each model that it may also mean, as long as that
    is what is planned.
    """
    told, taken = st.session_state.get(TAKEN, ((), None))
    if taken is None or told != _told(form):
        return
    if taken.note:
        st.caption(plain(taken.note))
    if taken.others:
        with st.container(horizontal=True, gap="small"):
            for model in taken.others:
                st.button(title(model), key=f"instead:{model}", on_click=_take, args=(model,), type="tertiary")


def _take(model: str) -> None:
    st.session_state["model"] = model


def for_plan(asked: Mapping[str, str]) -> tuple[Mapping[str, str], Taken]:
    """What a question about inference makes of a name; one whose repository the Hub has stays as it was typed."""
    request = PlanRequest.from_query(
        {field: text for field, text in asked.items() if field in PlanRequest.model_fields}
    )
    request = with_config(request) if catalog.meant(asked["model"]) else request
    if request.config is not None:
        return {"engine": request.engine}, LITERALLY
    request, taken = canonical(request)
    found = {"model": request.model or "", "quantization": request.quantization, "engine": request.engine}
    return found | ({"imatrix": str(request.imatrix).lower()} if request.imatrix is not None else {}), taken


def for_training(asked: Mapping[str, str]) -> tuple[Mapping[str, str], Taken]:
    """The same of a question about fine-tuning, whose frozen base stands for the format."""
    full = asked.get("method") == "full"
    request = TrainRequest.from_query(
        {
            field: text
            for field, text in asked.items()
            if field in ("model", "gpus", "method") or (field == "quantization" and not full)
        }
    )
    request, taken = training.canonical(request)
    return {"model": request.model or ""} | ({} if full else {"quantization": request.quantization}), taken
