"""The speed of a plan: time to read its prompt, time of a decode step, and what a server makes of both.

decode step  = sum of the places' passes + step overhead             (one after another; ranks of a place together)
prefill      = chunks * sum of the places' passes                    (places that take turns on chunks overlap)
throughput   = sequences * output / (output * step + sequences * prefill)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from planner.engines.base import Case
from planner.estimate import Estimate
from planner.formula import Formula, Step
from planner.memory.quantity import Memory
from planner.performance import power
from planner.performance.host import host_of
from planner.performance.passes import Seconds, decode, prefill, slot
from planner.performance.places import Route, route
from planner.performance.rates import Rates, rates
from planner.performance.speed import Speed
from planner.performance.spread import Spread, spread_of
from planner.request import PlanRequest

PROMPT_TOKENS, OUTPUT_TOKENS = 1_024, 256
"""Of a request that doesn't say: a question with some context, and an answer of a few paragraphs."""

TOKENS_S = Formula("sequences / step_s", "tokens/s")
STEP_S = Formula("passes_s + step_s", "s", "the places one after another, and what every step costs")
PER_SEQUENCE = Formula("1 / step_s", "tokens/s")
PREFILL = Formula("tokens / seconds", "tokens/s")
THROUGHPUT = Formula(
    "sequences * output_tokens / (output_tokens * step_s + sequences * prefill_s)", "tokens/s",
    "continuous batching: every request's prompt is read while the others decode",
)  # fmt: skip
CHUNKS = Formula("(chunks * passes_s + (places - 1) * slowest_s) / places_at_once + chunks * step_s", "s", "a prompt in chunks; places that take turns overlap")


@dataclass(frozen=True)
class Timing:
    """The passes of a plan, and the request that they serve.

    Attributes:
        sequences: in flight on one replica, no more than its cache holds.
        depth: tokens in the cache of each while decoding.
        prompt, output: tokens of one request.
        step_s, prefill_s: seconds of a decode step and of reading one prompt.
    """

    case: Case
    memory: Memory
    route: Route
    found: tuple[Rates, ...]
    sequences: float
    depth: float
    prompt: int
    output: int

    @classmethod
    def of(cls, case: Case, memory: Memory, sequences: int | None = None) -> Timing:
        """The timing of a plan, or of the same plan with another number of sequences."""
        request, way = case.request, route(case, memory)
        host = host_of(case)
        found = tuple(rates(request.engine, request.backend, place.gpu, way.format, (host.gb_per_s, host.tflops)) for place in way.places)
        prompt, output = tokens_of(request)
        depth = request.context_depth if request.context_depth is not None else prompt + output / 2
        wanted = (sequences or request.batch) / (request.data_parallel or 1)
        return cls(case, memory, way, found, min(wanted, most_at_once(case, memory, prompt + output)), depth, prompt, output)

    def passes(self) -> list[Seconds]:
        """Each place's part of a decode step; with pipeline stages, of the sequences that are on it at once."""
        share = max(self.sequences / len(self.route.places), 1) if self.staged else self.sequences
        return [decode(place, rate, share, self.depth) for place, rate in zip(self.route.places, self.found, strict=True)]

    @property
    def staged(self) -> bool:
        """Whether pipeline stages of a server decode different sequences at once."""
        return self.route.degrees.pipeline > 1

    def prompt_passes(self) -> tuple[int, float, list[Seconds]]:
        """Chunks of a prompt, the tokens of one, and the passes of the middle one."""
        chunks = ceil(self.prompt / self.route.chunk)
        tokens = self.prompt / chunks
        gpu = next(((rate, slot(place)) for place, rate in zip(self.route.places, self.found, strict=True) if place.gpu), None)
        fetched = (gpu[0], gpu[1]) if gpu and gpu[1] else None
        before = (self.prompt - tokens) / 2
        return chunks, tokens, [prefill(place, rate, tokens, before, fetched) for place, rate in zip(self.route.places, self.found, strict=True)]


def tokens_of(request: PlanRequest) -> tuple[int, int]:
    """Prompt and output of one request: as it says, else an ordinary one as far as the context holds it."""
    output = request.output_tokens or min(OUTPUT_TOKENS, max(request.context // 4, 1))
    return request.prompt_tokens or min(PROMPT_TOKENS, max(request.context - output, 1)), output


def most_at_once(case: Case, memory: Memory, tokens: int) -> float:
    """Requests of this length that run at once; the rest wait."""
    most = float(case.request.max_num_seqs or 1e9)
    if memory.pool and memory.pool.tokens > tokens:
        most = min(most, memory.pool.tokens / tokens)
    return most


def speed_of(case: Case, memory: Memory) -> Speed:
    """How fast a plan runs at its batch and context."""
    timing = Timing.of(case, memory)
    spread = spread_of(
        case.request.engine, [place.gpu for place in timing.route.places], timing.route.format, len(timing.route.places), bool(memory.host.weights.expected)
    )
    passes = timing.passes()
    first = timing.found[-1]
    step = STEP_S("Time of a decode step", passes_s=sum(part.total for part in passes), step_s=first.step_s)
    replicas = case.request.data_parallel or 1
    total = TOKENS_S("Decode", sequences=timing.sequences * replicas, step_s=step.value)
    each = PER_SEQUENCE("Decode of one sequence", step_s=step.value)
    steps = [item for part in passes for item in part.steps] + [step]
    read_s, read_steps, chunk_passes = prompt_seconds(timing)
    reading = PREFILL("Prefill", tokens=timing.prompt, seconds=read_s)
    served = THROUGHPUT(
        "Throughput", sequences=timing.sequences, output_tokens=timing.output, step_s=step.value, prefill_s=read_s,
    )  # fmt: skip
    first_token = FIRST_TOKEN("Time to first token", prefill_s=read_s, step_s=0.0)
    watts = power.watts(timing, passes, float(step.value), chunk_passes, read_s)
    return Speed(
        prefill_tokens_per_s=ranged(spread, "prefill", *read_steps, reading),
        decode_tokens_per_s=ranged(spread, "decode", *steps, total),
        decode_tokens_per_s_per_sequence=ranged(spread, "decode", *steps, each),
        throughput_tokens_per_s=ranged(spread, "throughput", *steps, *read_steps, _times(served, replicas)),
        time_to_first_token_s=inverse(spread, "prefill", *read_steps, first_token),
        time_per_output_token_s=inverse(spread, "decode", *steps),
        watts=watts.serving, prefill_watts=watts.prefill, decode_watts=watts.decode, idle_watts=watts.idle,
        limit=limit_of(timing, passes, float(first.step_s)),
        extrapolated=spread.extrapolated,
    )  # fmt: skip


FIRST_TOKEN = Formula("prefill_s + step_s", "s")
REPLICAS = Formula("replicas * tokens_s", "tokens/s")


def _times(step: Step, replicas: int) -> Step:
    return step if replicas == 1 else REPLICAS("Throughput of all replicas", replicas=replicas, tokens_s=step.value)


def prompt_seconds(timing: Timing) -> tuple[float, tuple[Step, ...], list[Seconds]]:
    """Seconds to read one prompt, with their steps and the passes of one chunk."""
    chunks, _, passes = timing.prompt_passes()
    totals = [part.total for part in passes]
    overlap = timing.route.pipelined and chunks > 1
    step = CHUNKS(
        "Time to read the prompt", chunks=chunks, passes_s=sum(totals), places=len(totals) if overlap else 1, slowest_s=max(totals),
        places_at_once=len(totals) if overlap else 1, step_s=timing.found[-1].step_s,
    )  # fmt: skip
    return float(step.value), (*(item for part in passes for item in part.steps), step), passes


def ranged(spread: Spread, figure: str, *steps: Step) -> Estimate:
    low, high = spread.factors(figure)
    return Estimate.between(low, high, *steps)


def inverse(spread: Spread, figure: str, *steps: Step) -> Estimate:
    """A time: slow where the speed is low."""
    low, high = spread.factors(figure)
    return Estimate.between(1 / high, 1 / low, *steps)


def limit_of(timing: Timing, passes: list[Seconds], step_s: float) -> str:
    """What the decode step spends most of its time on."""
    spent = {"host": 0.0, "bandwidth": 0.0, "compute": 0.0, "link": 0.0, "overhead": step_s}
    for place, part in zip(timing.route.places, passes, strict=True):
        spent["overhead"] += part.overhead
        spent["link"] += part.link
        spent["host" if place.gpu is None else "compute" if part.compute_bound else "bandwidth"] += part.weights
        spent["host" if place.gpu is None else "bandwidth"] += part.attention
    return max(spent, key=lambda name: spent[name])
