"""What the dashboard relies on in Streamlit beyond its public API: each by a program that would break without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def test_no_other_file_reaches_beyond_the_public_api() -> None:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]
    private = re.compile(r"^\s*(?:from|import) streamlit\.(?!errors\b)", re.MULTILINE)
    found = [str(file.relative_to(ROOT)) for file in files if private.search(file.read_text(encoding="utf-8"))]
    assert found == ["ui/question/streamlit_private.py"]


def test_a_run_knows_whether_the_back_button_asked_for_it() -> None:
    def script() -> None:
        import streamlit as st

        from ui.question import streamlit_private

        st.text(str(streamlit_private.stepped_back()))

    at = AppTest.from_function(script).run()
    assert at.text[0].value == "False"
    assert "is_history_navigation" in _attributes()


def _attributes() -> set[str]:
    from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

    return set(ScriptRunContext.__dataclass_fields__)


def test_a_fragment_knows_that_it_runs_alone_and_a_widget_is_the_same_on_every_page() -> None:
    def script() -> None:
        import streamlit as st

        from ui.question import streamlit_private

        @st.fragment(key="part")
        def part() -> None:
            st.text(f"alone: {streamlit_private.fragment_alone()}")
            with streamlit_private.of_every_page():
                st.number_input("n", key="n", on_change=lambda: st.rerun("part"))

        part()

    at = AppTest.from_function(script).run()
    assert at.text[0].value == "alone: False"
    at.number_input(key="n").set_value(3).run()
    assert at.text[0].value == "alone: True"
    assert at.number_input(key="n").value == 3


def test_a_page_that_stops_is_still_finished_by_what_stands_around_it() -> None:
    def script() -> None:
        import streamlit as st

        from ui.question.streamlit_private import StopException

        try:
            raise StopException
        except StopException:
            st.text("finished")

    at = AppTest.from_function(script).run()
    assert [text.value for text in at.text] == ["finished"]


def test_without_a_run_nothing_is_asked_of_streamlit() -> None:
    from ui.question import streamlit_private

    context: Any = get_script_run_ctx(suppress_warning=True)
    assert context is None
    assert not streamlit_private.stepped_back()
    assert not streamlit_private.fragment_alone()
