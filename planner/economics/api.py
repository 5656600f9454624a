"""The same tokens from an API: prices by the genai-prices package, which carries its own table and needs no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any

from planner.core.errors import PlanError, did_you_mean
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.figure import figure, given
from planner.economics.prices import Quote
from planner.request import PlanRequest

API = Formula(
    "prompt_tokens * input_usd_per_million / 1000000 + output_tokens * output_usd_per_million / 1000000", "USD"
)
ASKED_TOKENS = 1_000
"""Prices are asked for a short request and multiplied: a long one falls into dearer tiers of some models."""

_TYPED = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*/\s*(\d{1,6}(?:\.\d{1,6})?)\s*")
_FAMILY = re.compile(r"^(meta|hf|unsloth|google|nvidia)-(?=llama|gemma|mistral)")
_ENDINGS = re.compile(
    r"-(instruct|chat|hf|it|turbo|lite|fast|versatile|specdec|fp8|fp4|awq|maas|preview|8192|v1-0|v1|0)$"
)


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """What an API takes for a million tokens in and out. `id` is `provider/model`, as the request's `api` names it."""

    id: str
    title: str
    input_usd_per_million: float
    output_usd_per_million: float
    as_of: str
    source: str

    def usd(self, prompt_tokens: float, output_tokens: float) -> float:
        return (prompt_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million) / 1e6


@cache
def ids() -> dict[str, str]:
    """Every price by its id, with the model's name as the package tells it."""
    return {f"{provider.id}/{model.id}": f"{model.name or model.id} ({provider.name})" for provider, model in _models()}


def _models() -> Iterator[tuple[Any, Any]]:
    try:
        from genai_prices.data import providers
    except ImportError:
        return
    for provider in providers:
        for model in provider.models:
            yield provider, model


@cache
def snapshot() -> str:
    """The day of the newest price change that the installed table knows."""
    today, newest = date.today(), date(2026, 1, 1)
    for _, model in _models():
        for conditional in model.prices if isinstance(model.prices, list) else ():
            start = getattr(conditional.constraint, "start_date", None)
            if start is not None and newest < start <= today:
                newest = start
    return newest.isoformat()


@lru_cache(maxsize=512)
def price(id: str) -> ApiPrice:
    """The price with this id (`openai/gpt-4o`, or only `gpt-4o`), or typed as `3/15`:

    USD for a million tokens in and out.

    Raises:
        PlanError: when the table has no such model, or no price for text.
    """
    if pair := _TYPED.fullmatch(id):
        return ApiPrice("typed", "Your API", float(pair[1]), float(pair[2]), "", "as given")
    wanted = id.strip()
    known = ids()
    named = [wanted] if wanted in known else [one for one in known if one.split("/", 1)[1] == wanted]
    if not named:
        raise PlanError(
            f"There is no API price called {wanted[:60]!r}.{did_you_mean(wanted, known)} Choose one of the list, or"
            " type prices.",
            "api",
        )
    found = next((one for one in map(_priced, named) if one is not None), None)
    if found is None:
        raise PlanError(f"The API {named[0]} has no price per token; choose another, or type prices.", "api")
    return found


@lru_cache(maxsize=4096)
def _priced(full: str) -> ApiPrice | None:
    from genai_prices import Usage, __version__, calc_price

    provider, model = full.split("/", 1)
    try:
        cost = calc_price(Usage(input_tokens=ASKED_TOKENS, output_tokens=ASKED_TOKENS), model, provider_id=provider)
    except (LookupError, ValueError, TypeError):
        return None
    into, out = float(cost.input_price) / ASKED_TOKENS * 1e6, float(cost.output_price) / ASKED_TOKENS * 1e6
    if into + out <= 0:
        return None
    return ApiPrice(
        full,
        ids()[full],
        round(into, 6),
        round(out, 6),
        snapshot(),
        f"https://github.com/pydantic/genai-prices {__version__}",
    )


@lru_cache(maxsize=256)
def same_model(model: str) -> tuple[ApiPrice, ...]:
    """Who serves this open model by the token, free trials and batches left out; cheapest for equal tokens in and out
    first.
    """
    wanted = plain_name(model)
    found = [_priced(full) for full in ids() if plain_name(full) == wanted and not full.endswith((":free", ":batch"))]
    return tuple(
        sorted(
            (one for one in found if one is not None),
            key=lambda one: (one.input_usd_per_million + one.output_usd_per_million, one.id),
        )
    )


@lru_cache(maxsize=8192)
def plain_name(name: str) -> str:
    """A model's name without its owner, its vendor's prefix and words that providers hang on: `llama-3-70b`.

    An instruct model and its base are one here: nobody sells tokens of the base.
    """
    short = name.rsplit("/", 1)[-1].split(":")[0].lower()
    short = re.sub(r"[^a-z0-9]+", "-", re.sub(r"v(\d+)p(\d+)", r"\1-\2", short)).strip("-")
    short = re.sub(r"^llama(?=\d)", "llama-", _FAMILY.sub("", short))
    while (cut := _ENDINGS.sub("", short)) != short:
        short = cut
    return short


def api_price(request: PlanRequest, model: str) -> tuple[ApiPrice | None, Quote]:
    """The price that the plan is compared with: named or typed in, else the middle one of those who serve the same
    model.

    Raises:
        PlanError: when the request names an API that is not known, or half a price.
    """
    if isinstance(request.api, dict):
        typed = _typed(request.api)
        return typed, Quote(_sentence(typed), "", typed.source)
    if request.api:
        chosen = price(request.api)
        return chosen, Quote(_sentence(chosen), chosen.as_of, chosen.source)
    served = same_model(model)
    if not served:
        return None, Quote("No API in the table serves this model; choose one to compare with, or type prices")
    middle = served[(len(served) - 1) // 2]
    return middle, Quote(
        f"{_sentence(middle)}, the middle one of {len(served)} that serve this model", middle.as_of, middle.source
    )


def _sentence(one: ApiPrice) -> str:
    return (
        f"{one.title}: {one.input_usd_per_million:g} USD in and {one.output_usd_per_million:g} USD out per million"
        " tokens"
    )


def _typed(fields: dict[str, float]) -> ApiPrice:
    wanted = ("input_usd_per_million", "output_usd_per_million")
    if set(fields) != set(wanted) or any(not 0 <= value <= 1e6 for value in fields.values()):
        raise PlanError(
            "An API price is input_usd_per_million and output_usd_per_million, both zero or more; give both.", "api"
        )
    return ApiPrice("typed", "Your API", fields[wanted[0]], fields[wanted[1]], "", "as given")


def api_usd(one: ApiPrice, prompt_tokens: float, output_tokens: float) -> Estimate:
    """The bill for a request of so many tokens."""
    into = given(
        f"{one.title}, tokens in", one.input_usd_per_million, "USD/M tokens", f"{one.source} {one.as_of}".strip()
    )
    out = given(
        f"{one.title}, tokens out", one.output_usd_per_million, "USD/M tokens", f"{one.source} {one.as_of}".strip()
    )
    return figure(
        API,
        "API price of a request",
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        input_usd_per_million=into,
        output_usd_per_million=out,
    )
