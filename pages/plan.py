"""Can this hardware run this model? The question in the form, and the answer: verdict, figures, memory, ways out."""

import streamlit as st

from planner.plan import Plan
from planner.request import LLAMA
from ui.architecture import architecture
from ui.formats import formats
from ui.layers import layers
from ui.loading import loading
from ui.question import page, redraw, views
from ui.show import memory_bar
from ui.show.chart import drawn
from ui.show.colours import ground
from ui.show.derivations import write
from ui.show.figures import ARITHMETIC, figures, more_figures
from ui.show.tables import commands, link, parts_table
from ui.show.verdict import verdict, ways_out


def parts(answer: Plan) -> None:
    """What the memory goes to."""
    more_figures(answer)
    parts_table(answer)


def draw() -> None:
    """The answer."""
    answer = page.answered()

    verdict(answer)
    views.switch("Show the arithmetic", ARITHMETIC)
    figures(answer)
    bar = drawn(memory_bar.figure(memory_bar.rows(answer), ground()))
    st.plotly_chart(bar, key="memory", theme=None, config={"displayModeBar": False}, alt=memory_bar.conclusion(answer))
    st.caption(
        "1 GiB is 2³⁰ bytes, as drivers count; 1 GB is 10⁹ bytes, as downloads do. The hatched end is uncertain: eight"
        " cases in ten end inside it."
    )
    ways_out(answer)

    st.subheader("Details", anchor=False)
    TABS = {
        "Parts": lambda: parts(answer),
        "Arithmetic": lambda: write(answer.derivation),
        "Model": lambda: architecture(answer),
        "Quantizations": lambda: formats(answer),
        **({"Layers": lambda: layers(answer)} if answer.request.engine in LLAMA else {}),
        "Loading": lambda: loading(answer),
        "Run it": lambda: commands(answer),
        "Share": lambda: link(answer),
    }
    for name, tab in views.tabs(list(TABS), f"tab:{len(TABS)}"):
        with tab:
            TABS[name]()


redraw.body(draw)
