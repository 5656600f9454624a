"""Speculative decoding: tokens are drafted cheaply, and one pass of the model checks them all.

    tokens a round = (1 - acceptance ** (drafted + 1)) / (1 - acceptance)
    seconds a token = (check_s + drafted * draft_pass_s) / tokens a round

The check is a decode step in which each sequence brings `drafted + 1` tokens: weights are read once, a sparse model's
experts as often as the drafted tokens choose them, which is why speculation gains less there and at large batches.
Sources: Leviathan, Kalman, Matias (2023), arXiv:2211.17192, equation 1 and its walltime; acceptance by kind is in
`data/speculation.csv`, published for tasks that differ widely: give the measured one where it is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner import catalog
from planner.core.data import table
from planner.core.formula import Formula, Step
from planner.performance.passes import run
from planner.performance.places import Place
from planner.performance.rates import Rates
from planner.performance.work import Work
from planner.request import SpeculativeSpec

TOKENS = Formula(
    "(1 - acceptance ** (drafted + 1)) / (1 - acceptance)",
    "tokens",
    "arXiv:2211.17192, equation 1; acceptance from data/speculation.csv unless given",
)
DRAFT = Formula("drafted * (pass_s + step_s)", "s", "drafted tokens one after another")
ROUND = Formula("(check_s + draft_s) / tokens", "s", "seconds a token of a sequence: a round over what it yields")

SURE = 0.99
"""Acceptance is taken as at most this: a draft that never errs is the model."""

LAYER_KINDS = ("mtp", "eagle")
"""Kinds whose draft is about one layer of the model and its head; n-grams cost nothing, a draft model is its own."""


@dataclass(frozen=True, slots=True)
class Speculation:
    """What a request drafts: how many tokens, the chance that the next one is right, and the draft's own work."""

    kind: str
    drafted: int
    acceptance: float
    model: str | None

    @classmethod
    def of(cls, spec: SpeculativeSpec) -> Speculation:
        """The request's, filled with its kind's usual numbers."""
        row = next(row for row in table("speculation") if row["kind"] == spec.kind)
        acceptance = float(row["acceptance"]) if spec.acceptance is None else spec.acceptance
        return cls(spec.kind, spec.tokens or int(row["tokens"]), min(acceptance, SURE), spec.model)

    def tokens(self) -> Step:
        """Tokens that a round yields on average, the model's own among them."""
        return TOKENS("Tokens of a round", acceptance=self.acceptance, drafted=self.drafted)

    def draft(self, place: Place, rates: Rates, sequences: float, depth: float, bits: float) -> Step:
        """Seconds to draft for all sequences, on the device of the model's last layers.

        Args:
            bits: of a weight, for a draft model in the target's format.

        Raises:
            PlanError: when nobody knows the draft model.
        """
        work = Work() if self.kind == "ngram" else self._work(place.work, bits)
        one = run(replace(place, work=work), rates, sequences, depth).total if work.layers else 0.0
        return DRAFT("Time to draft", drafted=self.drafted, pass_s=one, step_s=rates.step_s if work.layers else 0.0)

    def _work(self, work: Work, bits: float) -> Work:
        if self.kind in LAYER_KINDS or not self.model:
            return one_layer(work)
        meant = catalog.meant(self.model)
        if meant is None:
            raise catalog.unknown(self.model)
        architecture = meant.model.architecture
        read = architecture.active - (0 if architecture.tied else architecture.embedding_parameters)
        return Work(
            layers=sum(count for _, count in architecture.main.distinct),
            dense_bytes=int(read * bits / 8),
            flops=2.0 * read,
            hidden=architecture.main.hidden_size,
        )


def one_layer(work: Work) -> Work:
    """The mean layer of some, and their head."""
    n, sparse = max(work.layers, 1), max(work.sparse_layers, 1)
    return replace(
        work,
        layers=1,
        sparse_layers=min(work.sparse_layers, 1),
        dense_bytes=work.dense_bytes // n,
        experts=tuple((size // sparse, share) for size, share in work.experts),
        flops=(work.flops - work.routed_flops) / n + work.routed_flops / sparse,
        routed_flops=work.routed_flops / sparse,
        scores=tuple((a / n, b / n, window) for a, b, window in work.scores),
        caches=tuple((size / n, window) for size, window in work.caches),
        repeated=tuple((size / n, window) for size, window in work.repeated),
        state_bytes=0.0,
        state_flops=0.0,
        state_layers=0,
    )
