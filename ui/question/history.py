"""The back button takes one step for one action.

Streamlit adds an entry to the browser's history whenever a run writes another address, also when a page that was just
opened completes its own. An entry that no click and no key has asked for replaces the one before it, and the bare
address of a first visit is completed where it stands.
"""

from __future__ import annotations

import streamlit as st

JS = """
export default function (component) {
  const element = component.parentElement;
  const frame = (element.closest ? element : element.host).closest("[data-testid=stElementContainer]");
  if (frame) frame.style.display = "none";
  window.headroomHistory ??= install();
  const asked = new URLSearchParams(location.search);
  for (const name of ["embed", "embed_options"]) asked.delete(name);
  const query = component.data?.query;
  if (query && !asked.size) {
    const joint = location.search ? location.search + "&" : "?";
    history.replaceState(history.state, "", location.pathname + joint + query + location.hash);
  }

  function install() {
    let acted = navigator.userActivation?.hasBeenActive ?? true;
    const push = history.pushState.bind(history);
    for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => { acted = true; }, true);
    window.addEventListener("popstate", () => { acted = false; });
    history.pushState = (state, title, url) => {
      if (acted) push(state, title, url);
      else history.replaceState(state, title, url);
      acted = false;
    };
    return true;
  }
}
"""
COMPONENT = "headroom_history"


def one_step() -> None:
    """At the beginning of a page, which it shows nothing on."""
    st.components.v2.component(COMPONENT, js=JS)(key=COMPONENT)


def complete(query: str) -> None:
    """At the end of a page: the parameters of its address, for a bare one."""
    st.components.v2.component(COMPONENT, js=JS)(key=f"{COMPONENT}_end", data={"query": query})
