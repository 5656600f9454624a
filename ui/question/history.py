"""The address bar is the whole question after every run, and the back button takes one step for one action.

Streamlit takes the parameters of a page's own widgets out of the address when another page opens, and puts those of the
new page's in, each by itself and some of them late or never. So each run tells the browser the whole question, and the
browser puts back whatever of it Streamlit's own writing leaves out or keeps too long, until a click or a key begins the
next change.

Streamlit also adds an entry to the browser's history whenever the address changes, also when a page that was just
opened completes its own address. An entry that no click and no key has asked for replaces the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

import streamlit as st

JS = """
export default function (component) {
  const frame = component.parentElement.closest?.("[data-testid=stElementContainer]") ?? component.parentElement.host?.closest("[data-testid=stElementContainer]");
  if (frame) frame.style.display = "none";
  const kept = (window.headroomHistory ??= install());
  if (component.data) kept.told(component.data);

  function install() {
    const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
    let acted = false, wanted = null, fields = [], path = "";
    const complete = () => {
      if (!wanted || location.pathname !== path) return;
      const found = new URLSearchParams(location.search), before = found.toString();
      for (const field of fields) {
        if (!(field in wanted)) found.delete(field);
        else if (found.get(field) !== wanted[field]) found.set(field, wanted[field]);
      }
      if (found.toString() !== before) replace(history.state, "", path + (found.size ? "?" + found : "") + location.hash);
    };
    const forget = () => { acted = true; };
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, forget, true);
    window.addEventListener("popstate", () => { wanted = null; });
    history.pushState = (state, title, url) => {
      if (acted) { push(state, title, url); wanted = null; }
      else { replace(state, title, url); complete(); }
      acted = false;
    };
    history.replaceState = (state, title, url) => { replace(state, title, url); complete(); };
    return {
      told(data) {
        ({ wanted, fields } = data);
        path = location.pathname;
        complete();
      },
    };
  }
}
"""
COMPONENT = "headroom_history"
_runs = count()
"""Makes what a run tells differ from what the last one told, so that the browser reads it again."""


def one_step() -> None:
    """Once in a page, before anything writes into the address; it shows nothing."""
    st.components.v2.component(COMPONENT, js=JS)(key=COMPONENT)


def tell(place: str, question: Mapping[str, str], fields: Iterable[str]) -> None:
    """At the end of a run, once in each place that can run by itself: the question that the address is to have, and
    every field that it may have.
    """
    data = {"wanted": dict(question), "fields": list(fields), "run": next(_runs)}
    st.components.v2.component(COMPONENT, js=JS)(key=f"{COMPONENT}_{place}", data=data)
