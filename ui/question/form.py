"""A question as its form holds it: one entry of the session a field, whether the page shown has a widget for it or not.

`PLAN` and `TRAIN` are the two forms. Fields that both questions have, such as the model and the GPUs, are one entry;
where the two mean something else by one name, the entry of `TRAIN` has another key. A link comes from anywhere, so each
of its values is tried by itself: one that its field cannot take is left out, and a sentence says so at the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from planner.core.errors import PlanError
from planner.engines.info import info
from planner.request import PlanRequest, Question, SystemSpec
from planner.training.request import TrainRequest
from ui.question.engines import only_others_cache, only_others_run

Asked = TypeVar("Asked", bound=Question)
Link = Mapping[str, str]

SHOWN_LENGTH = 60


class Form(Generic[Asked]):
    """The fields of one kind of question in the session.

    Args:
        kind: the question.
        example: the question that an address without one opens with.
        keys: the session's key of a field, where it is not the field's name.
    """

    def __init__(self, kind: type[Asked], example: Link, keys: Link | None = None) -> None:
        self.kind, self.example, self._keys = kind, example, keys or {}
        self.name = kind.__name__

    @cached_property
    def fields(self) -> dict[str, FieldInfo]:
        """Every field that a link may carry; those of the system stand beside the others, as `ram_gib=128`."""
        own = {field: declared for field, declared in self.kind.model_fields.items() if field != "system"}
        return own | SystemSpec.model_fields

    def key(self, field: str) -> str:
        """The session's key of a field, and its widget's."""
        return self._keys.get(field, field)

    def value(self, field: str) -> Any:
        """What a field holds now: a number, a switch or a text, or None where it is empty."""
        key = self.key(field)
        return st.session_state[key] if key in st.session_state else self._kept.get(key)

    @property
    def complaints(self) -> dict[str, str]:
        """What is wrong with the link that the form was filled from, by field."""
        found: dict[str, str] = st.session_state.setdefault(f"complaints:{self.name}", {})
        return found

    def number_type(self, field: str) -> type[int] | type[float] | None:
        """Whether a field is a whole number, a number, or something that is kept as the link's text."""
        return self._numbers[field]

    def is_switch(self, field: str) -> bool:
        """Whether a field is yes or no."""
        return bool in _kinds(self.fields[field])

    def is_toggle(self, field: str) -> bool:
        """Whether a field is yes or no and never empty, so that the session holds a truth value."""
        return self.fields[field].annotation is bool

    def default(self, field: str) -> Any:
        """The default as the session holds it."""
        return self._defaults[field]

    @cached_property
    def _numbers(self) -> dict[str, type[int] | type[float] | None]:
        found = {}
        for field, declared in self.fields.items():
            kinds = _kinds(declared)
            text = kinds & {str, tuple, dict, bool}
            found[field] = None if text else float if float in kinds else int if int in kinds else None
        return found

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field, declared in self.fields.items():
            value, number = declared.default, self._numbers[field]
            if value is not None and not self.is_toggle(field):
                value = number(value) if number else "" if value == () else _text(value)
            found[field] = value
        return found

    def typed(self, field: str, text: str) -> Any:
        """A link's text as the value that the session holds.

        Raises:
            PlanError: when the field cannot have this value.
        """
        if field in SystemSpec.model_fields:
            part = json.dumps({field: self._system(field, text)})
            value = getattr(self.kind.from_query({"model": "-", "system": part}).system, field)
        else:
            value = getattr(self.kind.from_query({"model": "-", field: text}), field)
        number = self.number_type(field)
        if number:
            return None if value is None else number(value)
        return value if self.is_toggle(field) else text

    def _system(self, field: str, text: str) -> Any:
        if not self.number_type(field):
            return text
        try:
            return float(text)
        except ValueError:
            wanted = f"The link's {field} is {text[:40]!r}, which is no number; correct it or remove it."
            raise PlanError(wanted, field) from None

    def question(self) -> dict[str, str]:
        """The whole question as the parameters of a link; fields that were never set, or are set to their default or
        to nothing, are left out.
        """
        held = st.session_state.to_dict()  # one look: asking for each of some sixty fields costs as much as a plan
        values = {field: held.get(self.key(field)) for field in self.fields}
        return {
            field: _text(value) for field, value in values.items() if value not in (None, "", self._defaults[field])
        }

    def put(self, field: str, text: str | None) -> None:
        """Set one field from its text in a link; None sets its default."""
        st.session_state[self.key(field)] = self.default(field) if text is None else self.typed(field, text)

    def hold(self) -> None:
        """Before a page or a part of one is drawn: make the values the session's own, and bring back those that
        Streamlit has forgotten, as it does with the widgets of a page that is left and of a popover that is closed.
        """
        state, kept = st.session_state, self._kept
        for key in map(self.key, self.fields):
            if key in state:
                kept[key] = state[key]
            if key in kept:
                state[key] = kept[key]

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = st.session_state.setdefault("kept", {})
        return kept

    def replace(self, query: Link) -> None:
        """Ask another question altogether: every field that the link does not name takes its default."""
        self._forget()
        for field in self.fields:
            if field in query or self.key(field) in st.session_state:
                self.put(field, query.get(field))

    def change(self, request: Question, changes: Mapping[str, Any]) -> None:
        """Set some fields of the question: what a button does when it is clicked. The widgets and the link follow."""
        query = self.flat(request.changed(**changes).to_query())
        self._forget()
        for field in changes:
            for each in SystemSpec.model_fields if field == "system" else (field,):
                self.put(each, query.get(each))

    def take(self, link: Link) -> None:
        """Fill the form from a link; a field that the link does not name takes its default, and one whose value is
        none keeps a sentence about it.
        """
        self.replace({})
        named = self.flat({field: text for field, text in link.items() if field in (*self.fields, "system")})
        st.session_state["linked"] = dict(named)
        for field, text in named.items():
            if not text.strip() and field != "gpus":
                continue
            try:
                self.put(field, text)
                st.session_state["arrived"][field] = self.value(field)
            except PlanError as error:
                # No GPU at all would be an answer about another machine: the text stays, and the plan says what is
                # wrong with it.
                if field == "gpus":
                    st.session_state[self.key(field)] = text
                else:
                    self.complaints[field] = str(error)
        self._agree()

    def _forget(self) -> None:
        self.complaints.clear()
        st.session_state["arrived"], st.session_state["linked"] = {}, {}

    def _agree(self) -> None:
        """A format or a cache type that the link's engine does not run takes the engine's own, with a sentence at its
        field: nothing else of the link is lost.
        """
        if "engine" not in self.fields:
            return
        engine = self.value("engine") or self.default("engine")
        title = info(engine).title
        for field, of_others, words in (
            ("quantization", only_others_run, "{engine} does not run {text!r}."),
            ("kv_cache_dtype", only_others_cache, "{engine} has no cache of type {text!r}."),
        ):
            text = str(self.value(field) or "")
            if text and of_others(engine, text):
                self.complaints[field] = words.format(engine=title, text=text[:40])
                st.session_state["arrived"].pop(field, None)
                self.put(field, None)

    def not_taken(self) -> dict[str, str]:
        """Once the widgets are drawn: fields whose widget could not take the link's value, with a sentence."""
        arrived = st.session_state.get("arrived", {})
        st.session_state["arrived"] = {}
        return {
            field: f"The link's {field} {str(wanted)[:SHOWN_LENGTH]!r} is not among what this field takes."
            for field, wanted in arrived.items()
            if (self.value(field) or "") != (wanted or "")
        }

    def linked(self, field: str | None) -> bool:
        """Whether a field still has the value that a link brought, beside others that it brought."""
        brought = st.session_state.get("linked", {})
        return field is not None and len(brought) > 1 and brought.get(field, "") == self.question().get(field)

    def read(self, file: tuple[str, dict[str, Any]] | None = None) -> Asked:
        """The question; a file that was uploaded, its name and its config, stands for the model.

        Raises:
            PlanError: when something in it is no value, or two fields contradict each other.
        """
        query = self.question()
        system = {field: self._system(field, query[field]) for field in SystemSpec.model_fields if field in query}
        own = {field: text for field, text in query.items() if field in self.kind.model_fields}
        nested = {"system": json.dumps(system)} if system else {}
        named = {"model": file[0]} if file else {}
        asked = self.kind.from_query({**own, **named, **nested})
        return asked.model_copy(update={"config": file[1]}) if file else asked

    def flat(self, query: Link) -> dict[str, str]:
        """The parameters with the system's fields beside the others, also when they came as one JSON object."""
        rest = dict(query)
        text = rest.pop("system", None)
        if text is None:
            return rest
        try:
            system = json.loads(text)
            fields = {key: str(value) for key, value in system.items() if value is not None}
        except (ValueError, RecursionError, AttributeError):
            return rest | {"ram_gib": text}
        return {key: value for key, value in fields.items() if key in SystemSpec.model_fields} | rest


def _kinds(field: FieldInfo) -> set[Any]:
    """The types that an annotation allows, without what stands inside their brackets."""
    annotation = field.annotation
    parts = get_args(annotation) if type(None) in get_args(annotation) or _is_union(annotation) else (annotation,)
    return {get_origin(part) or part for part in parts}


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) is not None and "Union" in str(get_origin(annotation))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


PLAN = Form(
    PlanRequest,
    {"model": "meta-llama/Meta-Llama-3-70B-Instruct", "quantization": "Q4_K_M", "gpus": "rtx-4090"},
)
TRAIN = Form(
    TrainRequest,
    {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpus": "rtx-4090"},
    {field: f"train_{field}" for field in ("quantization", "flash_attention", "tensor_parallel", "pipeline_parallel")},
)
