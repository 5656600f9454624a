"""A chart written as Plotly's own JSON, a dict of `data` and `layout`, and drawn without Plotly's object model.

Building a figure object by object validates every property again at every rerun, which takes longer than planning. The
charts that follow the sliders are therefore plain dicts; their tests have Plotly validate each of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from plotly.basedatatypes import BaseFigure

Spec = dict[str, Any]


class _Written(BaseFigure):  # type: ignore[misc]
    """What `st.plotly_chart` takes for a figure that is validated already."""

    def __init__(self, spec: Spec) -> None:
        object.__setattr__(self, "_spec", spec)

    def to_dict(self) -> Spec:
        spec: Spec = self._spec
        return spec


def drawn(spec: Spec) -> BaseFigure:
    """The chart for `st.plotly_chart`, with the part of Plotly's template that its traces use."""
    whole = _template()
    kinds = {trace["type"] for trace in spec["data"]}
    template = {
        "layout": whole["layout"],
        "data": {kind: look for kind, look in whole["data"].items() if kind in kinds},
    }
    return _Written({"data": spec["data"], "layout": {**spec["layout"], "template": template}})


def level(y: float, line: Spec) -> Spec:
    """A line across the chart at a height."""
    return {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y, "line": line}


def upright(x: float, line: Spec) -> Spec:
    """A line from the bottom of the chart to its top."""
    return {"type": "line", "xref": "x", "x0": x, "x1": x, "yref": "y domain", "y0": 0, "y1": 1, "line": line}


@cache
def _template() -> Spec:
    from plotly.io import templates

    found: Spec = templates["plotly"].to_plotly_json()
    return found
