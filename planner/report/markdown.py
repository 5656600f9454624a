"""A plan as a Markdown report: the question, the verdict, the memory of every device, and every step of the
arithmetic.
"""

from __future__ import annotations

from planner.core.units import mem
from planner.memory.quantity import COMPONENTS
from planner.plan import Plan


def markdown(plan: Plan, address: str = "") -> str:
    """The report; text that came from outside stands in code spans, so that it is never markup."""
    request = plan.request
    lines = [f"# {_code(plan.case.name)} as {_code(plan.memory.weights.format)}", "", _plain(plan.fit.reason), ""]
    lines += [_plain(plan.case.taken.note), ""] if plan.case.taken.note else []
    lines += [f"<{address}>", ""] if address else []
    lines += [
        "## Question",
        "",
        "| field | value |",
        "|---|---|",
        *(f"| {key} | {_code(text[:200])} |" for key, text in request.to_query().items()),
        "",
    ]
    lines += ["## Memory", "", "| device | part | low | expected | high |", "|---|---|---:|---:|---:|"]
    for device in plan.memory.devices:
        for name, part in (*((name, getattr(device, name)) for name in COMPONENTS), ("total", device.total)):
            lines.append(
                f"| {device.index}: {device.name} | {name.replace('_', ' ')} | {mem(part.low)} | {mem(part.expected)} |"
                f" {mem(part.high)} |"
            )
    total = plan.memory.host.total
    lines += [f"| system memory | total | {mem(total.low)} | {mem(total.expected)} | {mem(total.high)} |", ""]
    lines += ["Low and high are the 10th and the 90th percentile; 1 GiB is 2^30 bytes.", "", "## Arithmetic", ""]
    for step in plan.derivation:
        lines += [f"**{_plain(step.label)}**", "", f"    {step.expression}", f"    = {step.result}", ""]
        lines += [f"Source: {_plain(step.source)}", ""] if step.source else []
    return "\n".join(lines)


def _code(text: str) -> str:
    """Outside text as a code span of one line in a table."""
    return "`" + " ".join(text.replace("`", "'").replace("|", "/").split()) + "`"


def _plain(text: str) -> str:
    return text.replace("<", "\\<").replace("[", "\\[").replace("*", "\\*")
