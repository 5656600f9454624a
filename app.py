"""The router: which pages there are. Start it with `streamlit run app.py`."""

import streamlit as st

from ui.question import page
from ui.question.form import PLAN, TRAIN

st.set_page_config(page_title="Headroom", page_icon="ui/icon.svg", layout="wide", initial_sidebar_state=340)

# Section, file in pages/, title, icon, and the form of its question. The first row is the page that opens.
PAGES = (
    ("", "plan", "Plan", "straighten", PLAN),
    ("What fits", "matrix", "Matrix", "grid_on", PLAN),
    ("What fits", "scaling", "Scaling", "show_chart", PLAN),
    ("What fits", "compare", "Compare", "view_column", PLAN),
    ("How fast", "speed", "Speed", "speed", PLAN),
    ("How fast", "splits", "Splits", "account_tree", PLAN),
    ("How fast", "serve", "Serve", "groups", PLAN),
    ("What it costs", "cost", "Cost", "payments", PLAN),
    ("What it costs", "job", "Job", "schedule", PLAN),
    ("Fine-tune", "fine_tune", "Fine-tune", "model_training", TRAIN),
    ("Fine-tune", "data", "Your data", "bar_chart", None),
    ("", "my_gpus", "My GPUs", "developer_board", PLAN),
    ("More", "scenarios", "Scenarios", "menu_book", None),
    ("More", "log", "Read a log", "description", None),
    ("More", "accuracy", "Accuracy", "target", None),
)

asks = {}
sections: dict[str, list[object]] = {}
for section, file, title, icon, form in PAGES:
    entry = st.Page(f"pages/{file}.py", title=title, icon=f":material/{icon}:", default=not asks)
    asks[entry] = form
    sections.setdefault(section, []).append(entry)
chosen = st.navigation(sections, position="top")
with page.frame(chosen.url_path, asks.get(chosen, PLAN)):
    chosen.run()
