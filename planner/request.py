"""The whole question: `PlanRequest`, and its spellings as JSON, as a link and as command-line flags.

Every field is optional but `model` (or `config`). Nothing else carries state: the form, the share link, the JSON
file, the command line and the Python call are five spellings of this one object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from planner.architecture.config import checked
from planner.core.errors import PlanError, did_you_mean, shown
from planner.engines.info import engines, names_of

Backend = Literal["auto", "cuda", "rocm", "vulkan", "metal", "sycl", "cpu"]

MOST_TOKENS = 100_000_000
MOST_GPUS = 1_024
LONGEST_TEXT = 200
LARGEST_SHARE = 1_000_000

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

LLAMA, SERVING = names_of(splits_with_host=True), names_of(serves=True)


def declared(
    what: str,
    default: Any = None,
    *,
    label: str = "",
    unit: str = "",
    engines: tuple[str, ...] = (),
    choices: tuple[str, ...] = (),
    unset: str = "",
    **limits: Any,
) -> Any:
    """A field of a question, declared once for the page, the link, the command line and the JSON schema.

    Args:
        what: its meaning in a few words, as `--help` and the field's tip show it.
        label: its name on a page; without one, its own name in words.
        unit: what its number counts, such as `tokens` or `GiB`.
        engines: which engines have it; none named means all.
        choices: the texts that it takes, where a table names them.
        unset: what is taken where nothing is given.
    """
    extra: dict[str, Any] = {
        "label": label,
        "unit": unit,
        "engines": list(engines),
        "choices": list(choices),
        "unset": unset,
    }
    return Field(
        default=default,
        description=what,
        json_schema_extra={key: value for key, value in extra.items() if value},
        **limits,
    )


Read = TypeVar("Read", bound=BaseModel)


def from_raw(kind: type[Read], raw: Mapping[str, Any]) -> Read:
    """A question of any kind in a JSON object.

    Raises:
        PlanError: for an unknown field (naming the nearest known one) or a bad value, in one sentence.
    """
    if not isinstance(raw, Mapping):
        raise PlanError("A request is a JSON object with at least a model.")
    for key in raw:
        if key not in kind.model_fields:
            raise PlanError(
                f"There is no field {str(key)[:60]!r}.{did_you_mean(str(key), kind.model_fields)} Remove it or"
                " correct its name.",
                "request",
            )
    try:
        return kind.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as error:
        raise _sentence(error) from None


class GpuSpec(BaseModel):
    """Some equal GPUs: a name in any spelling, how many, and, if known, the memory that the driver reports as total and
    as free.
    """

    model_config = STRICT

    name: str = Field(min_length=1, max_length=LONGEST_TEXT)
    count: int = Field(default=1, ge=1, le=MOST_GPUS)
    memory_mib: int | None = Field(default=None, ge=1, le=2**24)
    free_mib: int | None = Field(default=None, ge=0, le=2**24)


class SystemSpec(BaseModel):
    """The machine around the GPUs; what is not given is filled with defaults that the page shows."""

    model_config = STRICT

    ram_gib: float | None = declared(
        "memory of the machine itself", label="System RAM (GiB)", unit="GiB", unset="64 assumed", gt=0, le=65_536
    )
    ram_gb_per_s: float | None = declared(
        "how fast that memory is read", label="RAM bandwidth (GB/s)", unit="GB/s", unset="by the CPU", gt=0, le=100_000
    )
    cpu: str | None = declared("the processor, by name", label="CPU", max_length=LONGEST_TEXT)
    disk_gb_per_s: float | None = declared(
        "how fast the disk is read", label="Disk (GB/s)", unit="GB/s", gt=0, le=1_000
    )
    download_mbit_per_s: float | None = declared(
        "speed of the line for downloads", label="Download (Mbit/s)", unit="Mbit/s", gt=0, le=1_000_000
    )


class SpeculativeSpec(BaseModel):
    """Tokens that something cheaper drafts and the model checks at once."""

    model_config = STRICT

    kind: Literal["mtp", "draft", "eagle", "ngram"]
    tokens: int | None = Field(default=None, ge=1, le=64)
    model: str | None = Field(default=None, max_length=LONGEST_TEXT)
    acceptance: float | None = Field(default=None, ge=0, le=1)


class Question(BaseModel):
    """What planning inference and planning training have in common: the model, the machine and what they cost."""

    model_config = STRICT

    model: str | None = declared(
        "Hugging Face id, everyday name, or a path to a config.json or .gguf", max_length=1_000
    )
    config: dict[str, Any] | None = declared(
        "a config.json, inline (a path on the command line); it wins over the model, which is then its name"
    )
    quantization: str = declared(
        "format of the weights, such as Q4_K_M, fp8 or nf4; auto takes what is published, or the engine's usual one",
        "auto",
        max_length=40,
    )
    gpus: tuple[GpuSpec, ...] = declared(
        'GPUs by name, such as "2x RTX 4090 + RTX 3090"; none means the CPU',
        (),
        label="GPUs",
        unset="CPU only",
        max_length=64,
    )
    system: SystemSpec = declared(
        "the machine around the GPUs, as JSON: ram_gib, ram_gb_per_s, cpu, disk_gb_per_s, download_mbit_per_s",
        SystemSpec(),
    )

    region: str | None = declared(
        "country whose electricity price and carbon count", unset="United States", max_length=LONGEST_TEXT
    )
    electricity_usd_per_kwh: float | None = declared(
        "price of electricity", unit="USD/kWh", unset="the region's", ge=0, le=100
    )
    gco2_per_kwh: float | None = declared(
        "carbon of the electricity", unit="g CO2e/kWh", unset="the region's", ge=0, le=5_000
    )
    pue: float | None = declared(
        "power of the whole building over that of its machines", label="PUE", unset="1 at home", ge=1, le=10
    )
    host_watts: float | None = declared("power of the machine without its GPUs", unit="watts", ge=0, le=100_000)
    hours_per_day: float | None = declared("hours a day that the machine works", unit="hours", unset="24", ge=0, le=24)
    rent_usd_per_hour: float | None = declared(
        "rent of the whole machine", unit="USD/h", unset="the median of what providers ask", ge=0, le=1e6
    )
    purchase_usd: float | None = declared(
        "price of the GPUs or the machine", unit="USD", unset="the price known", ge=0, le=1e9
    )
    lifetime_years: float | None = declared("years over which the price is spread", unit="years", gt=0, le=100)
    resale_fraction: float | None = declared("share of the price that selling it returns", ge=0, le=1)

    @field_validator("gpus", mode="before")
    @classmethod
    def _gpus(cls, value: Any) -> Any:
        from planner.catalog.gpu_names import spec_list

        return spec_list(value) if isinstance(value, str | list | tuple) else value

    @field_validator("model", mode="after")
    @classmethod
    def _model(cls, value: str | None) -> str | None:
        if value and ((value.startswith("-") and value.strip("-")) or not value.isprintable()):
            raise PlanError(
                "A model's name cannot begin with a dash or hold characters that cannot be seen; correct it.", "model"
            )
        return value

    @field_validator("config", mode="after")
    @classmethod
    def _config(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value if value is None else dict(checked(value))

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
        return from_raw(cls, raw)

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
            raw[key] = text if key == "gpus" or _is_text(field.annotation) else json_value(key, text)
        return cls.read(raw)


class PlanRequest(Question):
    """A question about inference: this model, this engine, this context and batch, on these GPUs."""

    kv_cache_dtype: str = declared(
        "number type of the KV cache, such as fp16, fp8 or q8_0", "auto", label="KV cache type", max_length=20
    )
    imatrix: bool | None = declared(
        "whether the GGUF was made with an importance matrix", unset="as the usual publishers do", engines=LLAMA
    )
    engine: str = declared("the program that runs the model", "llama.cpp", choices=tuple(engines()))
    engine_version: str | None = declared(
        "its version, for llama.cpp a build such as b6000", unset="the newest known", max_length=40
    )
    backend: Backend = declared("what llama.cpp was built for", "auto", engines=LLAMA)

    context: int = declared(
        "tokens that each sequence may hold, prompt and answer together", 8_192, unit="tokens", ge=1, le=MOST_TOKENS
    )
    batch: int = declared(
        "sequences at once: parallel slots, or requests in flight", 1, unit="sequences", ge=1, le=1_000_000
    )
    prompt_tokens: int | None = declared("length of one prompt", unit="tokens", ge=1, le=MOST_TOKENS)
    output_tokens: int | None = declared("length of one answer", unit="tokens", ge=1, le=MOST_TOKENS)
    context_depth: int | None = declared(
        "mean tokens in the cache while decoding",
        unit="tokens",
        unset="prompt and half the answer",
        ge=0,
        le=MOST_TOKENS,
    )

    tensor_parallel: int | None = declared(
        "GPUs that share every layer",
        unit="GPUs",
        unset="what the engine chooses",
        engines=(*SERVING, *LLAMA),
        ge=1,
        le=MOST_GPUS,
    )
    pipeline_parallel: int | None = declared(
        "stages of consecutive layers", unit="stages", unset="1", engines=SERVING, ge=1, le=MOST_GPUS
    )
    data_parallel: int | None = declared("replicas of the model", unit="replicas", unset="1", ge=1, le=MOST_GPUS)
    expert_parallel: int | None = declared(
        "GPUs over which whole experts are spread", unit="GPUs", unset="1", engines=SERVING, ge=1, le=MOST_GPUS
    )

    gpu_layers: int | None = declared(
        "layers on the GPUs; as many as the model has, or more, means all",
        label="GPU layers",
        unit="layers",
        unset="as many as fit",
        engines=LLAMA,
        ge=0,
        le=1_000_000,
    )
    cpu_moe_layers: int | None = declared(
        "layers whose experts stay in system memory",
        label="Layers with experts in system RAM",
        unit="layers",
        unset="none",
        engines=LLAMA,
        ge=0,
        le=1_000_000,
    )
    split_mode: Literal["layer", "row", "tensor", "none"] | None = declared(
        "how several GPUs share the model", unset="layer", engines=LLAMA
    )
    tensor_split: tuple[float, ...] | None = declared(
        "share of each GPU, as a list", unset="by free memory", engines=LLAMA, max_length=MOST_GPUS
    )
    ubatch: int | None = declared(
        "tokens computed at once while a prompt is read", unit="tokens", unset="512", engines=LLAMA, ge=1, le=1_000_000
    )
    flash_attention: bool | None = declared("attention without its whole matrix of scores", unset="auto", engines=LLAMA)
    kv_unified: bool | None = declared("one cache that all slots share", unset="as the build does", engines=LLAMA)
    swa_full: bool | None = declared("sliding-window layers cache the whole context", unset="no", engines=LLAMA)

    gpu_memory_utilization: float | None = declared(
        "share of the GPU that the engine takes",
        label="GPU memory utilization",
        unset="the engine's own",
        engines=SERVING,
        gt=0,
        le=1,
    )
    max_num_batched_tokens: int | None = declared(
        "tokens in one step of the scheduler",
        unit="tokens",
        unset="the engine's own",
        engines=SERVING,
        ge=1,
        le=MOST_TOKENS,
    )
    max_num_seqs: int | None = declared(
        "requests that the scheduler runs at once",
        unit="requests",
        unset="the engine's own",
        engines=SERVING,
        ge=1,
        le=1_000_000,
    )
    enforce_eager: bool | None = declared("no CUDA graphs", unset="no", engines=SERVING)

    api: str | dict[str, float] | None = declared(
        "an API's price to compare with: its id, or {input_usd_per_million, output_usd_per_million}", label="API"
    )
    requests: int | None = declared("requests of a job", unit="requests", ge=1, le=1_000_000_000)
    calls_per_request: float | None = declared(
        "calls of the model for each request", unit="calls", unset="1", gt=0, le=1_000_000
    )
    speculative: SpeculativeSpec | None = declared(
        "drafted tokens that the model checks at once, as JSON: kind (mtp, draft, eagle, ngram), tokens, model,"
        " acceptance",
        label="Speculative decoding",
        unset="none",
    )
    arrival: Literal["steady", "burst"] = declared(
        "whether requests come one after another, or start together as benchmarks and batch jobs do", "steady"
    )
    concurrency: int | None = declared(
        "calls kept in flight, by a job or by users who are fewer than the slots",
        unit="calls",
        unset="the batch",
        ge=1,
        le=1_000_000,
    )

    @field_validator("engine")
    @classmethod
    def _engine(cls, value: str) -> str:
        if value not in engines():
            raise PlanError(
                f"There is no engine {value[:40]!r}.{did_you_mean(value, engines())} Choose one of"
                f" {', '.join(engines())}.",
                "engine",
            )
        return value

    @field_validator("tensor_split", mode="after")
    @classmethod
    def _shares(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value and not all(0 <= share <= LARGEST_SHARE for share in value):
            raise PlanError(
                f"The tensor split must hold a share from 0 to {LARGEST_SHARE:,} for each GPU; correct it or leave it"
                " out.",
                "tensor_split",
            )
        return value

    @field_validator("api", mode="before")
    @classmethod
    def _api(cls, value: Any) -> Any:
        return json_value("api", value) if isinstance(value, str) and value.startswith("{") else value


def _gpu_text(spec: GpuSpec) -> str:
    from planner.catalog.gpu_names import with_memory

    name = with_memory(spec.name, spec.memory_mib, spec.free_mib)
    return f"{spec.count}x {name}" if spec.count > 1 else name


def _is_text(annotation: Any) -> bool:
    return any(kind is str or get_origin(kind) is Literal for kind in (annotation, *get_args(annotation)))


def json_value(key: str, text: str) -> Any:
    """A value in a link's text.

    Raises:
        PlanError: when it is none.
    """
    try:
        return json.loads(text)
    except ValueError:
        raise PlanError(
            f"The link's {key} is {text[:40]!r}, which is not a value; correct it or remove it.", key
        ) from None
    except RecursionError:
        raise PlanError(f"The link's {key} is nested too deeply; remove it.", key) from None


WANTED = {
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "int_parsing_size": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "finite_number": "give a finite number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "string_type": "give a text",
    "string_unicode": "give a text in Unicode",
    "string_too_short": "give a text",
    "tuple_type": "give a list",
    "list_type": "give a list",
    "dict_type": "give a JSON object",
    "model_type": "give a JSON object",
    "string_too_long": "give at most {max_length:,} characters",
    "too_long": "give at most {max_length:,}",
    "greater_than_equal": "give at least {ge:,}",
    "greater_than": "give more than {gt:,}",
    "less_than_equal": "give at most {le:,}",
    "literal_error": "choose {expected}",
    "extra_forbidden": "there is no such field; remove it or correct its name",
}
"""What a field takes, by pydantic's type of complaint, whose own messages speak of Python's types."""


def _sentence(error: ValidationError) -> PlanError:
    """The first of pydantic's complaints as one plain sentence about the field."""
    first = error.errors(include_url=False)[0]
    told = first.get("ctx", {})
    if isinstance(told.get("error"), PlanError):
        original: PlanError = told["error"]
        return original
    parts = [str(part) for part in first["loc"]]
    path = ".".join(part for part in parts if (part.isidentifier() and part != "str") or part.isdigit())
    if first["type"] == "missing":
        return PlanError(f"The field {path} is missing; give it.", parts[0])
    limits = {
        name: int(limit) if isinstance(limit, float) and limit.is_integer() else limit for name, limit in told.items()
    }
    wanted = WANTED.get(first["type"], "give another value").format(**limits)
    return PlanError(
        f"The field {path} cannot be {shown(first.get('input'), 40)}: {wanted}.", parts[0] if parts else None
    )
