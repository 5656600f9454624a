"""What does it cost?

Electricity, wear, rent or an API for the same tokens, and from when on owning beats the others.
"""

import streamlit as st

from planner.core.units import energy, mass, significant, usd
from planner.economics.break_even import curves, paybacks
from ui import bills, cost_charts, money
from ui.question import page, views
from ui.show.colours import ground
from ui.show.derivations import write
from ui.show.text import plain

answer = page.answered()
top = st.container()
with st.container(horizontal=True, vertical_alignment="top"):
    cost, error = money.answered(lambda: answer.cost)
    for draw in (money.prompt, money.answer, money.region, money.hours):
        with st.container(width=money.WIDTH):
            draw(cost)
if cost is None:
    money.refuse(error, answer.case.name)

million, day = cost.million, cost.day
with top:
    money.asked(answer)
    st.header(plain(money.conclusion(cost)), anchor=False)
    money.cautions(answer)
    with st.container(horizontal=True, gap="small"):
        wall = cost.work.kilowatts
        bills.metric(
            "At the wall",
            f"{significant(wall.expected * 1_000)} W",
            f"GPUs {significant(cost.work.gpu_watts.expected)} W of it",
            wall.steps,
            "wall",
            f"Between {significant(wall.low * 1_000)} and {significant(wall.high * 1_000)} W in eight cases of ten.",
        )
        bills.money("Electricity", million.electricity_usd, energy(million.energy_kwh.expected), "electricity", usd)
        bills.money("Own machine", million.own_usd, f"with wear, {cost.hours_per_day:g} h a day", "own", usd)
        bills.money("Rent", million.rent_usd, "by the hour of work", "rent", usd)
        bills.money("API", million.api_usd, "prompts included", "api", usd)
        bills.money("Carbon", million.carbon_kg, "CO2e", "carbon", mass)
    st.caption("For a million output tokens with the prompts that they answer, from the machine as from the API.")

drawn = curves(cost)
words = cost_charts.curve_words(drawn)
st.subheader(plain(words), anchor=False)
st.plotly_chart(
    cost_charts.break_even(drawn, cost.hours_per_day, ground()),
    key="break-even",
    theme=None,
    config={"displayModeBar": False},
    alt=words,
)
for back in paybacks(cost):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(money.payback(cost, back), width="content")
        if back.hours:
            bills.derivation("How", back.hours.steps, f"payback:{back.against}")
idle = cost.idle_kwh_per_day
if idle.expected:
    price = idle.expected * cost.prices.usd_per_kwh.expected
    st.caption(
        f"Idle for the other {24 - cost.hours_per_day:g} h of a day it draws {energy(idle.expected)}, {usd(price)};"
        " switched off, nothing."
    )

rows = (
    ("One request", cost.request),
    ("A million output tokens", million),
    (f"A day of {cost.hours_per_day:g} h at work", day),
)
TABS = {
    "Prices": lambda: money.price_fields(cost, answer.case.name),
    "Bills": lambda: bills.table(rows, "headroom-cost.csv", money.conclusion(cost)),
    "Offers to rent": lambda: money.offers_table(answer.case.gpus),
    "APIs": lambda: money.api_table(cost, answer.case.name),
    "Arithmetic": lambda: write(bills.steps((million, day))),
}
for name, tab in views.tabs(list(TABS), "cost-tab"):
    with tab:
        TABS[name]()
