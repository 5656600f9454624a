"""A visitor's own GPU from WebGL and WebGPU, asked for on a click only: a hint that they confirm."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from planner.catalog.gpus import gpus
from planner.live.browser import hint
from ui.question.here import plan_on
from ui.show.text import plain

HTML = '<button type="button">Ask my browser</button>'
CSS = """
button {
  font: inherit; padding: 0.35rem 0.75rem; border-radius: var(--st-button-radius, 6px); cursor: pointer;
  border: 1px solid var(--st-border-color, currentColor); background: var(--st-background-color, transparent); color: var(--st-text-color, inherit);
}
button:hover, button:focus-visible { border-color: var(--st-primary-color, currentColor); color: var(--st-primary-color, inherit); }
"""
JS = """
export default function (component) {
  const { parentElement, setStateValue } = component;
  const button = parentElement.querySelector("button");
  button.onclick = async () => {
    const told = {};
    const text = (value) => (typeof value === "string" ? value.slice(0, 200) : "");
    try {
      const gl = document.createElement("canvas").getContext("webgl");
      const names = gl && gl.getExtension("WEBGL_debug_renderer_info");
      told.webgl_renderer = text(gl && gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
      told.webgl_vendor = text(gl && gl.getParameter(names ? names.UNMASKED_VENDOR_WEBGL : gl.VENDOR));
      const lose = gl && gl.getExtension("WEBGL_lose_context");
      if (lose) lose.loseContext();
    } catch (_) {}
    try {
      const adapter = navigator.gpu && (await navigator.gpu.requestAdapter());
      const info = (adapter && adapter.info) || {};
      for (const name of ["vendor", "architecture", "device", "description"]) told["webgpu_" + name] = text(info[name]);
    } catch (_) {}
    setStateValue("told", told);
  };
}
"""
COMPONENT = "headroom_visitor_gpu"


def suggestion() -> None:
    """The button, what the browser said, and the card to confirm."""
    st.caption(
        "Your browser can tell the name of the GPU in front of you, never its memory. It is asked only when you press"
        " the button, and nothing is kept."
    )
    # Registered at every run: Streamlit forgets components when its runtime is new, as in tests.
    told = st.components.v2.component(COMPONENT, html=HTML, css=CSS, js=JS)(
        key="visitor_gpu", on_told_change=lambda: None
    ).get("told")
    if isinstance(told, Mapping):
        confirm(told)


def confirm(told: Mapping[str, object]) -> None:
    """What the browser said, and a list with its card chosen; only the visitor's click changes the question."""
    found = hint(told)
    if found.said:
        st.text(f"Your browser says: {found.said}")
    st.markdown(plain(found.sentence))
    names = {gpu.id: gpu.name for gpu in gpus()}
    chosen = st.selectbox(
        "Your GPU",
        list(names),
        index=list(names).index(found.gpu.id) if found.gpu and found.gpu.id in names else None,
        format_func=lambda id: names[id],
        key="visitor_choice",
    )
    st.button(
        "Plan on this GPU",
        on_click=plan_on,
        args=(chosen,),
        disabled=chosen is None,
        icon=":material/straighten:",
        key="plan_visitor",
    )
