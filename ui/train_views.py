"""What the fine-tuning page shows: verdict, figures, the bar by phase, the ladder, and the tables around them."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd
import streamlit as st

from planner.core.formula import Step
from planner.core.units import count, mem, scale, symbol
from planner.memory.quantity import Quantity
from planner.training.answer import train_json
from planner.training.ladder import Rung, cheapest
from planner.training.memory import TrainDevice
from planner.training.plan import TrainPlan
from planner.training.snippets import snippets
from ui.question import address
from ui.question.form import TRAIN
from ui.show import memory_bar
from ui.show.chart import drawn
from ui.show.colours import VERDICTS, Part, ground
from ui.show.derivations import derivation
from ui.show.figures import WIDTH, quick
from ui.show.text import plain

PARTS = (
    Part(("weights",), "Weights", "#2f68ad", "#ffffff"),
    Part(("gradients",), "Gradients", "#b4552d", "#ffffff"),
    Part(("optimizer",), "Optimizer", "#efa73a", "#1b2430"),
    Part(("activation",), "Activations", "#2f9488", "#ffffff"),
    Part(("overhead",), "Overhead", "#d8c3ea", "#1b2430"),
)
PHASES = {"forward": "Forward pass", "backward": "Backward pass", "step": "Optimizer step"}
A_ROW = 3


def verdict(plan: TrainPlan) -> None:
    """What was asked, and the answer."""
    request, model = plan.request, plan.case.architecture
    share = plan.trainable_parameters / max(model.parameters, 1)
    st.text(
        f"{plan.case.name}: {count(model.parameters)} parameters, {count(plan.trainable_parameters)} trained"
        f" ({share:.2%}), {request.micro_batch:,} x {request.seq_len:,} tokens a micro-batch"
    )
    colour, icon = VERDICTS[plan.fit.verdict]
    st.header(f":{colour}[{icon}] {plain(plan.fit.reason)}", anchor=False)
    for note in plan.notes:
        st.caption(plain(note))
    if not model.exact:
        st.warning(plain(model.note or "The counts of this architecture are an estimate."), icon=":material/info:")


def figures(plan: TrainPlan) -> None:
    """A row of key figures, each with its steps."""
    with st.container(horizontal=True, gap="small"):
        for index, (label, value, under, steps, words) in enumerate(_figures(plan)):
            with st.container(width=WIDTH, gap=None):
                st.metric(label, value, under, delta_color="off", delta_arrow="off")
                derivation("How", steps, f"train:{index}", words)


Shown = tuple[str, str, str, Iterable[Step], str]


def _figures(plan: TrainPlan) -> list[Shown]:
    device, peak, torch, speed, job = plan.fullest, plan.peak, plan.peak_allocated, plan.speed, plan.job
    steps = [step for part in (*device.parts, device.total) for step in part.steps] if device else []
    found: list[Shown] = [
        (
            "Peak memory",
            mem(peak.expected),
            f"{mem(peak.low)} to {mem(peak.high)}",
            steps,
            "What nvidia-smi shows at most on the fullest GPU.",
        ),
        (
            "PyTorch allocates",
            mem(torch.expected),
            f"{mem(torch.low)} to {mem(torch.high)}",
            device.allocated.steps if device else (),
            "Without the CUDA context and the blocks that the allocator keeps for later.",
        ),
        (
            "Host memory",
            mem(plan.host.total.expected),
            f"{mem(plan.host.disk.expected)} of disk",
            [*plan.host.total.steps, *plan.host.disk.steps],
            "",
        ),
    ]
    if speed:
        rate = speed.tokens_per_s
        found.append(
            (
                "Speed",
                f"{quick(rate.expected)} tok/s",
                f"{quick(rate.low)} to {quick(rate.high)}",
                rate.steps,
                (
                    f"Over all GPUs; {speed.mfu:.0%} of their peak does useful arithmetic. {LIMITS[speed.limit]} sets"
                    " the pace."
                ),
            )
        )
    if job:
        found.append(
            (
                "Duration",
                hours(job.duration_s.expected),
                f"{job.steps:,} steps",
                job.duration_s.steps,
                _between(job.duration_s),
            )
        )
        money = job.rent_usd
        price = f"{job.electricity_usd.expected:,.2f} USD of electricity"
        if money:
            found.append(
                ("Rent", f"{money.expected:,.2f} USD", price, job.derivation, plain(job.quotes["rent"].sentence))
            )
        else:
            found.append(
                (
                    "Electricity",
                    f"{job.electricity_usd.expected:,.2f} USD",
                    f"{job.energy_kwh.expected:,.2f} kWh",
                    job.derivation,
                    "",
                )
            )
    return found


LIMITS = {
    "compute": "Arithmetic",
    "launches": "The processor, which starts the kernels,",
    "link": "The link over which weights are gathered",
}


def _between(duration: object) -> str:
    low, high = getattr(duration, "low", 0.0), getattr(duration, "high", 0.0)
    return f"Between {hours(low)} and {hours(high)} in eight cases of ten."


def hours(seconds: float) -> str:
    """A duration as people say it: `45 s`, `12 min`, `3.4 h`, `6.1 days`."""
    if seconds < 90:
        return f"{seconds:,.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:,.0f} min"
    return f"{seconds / 3_600:,.1f} h" if seconds < 172_800 else f"{seconds / 86_400:,.1f} days"


def bar_rows(device: TrainDevice) -> list[memory_bar.Row]:
    """The fullest GPU at the highest moment of each phase."""
    line = device.timeline
    if line is None:
        return []
    buckets = max(device.gradients.expected - line.step.gradients, 0)
    fixed = (device.weights.expected, device.optimizer.expected)
    extra = max(device.allocated.expected - fixed[0] - fixed[1] - buckets - line.peak.total, 0)
    found = []
    for moment in (line.forward, line.backward, line.step):
        working = moment.kept + moment.working + extra
        parts = (fixed[0], moment.gradients + buckets, fixed[1], working, device.overhead.expected)
        size = sum(parts)
        below = device.total.expected - device.total.low
        above = device.total.high - device.total.expected
        total = Quantity(max(size - below, 0), size, size + above)
        found.append(memory_bar.Row(PHASES[moment.name], parts, total, device.usable_bytes, device.capacity_bytes))
    return found


def bar(plan: TrainPlan) -> None:
    """Memory of the fullest GPU by phase, in the frame of its capacity."""
    device = plan.fullest
    if device is None or device.timeline is None:
        return
    rows = bar_rows(device)
    highest = max(rows, key=lambda row: row.total.expected)
    said = (
        f"{device.name}: the {highest.name.lower()} needs the most: {mem(highest.total.expected)}, with"
        f" {mem(device.usable_bytes)} usable."
    )
    st.markdown(plain(said))
    chart = memory_bar.figure(rows, ground(), PARTS)
    # Two parts more than inference has: on a phone their names take two more lines under the axis.
    chart["layout"]["height"] += 48
    chart["layout"]["margin"]["b"] += 48
    st.plotly_chart(drawn(chart), key="phases", theme=None, config={"displayModeBar": False}, alt=said)


def rungs(plan: TrainPlan, found: tuple[Rung, ...]) -> None:
    """The ladder: each change, what it saves and what it costs, one click each."""
    if not found:
        st.caption("Every saving that Headroom knows is in use already.")
        return
    best = cheapest(found)
    if not plan.fit.runs:
        st.markdown(
            f"**Cheapest way to make it fit: {plain(best.title)}**"
            if best
            else "**No single change makes it fit: combine some of these**"
        )
    else:
        st.markdown("**What each saving does**")
    for start in range(0, len(found), A_ROW):
        for column, rung in zip(st.columns(A_ROW), found[start : start + A_ROW], strict=False):
            with column:
                icon = VERDICTS[rung.fit.verdict][1]
                st.button(
                    rung.title,
                    key=f"rung:{rung.title}",
                    on_click=TRAIN.change,
                    args=(plan.request, rung.change),
                    width="stretch",
                    icon=icon,
                    type="primary" if rung is best and not plan.fit.runs else "secondary",
                )
                st.caption(
                    plain(
                        f"{mem(rung.peak_bytes)}, {mem(rung.saved_bytes)} less; {_pace(rung.slowdown)}."
                        f" {rung.why[0].upper()}{rung.why[1:]}."
                    )
                )


def _pace(slowdown: float | None) -> str:
    if slowdown is None:
        return "time unknown"
    if abs(slowdown - 1) < 0.02:
        return "as fast"
    return f"{slowdown - 1:+.0%} time" if slowdown < 3 else f"{slowdown:.1f} times as long"


def parts_table(plan: TrainPlan) -> None:
    """Every part of every GPU with its range, to sort and to take away."""
    rows = []
    for device in plan.devices[:64]:
        names = ("Weights", "Gradients", "Optimizer", "Activations", "Overhead", "Total")
        for name, part in zip(names, (*device.parts, device.total), strict=True):
            rows.append(
                (
                    f"{device.index}: {device.name}",
                    name,
                    part.expected / scale(),
                    part.low / scale(),
                    part.high / scale(),
                )
            )
    frame = pd.DataFrame(
        rows, columns=["Device", "Part", f"Expected ({symbol()})", f"Low ({symbol()})", f"High ({symbol()})"]
    )
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        frame,
        hide_index=True,
        alt=plan.fit.reason,
        column_config={name: number for name in frame.columns if symbol() in name},
        placeholder="",
    )
    with st.container(horizontal=True):
        st.download_button(
            "Table as CSV",
            frame.to_csv(index=False),
            "headroom-training.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Answer as JSON",
            lambda: json.dumps(train_json(plan, derivation=True), indent=2),
            "headroom-train.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )


def run_it(plan: TrainPlan) -> None:
    """The run as code for three trainers."""
    for command in snippets(plan):
        st.markdown(f"**{command.title}**")
        st.code(
            command.text,
            language="yaml" if command.title == "Axolotl" else "bash" if command.title == "torchtune" else "python",
            wrap_lines=True,
        )
    st.caption(
        "Samples are read from train.jsonl. The settings are those of the sidebar, written for each trainer's current"
        " release."
    )


def link() -> None:
    """The address of this plan, to copy."""
    st.code(address.link(TRAIN), language=None, wrap_lines=True)
    st.caption("The same as the address bar: it holds the whole question.")
