"""How long a plan takes: for a decode step, for a prompt, and for a step that does both.

decode step  = sum of the places' passes + step overhead             (one after another; ranks of a place together)
prompt       = chunks of it through the places                        (places that take turns overlap on different
chunks) mixed step   = one token of every sequence and a chunk of a newcomer's prompt in the same pass, as serving
engines do
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil

from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.formula import Formula, Step
from planner.engines.info import info
from planner.memory.quantity import Memory
from planner.performance.host import host_of
from planner.performance.links import pcie
from planner.performance.passes import STAGED_FROM, Seconds, fetched, run
from planner.performance.places import Route, route
from planner.performance.rates import Kernels, Rates, Row, era_of, rates, rates_from
from planner.performance.speculation import ROUND, Speculation
from planner.request import PlanRequest

PROMPT_TOKENS, OUTPUT_TOKENS = 1_024, 256
"""Of a request that doesn't say: a question with some context, and an answer of a few paragraphs."""

STEP = Formula("passes_s + step_s", "s", "the places one after another, and what every step costs")
CHUNKS = Formula("chunks * (passes_s + step_s)", "s", "a prompt in chunks, each through all places")
PIPELINED = Formula(
    "chunks * step_s + (1 - overlap) * chunks * passes_s + overlap * ((chunks - 1) * slowest_s + passes_s)",
    "s",
    "a prompt in chunks; where they overlap, each place works on another one",
)
PER_SEQUENCE = Formula("1 / step_s", "tokens/s")
DECODE = Formula("sequences / step_s", "tokens/s")
PREFILL = Formula("tokens / seconds", "tokens/s")
MIXED = Formula(
    "max(min(output_tokens, sequences), sequences * prompt_tokens / chunk)",
    "steps",
    "steps of a request's life that also read a newcomer's prompt",
)
THROUGHPUT = Formula(
    "sequences * output_tokens / (max(output_tokens - mixed_steps, 0) * step_s + mixed_steps * mixed_s)",
    "tokens/s",
    "continuous batching: while a request writes its answer, every other slot gets one new prompt",
)

FIRST_TOKEN = Formula(
    "wait_s + prompt_s + queue * (sequences - 1) * prompt_s + steps * (1 - 1 / sequences) * step_s",
    "s",
    "data/calibration/first_token.csv: the scheduler, the request's own prompt, those that came with it, and steps of"
    " those that are decoding",
)
ALONE_TOGETHER = 0.5
"""Mean share of the prompts that started together which are read before one's own."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What a request waits for on a serving engine beside its own prompt.

    Attributes:
        wait_s: in the server and its scheduler, where others are served.
        burst: share of the other prompts in flight that are read before its own, as benchmark clients start.
        steps: decode steps of the others.
        low, high: factors to the 10th and 90th percentile of what was measured.
    """

    wait_s: float
    burst: float
    steps: float
    low: float
    high: float


@cache
def queues() -> dict[str, Queue]:
    """The row of each engine."""
    names = ("wait_s", "burst", "steps", "low", "high")
    return {row["engine"]: Queue(*(float(row[name]) for name in names)) for row in table("calibration/first_token")}


def tokens_of(request: PlanRequest) -> tuple[int, int]:
    """Prompt and output of one request: as it says, else an ordinary one as far as the context holds it."""
    output = request.output_tokens or min(OUTPUT_TOKENS, max(request.context // 4, 1))
    return request.prompt_tokens or min(PROMPT_TOKENS, max(request.context - output, 1)), output


def kernels_of(case: Case, way: Route) -> Kernels:
    """What computes a plan's passes."""
    request = case.request
    turns = sum(place.gpu is not None for place in way.places) > 1 and way.degrees.tensor == 1
    return Kernels(
        request.engine,
        request.backend,
        way.format,
        era_of(request.engine, request.engine_version),
        {True: "flash", False: "no-flash", None: ""}[request.flash_attention],
        turns and not info(request.engine).serves,
    )


@dataclass(frozen=True)
class Timing:
    """The passes of one replica of a plan, and the requests that it serves.

    Attributes:
        found: what the engine reaches on each place of the route.
        staging: what it reaches on the first GPU, which computes a long prompt's host layers; None without a GPU.
        sequences: in flight, no more than the cache holds.
        depth: tokens in the cache of each while decoding.
        prompt, output: tokens of one request.
    """

    case: Case
    memory: Memory
    route: Route
    found: tuple[Rates, ...]
    staging: Rates | None
    sequences: float
    depth: float
    prompt: int
    output: int

    @classmethod
    def of(cls, case: Case, memory: Memory) -> Timing:
        """The timing of a plan."""
        request, way, host = case.request, route(case, memory), host_of(case)
        kernels, hosted = kernels_of(case, way), (host.gb_per_s, host.tflops)
        found = tuple(rates(kernels, place.gpu, hosted) for place in way.places)
        staging = rates(kernels, case.gpus[0], hosted) if case.gpus else None
        prompt, output = tokens_of(request)
        depth = request.context_depth if request.context_depth is not None else prompt + output / 2
        return cls(case, memory, way, found, staging, 1.0, float(depth), prompt, output).at(
            min(request.batch, request.concurrency or request.batch)
        )

    def at(self, batch: float) -> Timing:
        """The same plan with another number of requests in flight over all replicas."""
        return replace(self, sequences=min(max(batch / self.replicas, 1.0), self.most))

    def calibrated(self, rows: tuple[Row, ...]) -> Timing:
        """The same plan by another calibration."""
        host, kernels = host_of(self.case), kernels_of(self.case, self.route)

        def of(gpu: Gpu | None) -> Rates:
            return rates_from(rows, kernels, gpu, (host.gb_per_s, host.tflops))

        found = tuple(of(place.gpu) for place in self.route.places)
        return replace(self, found=found, staging=of(self.case.gpus[0]) if self.case.gpus else None)

    @property
    def replicas(self) -> int:
        return self.case.request.data_parallel or 1

    @cached_property
    def most(self) -> float:
        """Requests that run at once on a replica; the rest wait."""
        most, pool = float(self.case.request.max_num_seqs or 1e9), self.memory.pool
        return max(min(most, pool.tokens / (self.prompt + self.output)), 1.0) if pool and pool.tokens else most

    @cached_property
    def passes(self) -> list[Seconds]:
        """Each place's part of a decode step; stages of a server decode different sequences at once."""
        return [
            run(place, rate, self.share, self.depth, each=self.each)
            for place, rate in zip(self.route.places, self.found, strict=True)
        ]

    @property
    def share(self) -> float:
        return max(self.sequences / self.route.degrees.pipeline, 1.0)

    @cached_property
    def speculation(self) -> Speculation | None:
        """What the request drafts, if anything."""
        spec = self.case.request.speculative
        return Speculation.of(spec) if spec else None

    @property
    def each(self) -> float:
        """Tokens of a sequence in a step: its next one, and those that were drafted."""
        return 1.0 + (self.speculation.drafted if self.speculation else 0)

    @cached_property
    def pass_step(self) -> Step:
        """Seconds of one pass that decodes: a token of every sequence, and a check of what was drafted."""
        return STEP(
            "Time of a decode step", passes_s=sum(part.total for part in self.passes), step_s=self.found[-1].step_s
        )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """How the time between two tokens comes about, the last of which is it."""
        if not self.speculation:
            return (self.pass_step,)
        place, rates_there = self.route.places[-1], self.found[-1]
        weights = self.memory.weights.tensor_bytes.expected
        bits = 8 * weights / max(self.case.architecture.parameters, 1)
        draft = self.speculation.draft(place, rates_there, self.share, self.depth, bits)
        tokens = self.speculation.tokens()
        return (
            self.pass_step,
            draft,
            tokens,
            ROUND(
                "Time between two tokens",
                check_s=self.pass_step.value,
                draft_s=draft.value,
                tokens=tokens.value,
            ),
        )

    @property
    def step(self) -> Step:
        """Seconds between two tokens of a sequence."""
        return self.steps[-1]

    @property
    def history(self) -> float:
        """Tokens in the cache before the prompt: a stated depth beyond the request's own tokens is a conversation so
        far.
        """
        return self.depth if self.depth > self.prompt + self.output else 0.0

    @cached_property
    def chunks(self) -> int:
        return ceil(self.prompt / self.route.chunk)

    @cached_property
    def prompt_passes(self) -> list[Seconds]:
        """Each place's part of the middle chunk of a prompt."""
        tokens = self.prompt / self.chunks
        before = self.history + (self.prompt - tokens) / 2
        gpu = self.staging
        return [
            fetched(place.work, gpu, pcie(self.case.gpus[0]), tokens, before)
            if gpu and place.staged and tokens >= STAGED_FROM
            else run(place, rate, 0.0, 0.0, tokens, before)
            for place, rate in zip(self.route.places, self.found, strict=True)
        ]

    @cached_property
    def prompt_step(self) -> Step:
        """Seconds to read one prompt on an idle machine."""
        totals, last = [part.total for part in self.prompt_passes], self.found[-1]
        rest = last.step_s + last.prompt_step_s
        if self.route.pipelined and self.chunks > 1:
            return PIPELINED(
                "Time to read the prompt",
                chunks=self.chunks,
                passes_s=sum(totals),
                slowest_s=max(*totals, sum(part.overhead for part in self.prompt_passes)),
                step_s=rest,
                overlap=self.found[-1].overlap,
            )
        return CHUNKS("Time to read the prompt", chunks=self.chunks, passes_s=sum(totals), step_s=rest)

    @property
    def queue(self) -> Queue | None:
        """What requests wait for, by the engine's own row or, of a serving engine without one, the first;

        None for engines that take one prompt after another.
        """
        name = self.case.request.engine
        return queues().get(name) or (next(iter(queues().values())) if info(name).serves else None)

    @cached_property
    def first_token(self) -> Step:
        """Mean seconds until the first token of the requests in flight.

        In a `burst` of as many requests as are in flight, half of the other prompts are read first; benchmarks send
        several times as many, of which only the first wave waits so long. Of `steady` requests, each finds the others
        decoding.
        """
        request, queue = self.case.request, self.queue
        waves = max(request.requests / request.batch, 1.0) if request.requests else None
        share = (
            0.0
            if request.arrival == "steady"
            else ALONE_TOGETHER / (waves or 1.0)
            if waves or queue is None
            else queue.burst
        )
        loaded = self.sequences > 1 and queue is not None
        return FIRST_TOKEN(
            "Time to first token",
            wait_s=queue.wait_s if loaded and queue else 0.0,
            prompt_s=self.prompt_step.value,
            queue=share,
            sequences=self.sequences,
            steps=queue.steps if loaded and queue else 0.0,
            step_s=self.step.value,
        )

    @cached_property
    def served(self) -> tuple[Step, ...]:
        """Output tokens a second of one replica, every prompt read in between."""
        steps = MIXED(
            "Steps with a prompt",
            output_tokens=self.output,
            sequences=self.sequences,
            prompt_tokens=self.prompt,
            chunk=self.route.chunk,
        )
        if info(self.case.request.engine).serves:
            tokens = self.sequences * self.prompt / float(steps.value)
            stages = self.route.degrees.pipeline
            parts = [
                run(place, rate, self.share, self.depth, tokens / stages, self.history, self.each)
                for place, rate in zip(self.route.places, self.found, strict=True)
            ]
            mixed = STEP(
                "Time of a step that also reads a prompt",
                passes_s=sum(part.total for part in parts),
                step_s=self.found[-1].step_s + self.found[-1].prompt_step_s,
            )
            inner = tuple(step for part in parts for step in part.steps)
            if self.speculation:
                inner = (*inner, mixed)
                draft, yielded = self.steps[1:3]
                mixed = ROUND(
                    "Time a token of such a step", check_s=mixed.value, draft_s=draft.value, tokens=yielded.value
                )
        else:
            steps = MIXED(
                "Prompts read",
                output_tokens=self.sequences,
                sequences=self.sequences,
                prompt_tokens=0,
                chunk=self.route.chunk,
            )
            mixed = STEP(
                "Time to read a prompt and decode a token",
                passes_s=float(self.prompt_step.value),
                step_s=float(self.step.value),
            )
            inner = ()
        rate = THROUGHPUT(
            "Throughput",
            sequences=self.sequences,
            output_tokens=self.output,
            mixed_steps=steps.value,
            step_s=self.step.value,
            mixed_s=mixed.value,
        )
        return (*inner, steps, mixed, rate)
