"""The question turned round: which models run well on this hardware, or which hardware for this model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, field_validator, model_validator

from planner.core.errors import PlanError, did_you_mean
from planner.engines.info import engines
from planner.request import MOST_TOKENS, STRICT, GpuSpec, PlanRequest, SystemSpec, declared, from_raw, json_value

Use = Literal["chat", "code", "agent", "rag", "vision", "embed"]
Sort = Literal["best", "quality", "speed", "price", "efficiency"]


class FindRequest(BaseModel):
    """A search: either the hardware (`gpus` and `system`) or the `model` is given, and the other is looked for."""

    model_config = STRICT

    model: str | None = declared("the model that hardware is wanted for, by any name", max_length=1_000)
    gpus: tuple[GpuSpec, ...] = declared(
        'GPUs by name, such as "RTX 3060 12GB"; with a model, only these are weighed', (), label="GPUs", max_length=64
    )
    system: SystemSpec = declared("the machine around the GPUs, as JSON: ram_gib and alike", SystemSpec())
    use: Use = declared("what the model is for", "chat")
    context: int = declared("tokens that each sequence may hold", 8_192, unit="tokens", ge=1, le=MOST_TOKENS)
    users: int = declared("sequences at once", 1, unit="sequences", ge=1, le=100_000)
    min_tokens_per_s: float | None = declared(
        "least tokens a second of one stream", unit="tokens/s", unset="reading speed", ge=0, le=1e6
    )
    max_time_to_first_token_s: float | None = declared(
        "longest wait for the first token", unit="s", unset="10", gt=0, le=1e6
    )
    engines: tuple[str, ...] = declared("engines to weigh, as a list", ("llama.cpp",), max_length=20)
    budget_usd: float | None = declared("most that the hardware may cost", unit="USD", ge=0, le=1e9)
    rent_usd_per_hour: float | None = declared("most that renting it may cost an hour", unit="USD/h", ge=0, le=1e6)
    max_watts: float | None = declared("most that the GPUs may draw", unit="W", gt=0, le=1e6)
    vendors: tuple[str, ...] = declared("makers of the hardware, as a list", (), unset="all", max_length=20)
    max_gpus: int = declared("most GPUs in one machine", 4, unit="GPUs", ge=1, le=16)
    limit: int = declared("rows of the answer", 20, unit="rows", ge=1, le=500)
    sort: Sort = declared("what stands first", "best")

    @field_validator("gpus", mode="before")
    @classmethod
    def _gpus(cls, value: Any) -> Any:
        from planner.catalog.gpu_names import spec_list

        return spec_list(value) if isinstance(value, str | list | tuple) else value

    @field_validator("engines")
    @classmethod
    def _engines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in engines():
                known = ", ".join(engines())
                raise PlanError(
                    f"There is no engine {name[:40]!r}.{did_you_mean(name, engines())} Choose of {known}.", "engines"
                )
        if not value:
            raise PlanError("Name at least one engine, for example llama.cpp.", "engines")
        return value

    @model_validator(mode="after")
    def _something_to_find(self) -> Self:
        if not self.model and not self.gpus and self.system.ram_gib is None:
            raise PlanError(
                "Name GPUs (or the RAM) to find models for, or a model to find hardware for, for example --gpu"
                ' "RTX 3060 12GB".',
                "gpus",
            )
        return self

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """The search in a JSON object.

        Raises:
            PlanError: for an unknown field or a bad value, in one sentence.
        """
        return from_raw(cls, raw)

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The search in the parameters of a link or the flags of a command; lists are texts with commas."""
        raw: dict[str, Any] = {}
        for key, text in query.items():
            if key in ("engines", "vendors"):
                raw[key] = [part.strip() for part in text.split(",") if part.strip()]
            elif key in ("model", "gpus", "use", "sort"):
                raw[key] = text
            else:
                raw[key] = json_value(key, text)
        return cls.read(raw)

    def asks(self, model: str, quantization: str, engine: str, gpus: str) -> PlanRequest:
        """The plan of one configuration."""
        return PlanRequest.read(
            {
                "model": model,
                "quantization": quantization,
                "engine": engine,
                "gpus": gpus,
                "context": self.context,
                "batch": self.users,
                "system": self.system.model_dump(mode="json", exclude_defaults=True),
            }
        )
