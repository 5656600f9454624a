"""A search's answer as JSON and as a table in a terminal."""

from __future__ import annotations

from typing import Any

from planner import catalog
from planner.core.units import mem, significant, usd
from planner.report.word import pace
from planner.searches.find import Candidate, Found


def find_json(found: Found) -> dict[str, Any]:
    """`{candidates, searched, left_out, seconds}`; each candidate's figures are those of its own plan."""
    return {
        "candidates": [_candidate(one) for one in found.candidates],
        "searched": found.searched,
        "left_out": found.left_out,
        "seconds": round(found.seconds, 3),
    }


def title(one: Candidate) -> str:
    """What the model is called."""
    known = catalog.models().get(one.plan.case.name)
    return known.title if known else one.plan.case.name


def hardware(one: Candidate) -> str:
    """The GPUs in a few words."""
    cards = one.plan.case.gpus
    names = list(dict.fromkeys(card.name for card in cards))
    counts = {name: sum(card.name == name for card in cards) for name in names}
    return " + ".join(f"{count}x {name}" if count > 1 else name for name, count in counts.items()) or "CPU only"


def _candidate(one: Candidate) -> dict[str, Any]:
    plan, speed = one.plan, one.plan.speed
    return {
        "request": plan.request.given(),
        "model": plan.case.name,
        "quantization": plan.memory.weights.format,
        "engine": plan.request.engine,
        "gpus": plan.request.to_query().get("gpus", ""),
        "word": one.word.word,
        "verdict": plan.fit.verdict,
        "memory_bytes": one.memory_bytes,
        "capacity_bytes": one.capacity_bytes,
        "decode_tokens_per_s": speed.decode_tokens_per_s.json() if plan.architecture.generates else None,
        "prefill_tokens_per_s": speed.prefill_tokens_per_s.json(),
        "max_context": plan.capacity.max_context,
        "users": plan.capacity.max_batch,
        "price_usd": one.price_usd,
        "usd_per_hour": one.usd_per_hour,
        "watts": round(one.watts, 1),
        "quality": {
            "score": round(one.quality.score, 1),
            "kind": one.quality.kind,
            "source": one.quality.source,
            "loss_by_quantization": one.quality.loss,
        },
        "why": one.why,
    }


def find_text(found: Found, of_hardware: bool) -> str:
    """A row a candidate, as wide as a terminal, and what was left out.

    Args:
        found: the answer.
        of_hardware: whether hardware was looked for, so that its price stands in the rows.
    """
    if not found.candidates:
        return f"Nothing runs: {_left_out(found)}."
    rows = [(*_row(one, of_hardware),) for one in found.candidates]
    head = ("answer", "hardware" if of_hardware else "model", "format", "tok/s", "", "memory", "quality", "price")
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
    weighed = f"{found.searched:,} plans in {found.seconds:.1f} s"
    return "\n".join([*lines, "", f"{weighed}; left out: {_left_out(found)}."])


def _row(one: Candidate, of_hardware: bool) -> tuple[str, ...]:
    price = usd(one.price_usd) if of_hardware and one.price_usd else ""
    estimated = "~" if one.quality.kind == "estimated" else ""
    return (
        one.word.word,
        hardware(one) if of_hardware else title(one),
        one.plan.memory.weights.format,
        significant(one.tokens_per_s),
        pace(one.tokens_per_s) if one.plan.architecture.generates else "",
        mem(one.memory_bytes),
        f"{estimated}{one.quality.total:.0f}",
        price,
    )


def _left_out(found: Found) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in found.left_out.items()) or "nothing"
