"""`find()`: every model on some hardware, or every machine for a model, each in the best format that runs well there.

    request -> configurations (what is to be weighed) -> the best format of each (its own plan) -> those that no other
    beats on every figure -> sorted

A format is tried from large to small: the first that runs well is the best, because a smaller one only loses quality;
where none runs well, the fastest of those that run. What cannot fit is told by its weights alone. Every figure of a
candidate is that of its own plan.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, log2

from planner import catalog
from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu, gpus
from planner.core.data import table
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.economics.purchase import gpu_price
from planner.economics.rent import rent_per_hour
from planner.engines.info import info
from planner.engines.registry import engine
from planner.plan import DEFAULT_RAM_BYTES, Plan, plan, resolve_gpus
from planner.report.word import Word, word, words
from planner.request import PlanRequest
from planner.searches.find_request import FindRequest
from planner.searches.quality import Quality, quality
from planner.searches.ways_out import BEARABLE

COUNTS = (1, 2, 4, 8)
"""Cards that people put into one machine."""

OLDEST = 2016
"""Cards from before this year are not offered: their drivers and kernels have been dropped."""

LEAST_BITS = 3.0
"""Bits a weight below which nothing is offered, and so the least that a model's weights can take."""

KEPT = ("mxfp4",)
"""Formats that models are published in and that files of every type keep."""


@dataclass(frozen=True)
class Candidate:
    """One model in one format on some hardware.

    Attributes:
        plan: all of it.
        word: what its answer begins with.
        quality: of the model in this format.
        price_usd: what the GPUs sell for; None where nobody says, or where they are there already.
        usd_per_hour: what renting them costs.
    """

    plan: Plan
    word: Word
    quality: Quality
    price_usd: float | None
    usd_per_hour: float | None

    @property
    def request(self) -> PlanRequest:
        return self.plan.request

    @property
    def tokens_per_s(self) -> float:
        """Of one stream, expected."""
        if not self.plan.architecture.generates:
            return self.plan.speed.prefill_tokens_per_s.expected
        return self.plan.speed.decode_tokens_per_s_per_sequence.expected

    @property
    def memory_bytes(self) -> int:
        """What all devices and the host hold of it."""
        memory = self.plan.memory
        return sum(device.total.expected for device in memory.devices) + memory.host.total.expected

    @property
    def capacity_bytes(self) -> int:
        """What the GPUs can give, or, without any, the system memory."""
        devices = self.plan.memory.devices
        return sum(device.usable_bytes for device in devices) or self.plan.case.ram_bytes

    @property
    def watts(self) -> float:
        """What the GPUs draw while it runs."""
        return self.plan.speed.watts.expected

    @property
    def why(self) -> str:
        return f"{self.word.word}. {self.plan.fit.reason}"


@dataclass(frozen=True)
class Found:
    """The answer to a search.

    Attributes:
        candidates: the best first.
        searched: plans that were made.
        left_out: how many configurations were left out, by reason.
        seconds: how long it took.
    """

    candidates: tuple[Candidate, ...]
    searched: int
    left_out: dict[str, int]
    seconds: float


class _Search:
    """One search: what it has weighed and left out so far."""

    def __init__(self, request: FindRequest) -> None:
        self.request, self.searched, self.left_out = request, 0, Counter[str]()
        well = next(one for one in words() if one.max_first_token_s < inf)
        least, longest = request.min_tokens_per_s, request.max_time_to_first_token_s
        self.least = well.min_tokens_per_s if least is None else least
        self.longest = well.max_first_token_s if longest is None else longest

    def best(self, model: str, gpus: str) -> Candidate | None:
        """The best format and engine of a model on some GPUs."""
        found = [one for name in self.request.engines if (one := self._on(model, gpus, name))]
        if not found:
            self.left_out["does not fit"] += 1
            return None
        return max(found, key=self.rank)

    def _on(self, model: str, gpus: str, name: str) -> Candidate | None:
        slow: Candidate | None = None
        for format in self._formats(model, gpus, name):
            one = self._candidate(self.request.asks(model, format, name, gpus))
            if one is None:
                continue
            if self.fast(one):
                return one
            if slow is None or one.tokens_per_s > 1.1 * slow.tokens_per_s:
                slow = one
        return slow

    def _formats(self, model: str, gpus: str, name: str) -> Iterator[str]:
        """The formats worth a plan, the largest first; those whose weights alone find no room are passed over."""
        shape = catalog.find(model).architecture
        parameters, room = shape.parameters, self._room(gpus, name)
        kept = (shape.quantization or {}).get("quant_method") in KEPT
        for format, bits in (("auto", LEAST_BITS),) if kept else ladder(name):
            if parameters * bits / 8 <= room:
                yield format

    def _room(self, text: str, name: str) -> float:
        cards = _cards(text)
        own = sum(card.usable_bytes for card in cards)
        ram = self.request.system.ram_gib
        host = int(ram * 2**30) if ram else DEFAULT_RAM_BYTES
        return own + (host if info(name).splits_with_host and not any(card.unified for card in cards) else 0)

    def _candidate(self, request: PlanRequest) -> Candidate | None:
        self.searched += 1
        try:
            one = plan(request)
            if one.memory.refusal or one.fit.verdict == "does_not_fit":
                return None
            shape = one.architecture
            good = quality(request.model or "", shape, one.memory.weights.format)
            return Candidate(one, word(one), good, _price(one.case.gpus), _rent(one))
        except PlanError:
            return None

    def fast(self, one: Candidate) -> bool:
        """Whether it runs well by the limits of the search."""
        if one.word.word == "Tight":
            return False
        wait = one.plan.speed.idle_time_to_first_token_s.expected if one.plan.architecture.generates else 0.0
        return one.tokens_per_s >= self.least and wait <= self.longest

    def rank(self, one: Candidate) -> tuple[float, ...]:
        """Larger is better: those that run well first, then quality and, among equals, speed."""
        return (self.fast(one), one.quality.total, log2(1 + one.tokens_per_s))


def find(request: FindRequest) -> Found:
    """What runs well here, or what to run it on.

    Raises:
        PlanError: when the model or a GPU is unknown.
    """
    started, search = time.perf_counter(), _Search(request)
    weighed = list(_hardware(search) if request.model else _models(search))
    kept = _unbeaten(weighed, search, price=bool(request.model))
    kept.sort(key=_order(request, search), reverse=True)
    if len(kept) > request.limit:
        search.left_out["beyond the rows asked for"] = len(kept) - request.limit
    left_out = {reason: count for reason, count in search.left_out.items() if count}
    return Found(tuple(kept[: request.limit]), search.searched, left_out, time.perf_counter() - started)


def _models(search: _Search) -> Iterator[Candidate]:
    request = search.request
    text = PlanRequest(model="-", gpus=request.gpus).to_query().get("gpus", "")
    _cards(text)
    for model in catalog.most_used():
        if not suits(model.id, request.use):
            search.left_out[f"not for {request.use}"] += 1
        elif request.context > catalog.find(model.id).architecture.max_context:
            search.left_out["its own context is shorter"] += 1
        elif one := search.best(model.id, text):
            yield one


def _hardware(search: _Search) -> Iterator[Candidate]:
    request = search.request
    known = catalog.lookup(request.model or "")
    if known is None:
        catalog.find(request.model or "")
    name = known.id if known else request.model or ""
    for card, count in machines(request):
        if reason := _unwanted(request, card, count):
            search.left_out[reason] += 1
        elif one := search.best(name, f"{count}x {card.id}" if count > 1 else card.id):
            if request.max_watts is not None and one.watts > request.max_watts:
                search.left_out["draws more"] += 1
            elif request.rent_usd_per_hour is not None and (
                one.usd_per_hour is None or one.usd_per_hour > request.rent_usd_per_hour
            ):
                search.left_out["rent is higher or unknown"] += 1
            else:
                yield one


def machines(request: FindRequest) -> Iterator[tuple[Gpu, int]]:
    """Cards that can be bought or rented, one and several; a chip with its own memory stands alone."""
    named = [resolve(spec.name) for spec in request.gpus]
    for card in named or gpus():
        if card.year >= OLDEST:
            for count in COUNTS:
                if count <= (1 if card.unified else request.max_gpus):
                    yield card, count


def _unwanted(request: FindRequest, card: Gpu, count: int) -> str:
    price = gpu_price(card)
    if request.vendors and card.vendor.lower() not in (vendor.lower() for vendor in request.vendors):
        return "another maker"
    if request.rent_usd_per_hour is None and price is None:
        return "nobody says what it sells for"
    if request.budget_usd is not None and (price is None or price.usd * count > request.budget_usd):
        return "costs more"
    return ""


def _price(cards: Sequence[Gpu]) -> float | None:
    prices = [gpu_price(card) for card in cards]
    return sum(one.usd for one in prices if one) if cards and all(prices) else None


def _rent(one: Plan) -> float | None:
    found: Estimate | None = rent_per_hour(one.request, one.case.gpus)[0]
    return found.expected if found else None


def _unbeaten(weighed: Sequence[Candidate], search: _Search, price: bool) -> list[Candidate]:
    """Those that no other beats: as good in every figure and better in one."""

    def figures(one: Candidate) -> tuple[float, ...]:
        rest = (-(one.price_usd or inf), -(one.usd_per_hour or inf)) if price else (-float(one.memory_bytes),)
        longest = float(one.plan.architecture.max_context)
        return (search.fast(one), one.quality.total, one.tokens_per_s, longest, *rest)

    rows = [(one, figures(one)) for one in weighed]
    kept = [
        one
        for one, mine in rows
        if not any(other != mine and all(a >= b for a, b in zip(other, mine, strict=True)) for _, other in rows)
    ]
    search.left_out["beaten on every figure by another"] += len(weighed) - len(kept)
    return kept


def _order(request: FindRequest, search: _Search) -> Callable[[Candidate], tuple[float, ...]]:
    """What stands first: larger is earlier."""
    if request.sort == "quality":
        return lambda one: (one.quality.total, one.tokens_per_s)
    if request.sort == "speed":
        return lambda one: (one.tokens_per_s, one.quality.total)
    if request.sort == "price":
        return lambda one: (-(one.price_usd or inf), one.tokens_per_s)
    if request.sort == "efficiency":
        return lambda one: (one.tokens_per_s / max(one.watts, 1.0), one.quality.total)
    if request.model:  # the cheapest that runs well
        return lambda one: (search.fast(one), -(one.price_usd or inf), one.tokens_per_s)
    return search.rank


@cache
def ladder(name: str) -> tuple[tuple[str, float], ...]:
    """The formats of an engine that are offered, with their bits a weight, from large to small: of GGUF's those whose
    published loss is bearable, of others one for each width.
    """
    known = list(engine(name).formats())
    losses = {row["file_type"]: float(row["perplexity_increase"]) for row in table("gguf_quality")}
    if any(format in losses for format in known):
        offered = sorted((loss, format) for format, loss in losses.items() if format in known and loss <= BEARABLE)
        return tuple((format, max(LEAST_BITS, _bits(format))) for _, format in offered)
    return tuple(
        (("bf16" if format == "auto" else format), float(bits))
        for bits, format in sorted(info(name).formats.items(), reverse=True)
    )


def _bits(format: str) -> float:
    """The least bits a weight of a GGUF type, by the digit in its name."""
    return float(next(letter for letter in format if letter.isdigit()))


@cache
def _cards(text: str) -> tuple[Gpu, ...]:
    return resolve_gpus(PlanRequest.from_query({"model": "-", "gpus": text}).gpus) if text else ()


def suits(model: str, use: str) -> bool:
    """Whether a model is made for a use: embedding models do not write, and only some see or were trained on code."""
    shape = catalog.find(model).architecture
    if use == "embed":
        return not shape.generates or "embed" in model.lower()
    if not shape.generates or "embed" in model.lower() or "rerank" in model.lower():
        return False
    if use == "vision":
        return any(stack.name == "vision" for stack in shape.stacks)
    return True
