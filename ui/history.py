"""The back button takes one step for one action: what a page writes into the address by itself is no step of its own.

Streamlit adds an entry to the browser's history whenever the address changes, also when a page that was just opened completes its
own address. An entry that no click and no key has asked for replaces the one before it.
"""

from __future__ import annotations

import streamlit as st

JS = """
export default function (component) {
  const mark = "headroomHistory";
  const frame = component.parentElement.closest?.("[data-testid=stElementContainer]") ?? component.parentElement.host?.closest("[data-testid=stElementContainer]");
  if (frame) frame.style.display = "none";
  if (window[mark]) return;
  window[mark] = true;
  let acted = false;
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => { acted = true; }, true);
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    if (acted) push(state, title, url);
    else history.replaceState(state, title, url);
    acted = false;
  };
}
"""
COMPONENT = "headroom_history"


def one_step() -> None:
    """Once in a page; it shows nothing."""
    st.components.v2.component(COMPONENT, js=JS)(key=COMPONENT)
