"""The speed of a plan as its pages, its costs and its jobs read it: every figure with its range and its steps."""

from __future__ import annotations

from planner.case import Case
from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step
from planner.memory.quantity import Memory
from planner.performance import power
from planner.performance.speed import Assumed, Speed
from planner.performance.spread import Spread, spread_of
from planner.performance.timing import DECODE, PER_SEQUENCE, PREFILL, Timing

IDLE_FIRST_TOKEN = Formula("prefill_s", "s")
REPLICAS = Formula("replicas * tokens_s", "tokens/s")


def speed_of(case: Case, memory: Memory) -> Speed:
    """How fast a plan runs at its batch and context."""
    return speed_at(Timing.of(case, memory))


def speed_at(timing: Timing) -> Speed:
    """The same from a timing, which `Timing.at` gives for any number of requests in flight."""
    spread = spread_of(timing.case.request.engine, [place.gpu for place in timing.route.places])
    decoding = (*(step for part in timing.passes for step in part.steps), *timing.steps)
    reading = (*(step for part in timing.prompt_passes for step in part.steps), timing.prompt_step)
    total = DECODE("Decode", sequences=timing.sequences * timing.replicas, step_s=timing.step.value)
    each = PER_SEQUENCE("Decode of one sequence", step_s=timing.step.value)
    prefill = PREFILL("Prefill", tokens=timing.prompt, seconds=timing.prompt_step.value)
    idle = IDLE_FIRST_TOKEN("Time to first token on an idle machine", prefill_s=timing.prompt_step.value)
    first = timing.first_token
    served = timing.served
    all_served = REPLICAS("Throughput of all replicas", replicas=timing.replicas, tokens_s=served[-1].value)
    draw = power.watts(timing, spread)
    return Speed(
        prefill_tokens_per_s=ranged(spread, "prefill", *reading, prefill),
        decode_tokens_per_s=ranged(spread, "decode", *decoding, total),
        decode_tokens_per_s_per_sequence=ranged(spread, "decode", *decoding, each),
        throughput_tokens_per_s=ranged(
            spread, "throughput", *decoding, *served, *((all_served,) if timing.replicas > 1 else ())
        ),
        time_to_first_token_s=waiting(timing, spread, *reading, *timing.steps, first),
        idle_time_to_first_token_s=inverse(spread, "prefill", *reading, idle),
        time_per_output_token_s=inverse(spread, "decode", *decoding),
        watts=draw.serving,
        prefill_watts=draw.prefill,
        decode_watts=draw.decode,
        idle_watts=draw.idle,
        limit=limit_of(timing),
        assumes=Assumed(timing.prompt, timing.output, timing.depth, timing.sequences * timing.replicas),
        extrapolated=spread.extrapolated,
    )


def ranged(spread: Spread, figure: str, *steps: Step) -> Estimate:
    low, high = spread.factors(figure)
    return Estimate.between(low, high, *steps)


def waiting(timing: Timing, spread: Spread, *steps: Step) -> Estimate:
    """The time to the first token: as far off as a prompt's alone where nobody else is served, else as under load,
    whichever is wider.
    """
    alone = inverse(spread, "prefill", *steps)
    queue = timing.queue
    if timing.sequences <= 1 or queue is None:
        return alone
    value = alone.expected
    return Estimate(min(alone.low, value * queue.low), value, max(alone.high, value * queue.high), steps)


def inverse(spread: Spread, figure: str, *steps: Step) -> Estimate:
    """A time: slow where the speed is low."""
    low, high = spread.factors(figure)
    return Estimate.between(1 / high, 1 / low, *steps)


def spent(timing: Timing) -> dict[str, float]:
    """Seconds of a decode step by what they go to."""
    parts = {"host": 0.0, "bandwidth": 0.0, "compute": 0.0, "link": 0.0, "overhead": timing.found[-1].step_s}
    for place, part in zip(timing.route.places, timing.passes, strict=True):
        parts["overhead"] += part.overhead
        parts["link"] += part.link
        parts["host" if place.gpu is None else "compute" if part.compute_bound else "bandwidth"] += part.weights
        parts["host" if place.gpu is None else "bandwidth"] += part.attention
    return parts


def limit_of(timing: Timing) -> str:
    """What the decode step spends most of its time on."""
    parts = spent(timing)
    return max(parts, key=lambda name: parts[name])
