"""Scenarios on the page: the gallery, and one of them with its text, its claims and its tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from planner.request import Question
from planner.scenarios import Scenario, Table, filled, scenarios
from planner.training.request import TrainRequest
from ui.question import address
from ui.show.links import to_page
from ui.show.text import plain

KEY = "scenario"
A_ROW = 2
MOST_WAYS = 3
NUMBER, NOTHING = re.compile(r"([\d,]*\d(?:\.\d+)?)(?: ([A-Za-z/]+))?"), ("–", "no price known", "")
OPENED, CLOSED = "\x00", "\x01"
COLOURS = {
    "fits": "#2f948833",
    "tight": "#efa73a33",
    "offload": "#efa73a33",
    "does_not_fit": "#d1343826",
    "refused": "#7f8b9926",
}


def written(one: Scenario, words: str) -> str:
    """A paragraph as Markdown in which the computed figures alone are bold."""
    return plain(one.text(words, OPENED, CLOSED)).replace(OPENED, "**").replace(CLOSED, "**")


def chosen() -> str:
    """The scenario that is open, by its id; none is the gallery."""
    linked = address.arrived(KEY)
    if linked is not None:
        choose(linked[-1] if linked else "")
    id: str = st.session_state.get(KEY, "")
    address.show(KEY, [id] if id else [])
    return id


def choose(id: str) -> None:
    """Open a scenario, or, without an id, the gallery."""
    st.session_state[KEY] = id


def gallery() -> None:
    """Every scenario as a card that opens it."""
    every = list(scenarios().values())
    for start in range(0, len(every), A_ROW):
        for column, one in zip(st.columns(A_ROW, gap="medium"), every[start : start + A_ROW], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.markdown(f"#### {one.icon} {plain(one.title)}")
                st.markdown(plain(one.question))
                st.button(
                    "Open", key=f"open:{one.id}", on_click=choose, args=(one.id,), icon=":material/arrow_forward:"
                )


def page(one: Scenario) -> None:
    """One scenario: question, rule, answer, why, claims, tables."""
    st.button("All scenarios", key="all", on_click=choose, args=("",), icon=":material/arrow_back:", type="tertiary")
    st.header(f"{one.icon} {plain(one.title)}", anchor=False)
    st.markdown(plain(one.question))
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown(":material/format_quote: **The usual rule**")
        st.markdown(plain(one.rule))
    with right, st.container(border=True, height="stretch"):
        st.markdown(":material/straighten: **What the planner finds**")
        st.markdown(written(one, one.answer))
    head = st.empty()
    with st.container(horizontal=True, gap="small"):
        shown = [to_page(_page_of(request), plain(title), request.to_query()) for title, request in one.plans.values()]
        shown += [to_page(link["page"], plain(link["title"]), link.get("query", {})) for link in one.links]
    if any(shown):
        head.markdown("**Open a plan**")
    st.subheader("Why", anchor=False)
    for paragraph in one.why:
        st.markdown(written(one, paragraph))
    claims(one)
    tables(one)
    commands(one)


def claims(one: Scenario) -> None:
    """What a guide says beside what is computed; accuracies apart, as claims only."""
    st.subheader("Claim by claim", anchor=False)
    for claim in one.claims:
        with st.container(border=True):
            said, found, why = st.columns([3, 4, 4], gap="medium")
            said.markdown(f":gray[:material/format_quote: {plain(claim.says)}]")
            found.markdown(f":material/straighten: {written(one, claim.finds)}")
            why.markdown(written(one, claim.why))
    if one.accuracy:
        st.markdown("**Claimed accuracies.** They are shown as claimed; nothing here computes how good an answer is.")
        for accuracy in one.accuracy:
            st.markdown(f"- {plain(accuracy.says)}. :gray[{plain(accuracy.source)}]")


def commands(one: Scenario) -> None:
    """Commands that start the plans that run, and the first ways out of those that do not; written when opened."""
    opened = st.expander(
        "Commands and ways out", icon=":material/terminal:", key=f"commands:{one.id}", on_change="rerun"
    )
    if not opened.open:
        return
    with opened:
        for name, (title, request) in one.plans.items():
            if isinstance(request, TrainRequest):
                continue
            answer = one.plan(name)
            st.markdown(f"**{plain(title)}**: {plain(answer.fit.reason)}")
            if answer.fit.verdict != "does_not_fit":
                for command in answer.commands:
                    st.code(command.text, language="python" if command.title == "Python" else "bash", wrap_lines=True)
            for way in answer.advice[:MOST_WAYS]:
                to_page(
                    "pages/plan.py",
                    plain(f"{way.title}: {way.reason}"),
                    request.changed(**way.change).to_query(),
                    ":material/alt_route:",
                )


def tables(one: Scenario) -> None:
    """The tables, each computed when its tab is open."""
    st.subheader("Tables", anchor=False)
    titles = [raw["title"] for raw in one.tables]
    for index, tab in enumerate(st.tabs(titles, key=f"tables:{one.id}", on_change="rerun")):
        if tab.open:
            with tab:
                _table(one, index)


def _table(one: Scenario, index: int) -> None:
    table = filled(one.tables[index])
    frame = frame_of(table)
    st.caption(
        f"{plain(table.note)} Choose a cell to open its plan. Speeds and times are the expected figure with the 10th to"
        " 90th percentile."
    )
    colours = [
        ["", *(f"background-color: {COLOURS[cell.verdict]}" if cell.verdict in COLOURS else "" for cell in cells)]
        for _, cells in table.rows
    ]
    style = frame.style.apply(lambda data: pd.DataFrame(colours, index=data.index, columns=data.columns), axis=None)
    key = f"table:{one.id}:{index}"
    config = {
        name: st.column_config.NumberColumn(format="localized")
        for name in frame.columns
        if frame[name].dtype.kind == "f"
    }
    chosen = st.dataframe(
        style,
        hide_index=True,
        column_config=config,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        alt=f"{table.title}. {table.note}",
        placeholder="",
    )
    cells = chosen["selection"]["cells"]
    if cells:
        _open(table, frame, *cells[0])
    st.download_button(
        "Table as CSV",
        frame.to_csv(index=False),
        f"headroom-{one.id}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"csv:{key}",
    )


def _open(table: Table, frame: pd.DataFrame, row: int, column: str) -> None:
    """The link to the plan of a chosen cell; the name of a row opens its first plan."""
    name, cells = table.rows[row]
    position = max(list(frame.columns).index(column) - 1, 0)
    request = cells[position].request
    if request is None:
        st.caption(plain(f"{name}, {table.columns[position]}: {cells[position].text}."))
        return
    to_page(_page_of(request), plain(f"Open {name}, {table.columns[position]}"), request.to_query())


def _page_of(request: Question) -> str:
    return "pages/fine_tune.py" if isinstance(request, TrainRequest) else "pages/plan.py"


def frame_of(table: Table) -> pd.DataFrame:
    """The table, its first column the rows' names; a column of numbers with one unit holds numbers, and sorts
    as such.
    """
    columns: dict[str, Sequence[object]] = {table.head or "Plan": [name for name, _ in table.rows]}
    for index, title in enumerate(table.columns):
        texts = [cells[index].text for _, cells in table.rows]
        name, values = numbers(title, texts)
        columns[name] = values
    return pd.DataFrame(columns)


def numbers(title: str, texts: Sequence[str]) -> tuple[str, Sequence[object]]:
    """A column as numbers, its unit in its title, where every cell is a number with the same unit, or says that there
    is none.
    """
    found = [NUMBER.fullmatch(text) for text in texts]
    units = {one[2] for one in found if one}
    if len(units) != 1 or any(not one and text not in NOTHING for one, text in zip(found, texts, strict=True)):
        return title, texts
    unit = units.pop()
    return f"{title} ({unit})" if unit else title, [float(one[1].replace(",", "")) if one else None for one in found]
