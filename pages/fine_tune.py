"""What does fine-tuning this model take?

Memory by phase, the ladder of savings, time and cost, before the first run.
"""

import streamlit as st

from planner.core.errors import PlanError
from planner.training.job import TrainJob
from planner.training.ladder import ladder
from planner.training.plan import TrainPlan, train
from planner.training.request import TrainRequest
from ui import train_tables, train_views
from ui.question import page, views
from ui.question.form import TRAIN
from ui.show.derivations import write
from ui.show.links import to_page

EXAMPLES = {
    "QLoRA of Llama 3.1 8B on an RTX 4090": TRAIN.example | {"method": "qlora"},
    "LoRA of Qwen3 0.6B on an RTX 3060": {"model": "Qwen/Qwen3-0.6B", "gpus": "rtx-3060-12gb"},
}


def trained(request: TrainRequest) -> tuple[TrainPlan, TrainJob | None]:
    """The answer and its cost; a region or a price that nobody knows is said here, at its field."""
    found = train(request)
    if not found.devices:
        raise PlanError("Training is planned on GPUs; add one in the sidebar, for example an RTX 4090.", "gpus")
    return found, found.job


answer, _ = page.answer(TRAIN, trained, "What would you like to fine-tune?", EXAMPLES)
rungs = ladder(answer)

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
    "Share": train_views.link,
}
for name, tab in views.tabs(list(TABS), "train_tab"):
    with tab:
        TABS[name]()
