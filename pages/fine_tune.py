"""What does fine-tuning this model take?

Memory by phase, the ladder of savings, time and cost, before the first run.
"""

import streamlit as st

from planner.core.errors import PlanError
from planner.training.ladder import ladder
from planner.training.plan import train
from ui import train_question, train_tables, train_views
from ui.question import page, views
from ui.question.models import upload, with_config
from ui.show.derivations import write
from ui.show.links import to_page
from ui.show.text import plain

page.routed()
places = train_question.ask()
try:
    answer = train(with_config(train_question.read(upload())))
    if not answer.devices:
        raise PlanError("Training is planned on GPUs; add one in the sidebar, for example an RTX 4090.", "gpus")
    rungs = ladder(answer)
    money = answer.job  # a region or a price that nobody knows is said here, at its field
except PlanError as error:
    train_question.complain(places, error.field, str(error))
    st.header(":gray[:material/help:] What would you like to fine-tune?", anchor=False)
    st.markdown(plain(str(error)))
    st.stop()

train_views.verdict(answer)
train_views.figures(answer)
train_views.bar(answer)
st.caption("1 GiB is 2³⁰ bytes, as drivers count. The hatched end is uncertain: eight cases in ten end inside it.")
train_views.rungs(answer, rungs)
if answer.request.samples is None:
    to_page("pages/data.py", "How long are my samples, and how many tokens? Read a file on Your data", {})

TABS = {
    "GPUs": lambda: train_tables.gpu_table(answer),
    "Length and batch": lambda: train_tables.scaling(answer),
    "Amount of data": lambda: train_tables.data_sizes(answer),
    "LLaMA 7B to 65B": train_tables.llama,
    "A copied table": lambda: train_tables.contradiction(answer),
    "Run it": lambda: train_views.run_it(answer),
    "Parts": lambda: train_views.parts_table(answer),
    "Arithmetic": lambda: write(answer.derivation),
    "Share": lambda: train_views.link(answer),
}
for name, tab in views.tabs(list(TABS), "train_tab"):
    with tab:
        TABS[name]()
