"""How long does the whole job take, and what does it cost? Questions, calls and tokens against hours, kWh and money."""

import streamlit as st

from planner.core.units import duration, energy, mass, usd
from planner.economics.job import schedule
from ui import bills, cost_charts, jobs, money
from ui.question import page, views
from ui.show.colours import ground
from ui.show.derivations import write
from ui.show.text import plain

answer = page.answered()
top = st.container()
with st.container(horizontal=True, vertical_alignment="top"):
    job, error = money.answered(lambda: answer.job)
    cost = job.cost if job else None
    for draw in (jobs.requests, jobs.calls, jobs.concurrency, money.prompt, money.answer, money.hours):
        with st.container(width=money.WIDTH):
            draw(cost)
if job is None:
    money.refuse(error, answer.case.name)

scheduled = schedule(job.duration_s, answer.request.hours_per_day)
bill = job.bill
with top:
    money.asked(answer)
    st.header(plain(jobs.conclusion(job)), anchor=False)
    money.cautions(answer)
    with st.container(horizontal=True, gap="small"):
        bills.metric(
            "Duration",
            duration(job.duration_s.expected),
            cost_charts.between(job.duration_s, duration),
            job.duration_s.steps,
            "duration",
            "Of the machine at work, without pauses. The range is that of the speed.",
        )
        bills.money("Electricity", bill.electricity_usd, energy(bill.energy_kwh.expected), "electricity", usd)
        bills.money("Own machine", bill.own_usd, "with wear and idling", "own", usd)
        bills.money("Rent", bill.rent_usd, "by the hour", "rent", usd)
        bills.money("API", bill.api_usd, "every call", "api", usd)
        bills.money("Carbon", bill.carbon_kg, "CO2e", "carbon", mass)
    if pays := jobs.pays(job):
        st.caption(pays)

words = jobs.calendar_words(scheduled)
st.subheader(plain(words), anchor=False)
st.plotly_chart(
    cost_charts.calendar(scheduled, ground()), key="calendar", theme=None, config={"displayModeBar": False}, alt=words
)
TABS = {
    "Calendar": lambda: jobs.calendar_table(scheduled, words),
    "Progress": lambda: jobs.progress_table(job),
    "Bill": lambda: bills.table(
        (("The job", bill), ("One call", job.cost.request)), "headroom-job-cost.csv", jobs.conclusion(job)
    ),
    "Prices": lambda: money.price_fields(job.cost, answer.case.name, True),
    "Arithmetic": lambda: write(bills.steps((bill,))),
}
for name, tab in views.tabs(list(TABS), "job-tab"):
    with tab:
        TABS[name]()
