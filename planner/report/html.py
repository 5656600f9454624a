"""A plan as one HTML file that prints well: the report of `planner.report.markdown`, with a bar for each device, for
paper and for people without Headroom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from planner.core.units import mem
from planner.memory.quantity import COMPONENTS
from planner.plan import Plan

STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; color: #1b2430; max-width: 180mm; margin: 12mm auto; padding: 0 6mm }
h1 { font-size: 16pt; margin: 0 0 2mm } h2 { font-size: 12pt; margin: 7mm 0 2mm } p { margin: 1mm 0 } a { color: inherit; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } td, th { border-bottom: 0.3pt solid #c3cad4; padding: 0.8mm 2mm 0.8mm 0; text-align: left }
td.n, th.n { text-align: right } td { overflow-wrap: anywhere } tr, .step { break-inside: avoid } .step { margin: 0 0 2.5mm } small { color: #5b6675 }
code { font: 9.5pt ui-monospace, monospace; overflow-wrap: anywhere } .bar { display: flex; height: 6mm; border: 0.5pt solid #5b6675; margin: 1mm 0 3mm }
.bar i { height: 100%; print-color-adjust: exact; -webkit-print-color-adjust: exact } @page { margin: 14mm } @media print { body { margin: 0; max-width: none; padding: 0 } }
"""
COLOURS = ("#2f68ad", "#efa73a", "#efa73a", "#2f9488", "#d8c3ea")
"""Of the components, in their order, as on the page."""


def html(plan: Plan, address: str = "") -> str:
    """The whole page; everything that came from outside is escaped."""
    request = plan.request
    body = [
        f"<h1>{escape(plan.case.name)} as {escape(plan.memory.weights.format)}</h1>",
        f"<p><b>{escape(plan.fit.reason)}</b></p>",
    ]
    if plan.case.taken.note:
        body.append(f"<p>{escape(plan.case.taken.note)}</p>")
    if address:
        body.append(f"<p><small>{escape(address)}</small></p>")
    body += ["<h2>Question</h2>", _table(("field", "value"), request.to_query().items()), "<h2>Memory</h2>"]
    for device in plan.memory.devices:
        widths = [
            100 * getattr(device, name).expected / max(device.usable_bytes, device.total.expected, 1)
            for name in COMPONENTS
        ]
        bar = "".join(
            f'<i style="width:{width:.2f}%;background:{colour}"></i>'
            for width, colour in zip(widths, COLOURS, strict=True)
        )
        body.append(
            f"<p>{device.index}: {escape(device.name)}, {mem(device.total.expected)} of"
            f' {mem(device.usable_bytes)}</p><div class="bar">{bar}</div>'
        )
        parts = ((name.replace("_", " "), getattr(device, name)) for name in (*COMPONENTS, "total"))
        body.append(
            _table(
                ("part", "low", "expected", "high"),
                [(name, mem(part.low), mem(part.expected), mem(part.high)) for name, part in parts],
            )
        )
    total = plan.memory.host.total
    body += [
        f"<p>System memory: {mem(total.expected)} ({mem(total.low)} to {mem(total.high)}).</p>",
        "<p><small>Low and high are the 10th and the 90th percentile; 1 GiB is 2<sup>30</sup> bytes.</small></p>",
    ]
    body.append("<h2>Arithmetic</h2>")
    for step in plan.derivation:
        source = f"<br><small>{escape(step.source)}</small>" if step.source else ""
        body.append(
            f'<div class="step">{escape(step.label)}<br><code>{escape(step.expression)} ='
            f" {escape(step.result)}</code>{source}</div>"
        )
    head = (
        '<meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width"><title>{escape(plan.case.name)}</title><style>{STYLE}</style>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>'


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    numbers = len(names) > 2
    cells = [
        f"<tr>{''.join(_cell('td', text, numbers and index > 0) for index, text in enumerate(row))}</tr>"
        for row in rows
    ]
    return f"<table><tr>{''.join(_cell('th', name, numbers and index > 0) for index, name in enumerate(names))}</tr>{''.join(cells)}</table>"


def _cell(tag: str, text: str, number: bool) -> str:
    return f"<{tag}{' class=n' if number else ''}>{escape(text)}</{tag}>"
