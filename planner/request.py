"""The whole question: `PlanRequest`, and its spellings as JSON, as a link and as command-line flags.

Every field is optional but `model` (or `config`). Nothing else carries state: the sidebar, the share link, the JSON file,
the command line and the Python call are five spellings of this one object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from planner.errors import PlanError, did_you_mean

EngineName = Literal["llama.cpp", "ollama", "vllm", "sglang", "transformers", "tensorrt-llm", "mlx"]
Backend = Literal["auto", "cuda", "rocm", "vulkan", "metal", "sycl", "cpu"]

MOST_TOKENS = 100_000_000
MOST_GPUS = 1_024
LONGEST_TEXT = 200


class GpuSpec(BaseModel):
    """Some equal GPUs: a name in any spelling, how many, and, if known, the memory that the driver reports as total and as free."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=LONGEST_TEXT)
    count: int = Field(default=1, ge=1, le=MOST_GPUS)
    memory_mib: int | None = Field(default=None, ge=1, le=2**24)
    free_mib: int | None = Field(default=None, ge=0, le=2**24)


class SystemSpec(BaseModel):
    """The machine around the GPUs; what is not given is filled with defaults that the page shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ram_gib: float | None = Field(default=None, gt=0, le=65_536)
    ram_gb_per_s: float | None = Field(default=None, gt=0, le=100_000)
    cpu: str | None = Field(default=None, max_length=LONGEST_TEXT)
    disk_gb_per_s: float | None = Field(default=None, gt=0, le=1_000)
    download_mbit_per_s: float | None = Field(default=None, gt=0, le=1_000_000)


class Question(BaseModel):
    """What planning inference and planning training have in common: the model, the machine and what they cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(default=None, max_length=1_000, description="Hugging Face id, everyday name, or a path to a config.json or .gguf")
    config: dict[str, Any] | None = Field(default=None, description="a config.json, inline; it wins over `model`, which is then its name")
    quantization: str = Field(default="auto", max_length=40)
    gpus: tuple[GpuSpec, ...] = Field(default=(), max_length=64)
    system: SystemSpec = SystemSpec()

    region: str | None = Field(default=None, max_length=LONGEST_TEXT)
    electricity_usd_per_kwh: float | None = Field(default=None, ge=0, le=100)
    gco2_per_kwh: float | None = Field(default=None, ge=0, le=5_000)
    pue: float | None = Field(default=None, ge=1, le=10)
    host_watts: float | None = Field(default=None, ge=0, le=100_000)
    hours_per_day: float | None = Field(default=None, ge=0, le=24)
    rent_usd_per_hour: float | None = Field(default=None, ge=0, le=1e6)
    purchase_usd: float | None = Field(default=None, ge=0, le=1e9)
    lifetime_years: float | None = Field(default=None, gt=0, le=100)
    resale_fraction: float | None = Field(default=None, ge=0, le=1)

    @field_validator("gpus", mode="before")
    @classmethod
    def _gpus(cls, value: Any) -> Any:
        if isinstance(value, str):
            from planner.hardware.names import memory_of, parse_gpus

            listed = [(*memory_of(name), count) for name, count in parse_gpus(value)]
            return tuple(GpuSpec(name=name, count=count, memory_mib=total, free_mib=free) for name, total, free, count in listed)
        return value

    @model_validator(mode="after")
    def _something_to_plan(self) -> Self:
        if not self.model and self.config is None:
            raise PlanError("Name a model, for example meta-llama/Meta-Llama-3-70B, or give its config.", "model")
        if sum(spec.count for spec in self.gpus) > MOST_GPUS:
            raise PlanError(f"A plan holds at most {MOST_GPUS:,} GPUs; plan one replica and multiply.", "gpus")
        return self

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """The request in a JSON object.

        Raises:
            PlanError: for an unknown field (naming the nearest known one) or a bad value, in one sentence.
        """
        if not isinstance(raw, Mapping):
            raise PlanError("A request is a JSON object with at least a model.")
        for key in raw:
            if key not in cls.model_fields:
                raise PlanError(f"There is no field {str(key)[:60]!r}.{did_you_mean(str(key), cls.model_fields)} Remove it or correct its name.", "request")
        try:
            return cls.model_validate({key: value for key, value in raw.items() if value is not None})
        except ValidationError as error:
            raise _sentence(error) from None

    def changed(self, **fields: Any) -> Self:
        """The same request with some fields replaced, validated again."""
        return type(self).read({**self.given(), **fields})

    def given(self) -> dict[str, Any]:
        """The fields that differ from their defaults: what a link or a file needs to carry."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def to_query(self) -> dict[str, str]:
        """The request as the parameters of a link: defaults left out, GPUs as `2x rtx-4090 + rtx-3090`."""
        query = {}
        for key, value in self.given().items():
            if key == "gpus":
                value = " + ".join(_gpu_text(spec) for spec in self.gpus)
            query[key] = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The request in a link's parameters; parameters that no field has are another page's and left alone."""
        raw: dict[str, Any] = {}
        for key, text in query.items():
            field = cls.model_fields.get(key)
            if field is None:
                continue
            raw[key] = text if key == "gpus" or _is_text(field.annotation) else _json(key, text)
        return cls.read(raw)


class PlanRequest(Question):
    """A question about inference: this model, this engine, this context and batch, on these GPUs."""

    kv_cache_dtype: str = Field(default="auto", max_length=20)
    imatrix: bool | None = None
    engine: EngineName = "llama.cpp"
    engine_version: str | None = Field(default=None, max_length=40)
    backend: Backend = "auto"

    context: int = Field(default=8_192, ge=1, le=MOST_TOKENS, description="tokens that each sequence may hold")
    batch: int = Field(default=1, ge=1, le=1_000_000, description="sequences at once")
    prompt_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    output_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    context_depth: int | None = Field(default=None, ge=0, le=MOST_TOKENS)

    tensor_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)
    pipeline_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)
    data_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)
    expert_parallel: int | None = Field(default=None, ge=1, le=MOST_GPUS)

    gpu_layers: int | None = Field(default=None, ge=0, le=1_000_000)
    cpu_moe_layers: int | None = Field(default=None, ge=0, le=1_000_000)
    split_mode: Literal["layer", "row", "tensor", "none"] | None = None
    tensor_split: tuple[float, ...] | None = Field(default=None, max_length=MOST_GPUS)
    ubatch: int | None = Field(default=None, ge=1, le=1_000_000)
    flash_attention: bool | None = None
    kv_unified: bool | None = None
    swa_full: bool | None = None

    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    max_num_batched_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    max_num_seqs: int | None = Field(default=None, ge=1, le=1_000_000)
    enforce_eager: bool | None = None

    api: str | dict[str, float] | None = None
    requests: int | None = Field(default=None, ge=1, le=1_000_000_000)
    calls_per_request: float | None = Field(default=None, gt=0, le=1_000_000)
    concurrency: int | None = Field(default=None, ge=1, le=1_000_000)

    @field_validator("api", mode="before")
    @classmethod
    def _api(cls, value: Any) -> Any:
        return _json("api", value) if isinstance(value, str) and value.startswith("{") else value


def _gpu_text(spec: GpuSpec) -> str:
    from planner.hardware.names import with_memory

    name = with_memory(spec.name, spec.memory_mib, spec.free_mib)
    return f"{spec.count}x {name}" if spec.count > 1 else name


def _is_text(annotation: Any) -> bool:
    return "str" in str(annotation) or "Literal" in str(annotation)


def _json(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise PlanError(f"The link's {key} is {text[:40]!r}, which is not a value; correct it or remove it.", key) from None
    except RecursionError:
        raise PlanError(f"The link's {key} is nested too deeply; remove it.", key) from None


def _sentence(error: ValidationError) -> PlanError:
    """The first of pydantic's complaints as one plain sentence about the field."""
    first = error.errors(include_url=False)[0]
    original = first.get("ctx", {}).get("error")
    if isinstance(original, PlanError):
        return original
    path = ".".join(str(part) for part in first["loc"] if not str(part).startswith("function-"))
    field = str(first["loc"][0]) if first["loc"] else None
    value = repr(first.get("input"))
    shown = value if len(value) <= 40 else value[:37] + "..."
    wanted = first["msg"].removeprefix("Value error, ")
    return PlanError(f"The field {path} cannot be {shown}: {wanted[0].lower()}{wanted[1:]}.", field)
