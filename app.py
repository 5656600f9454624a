"""The router: which pages there are. Start it with `streamlit run app.py`."""

import streamlit as st

from ui.question import page
from ui.question.form import PLAN, TRAIN

st.set_page_config(page_icon="ui/icon.svg", layout="wide", initial_sidebar_state=340)

# Section, file in pages/, title, icon, the form of its question, and the question in words. The first row
# is the page that opens.
PAGES = (
    ("", "plan", "Plan", "straighten", PLAN, "Which hardware runs this language model, how well, and at what cost?"),
    ("", "find", "Find", "search", PLAN, "What runs well here, and which hardware does a model want?"),
    ("What fits", "matrix", "Matrix", "grid_on", PLAN, "Which model fits which card?"),
    ("What fits", "scaling", "Scaling", "show_chart", PLAN, "How far do context and batch go?"),
    ("What fits", "compare", "Compare", "view_column", PLAN, "Which of these plans is better?"),
    ("How fast", "speed", "Speed", "speed", PLAN, "How fast does it run, and what limits it?"),
    ("How fast", "splits", "Splits", "account_tree", PLAN, "How should several GPUs share the model?"),
    ("How fast", "serve", "Serve", "groups", PLAN, "How many users does it hold at once?"),
    ("What it costs", "cost", "Cost", "payments", PLAN, "What do electricity, rent, hardware or an API cost?"),
    ("What it costs", "job", "Job", "schedule", PLAN, "When is the job done, and what does it cost?"),
    ("Fine-tune", "fine_tune", "Fine-tune", "model_training", TRAIN, "What does fine-tuning this model take?"),
    ("Fine-tune", "data", "Your data", "bar_chart", None, "How long are the samples in your data?"),
    ("", "my_gpus", "My GPUs", "developer_board", PLAN, "What is free on this machine, and is the prediction right?"),
    ("More", "scenarios", "Scenarios", "menu_book", None, "What do the guides say, and what is right?"),
    ("More", "log", "Read a log", "description", None, "What does this log mean, and what mends it?"),
    ("More", "accuracy", "Accuracy", "target", None, "How far can you trust these figures?"),
)

asks = {}
sections: dict[str, list[object]] = {}
for section, file, title, icon, form, question in PAGES:
    entry = st.Page(f"pages/{file}.py", title=title, icon=f":material/{icon}:", default=not asks)
    asks[entry] = form, question
    sections.setdefault(section, []).append(entry)
chosen = st.navigation(sections, position="top")
form, question = asks.get(chosen, (PLAN, PAGES[0][-1]))
st.set_page_config(page_title=f"{chosen.title} · Headroom")
st.title(f"Headroom: {question}", anchor=False)
with page.frame(chosen.url_path, form):
    chosen.run()
