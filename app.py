"""The router: which pages there are. Start it with `streamlit run app.py`."""

import streamlit as st

from ui.question import page

st.set_page_config(page_title="Headroom", page_icon="ui/icon.svg", layout="wide", initial_sidebar_state=340)

# Whether a page answers the question of the sidebar, or has one of its own.
QUESTION, OWN = True, False

# Section, file in pages/, title, icon, and whose question it answers. The first row is the page that opens.
PAGES = (
    ("", "plan", "Plan", "straighten", QUESTION),
    ("What fits", "matrix", "Matrix", "grid_on", QUESTION),
    ("What fits", "scaling", "Scaling", "show_chart", QUESTION),
    ("What fits", "compare", "Compare", "view_column", QUESTION),
    ("How fast", "speed", "Speed", "speed", QUESTION),
    ("How fast", "splits", "Splits", "account_tree", QUESTION),
    ("How fast", "serve", "Serve", "groups", QUESTION),
    ("What it costs", "cost", "Cost", "payments", QUESTION),
    ("What it costs", "job", "Job", "schedule", QUESTION),
    ("Fine-tune", "fine_tune", "Fine-tune", "model_training", OWN),
    ("Fine-tune", "data", "Your data", "bar_chart", OWN),
    ("", "my_gpus", "My GPUs", "developer_board", QUESTION),
    ("More", "scenarios", "Scenarios", "menu_book", OWN),
    ("More", "log", "Read a log", "description", OWN),
    ("More", "accuracy", "Accuracy", "target", OWN),
)

asks = {}
sections: dict[str, list[object]] = {}
for section, file, title, icon, question in PAGES:
    entry = st.Page(f"pages/{file}.py", title=title, icon=f":material/{icon}:", default=not asks)
    asks[entry] = question
    sections.setdefault(section, []).append(entry)
chosen = st.navigation(sections, position="top")
with page.frame(chosen.url_path, asks.get(chosen, QUESTION)):
    chosen.run()
