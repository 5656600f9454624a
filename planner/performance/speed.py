"""How fast a plan runs: what its speed page, its costs and its jobs are made of."""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.estimate import Estimate
from planner.core.formula import Formula

JOULES = Formula("watts / tokens_per_s", "J per token")


@dataclass(frozen=True, slots=True)
class Assumed:
    """The requests behind a speed: tokens of a prompt and of an answer, mean tokens in the cache while decoding, and
    how many decode at once.
    """

    prompt_tokens: int
    output_tokens: int
    context_depth: float
    streams: float

    def sentence(self) -> str:
        """`8 streams, prompts of 1,024 tokens, answers of 256`."""
        streams = f"{self.streams:,.0f} streams" if self.streams >= 1.5 else "one stream"
        return f"{streams}, prompts of {self.prompt_tokens:,} tokens, answers of {self.output_tokens:,}"


@dataclass(frozen=True)
class Speed:
    """Speed and power of a plan at its batch and context.

    Attributes:
        prefill_tokens_per_s: prompt tokens that one replica reads in a second.
        decode_tokens_per_s: output tokens of all sequences while decoding.
        decode_tokens_per_s_per_sequence: of one of them.
        throughput_tokens_per_s: output tokens of the replica over wall time at `batch` requests in flight, prefill
            included.
        time_to_first_token_s: mean of the requests in flight, as they arrive.
        idle_time_to_first_token_s: of one request whose prompt finds the machine free.
        time_per_output_token_s: between two tokens of one sequence.
        watts: all GPUs of the plan together while serving; `prefill_watts`, `decode_watts` and `idle_watts` by phase.
        assumes: the requests that the figures are of.
        limit: what bounds decoding: `bandwidth`, `compute`, `link`, `overhead` or `host`.
        extrapolated: why no measurement stands behind these figures, in one sentence, or "".
    """

    prefill_tokens_per_s: Estimate
    decode_tokens_per_s: Estimate
    decode_tokens_per_s_per_sequence: Estimate
    throughput_tokens_per_s: Estimate
    time_to_first_token_s: Estimate
    idle_time_to_first_token_s: Estimate
    time_per_output_token_s: Estimate
    watts: Estimate
    prefill_watts: Estimate
    decode_watts: Estimate
    idle_watts: Estimate
    assumes: Assumed
    limit: str
    extrapolated: str = ""

    @property
    def joules_per_output_token(self) -> Estimate:
        """Energy of the GPUs for each output token of a plan that serves all the time: watts / throughput; independent
        errors add in quadrature.
        """
        power, rate = self.watts, self.throughput_tokens_per_s
        step = JOULES("Energy of an output token", watts=power.expected, tokens_per_s=max(rate.expected, 1e-9))
        below = ((1 - _part(power.low, power)) ** 2 + (1 - 1 / _part(rate.high, rate)) ** 2) ** 0.5
        above = ((_part(power.high, power) - 1) ** 2 + (1 / _part(rate.low, rate) - 1) ** 2) ** 0.5
        return Estimate.between(max(1 - below, 0.0), 1 + above, *power.steps, *rate.steps, step)


def _part(end: float, whole: Estimate) -> float:
    return end / whole.expected if whole.expected and end else 1.0
