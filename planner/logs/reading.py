"""What a start-up log says, whoever printed it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from planner.engines.info import info

Kind = Literal["weights", "kv_cache", "state", "activation", "output"]


METHODS = {
    "awq": "awq-int4",
    "awq_marlin": "awq-int4",
    "gptq": "gptq-int4",
    "gptq_marlin": "gptq-int4",
    "bitsandbytes": "nf4",
    "fp8": "fp8",
}
"""Quantization methods as serving engines call them, and as requests do."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One allocation that the log names: on which device, for what, how large."""

    device: str
    kind: Kind
    bytes: int

    @property
    def on_gpu(self) -> bool:
        """Host memory is called CPU, CPU_Mapped, CPU_REPACK or <backend>_Host; everything else is a device."""
        return not (self.device.startswith("CPU") or self.device.endswith("_Host"))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the log that matters, what it means, and the request fields that would mend it."""

    title: str
    detail: str
    change: dict[str, Any] = field(default_factory=dict)


@dataclass
class Reading:
    """Facts gathered from a log; what it doesn't say stays empty."""

    engine: str = ""
    model: str = ""
    file_type: str = ""
    parameters: str = ""
    devices: list[str] = field(default_factory=list)
    layers: int | None = None
    layers_on_gpu: int | None = None
    context: int | None = None
    sequences: int | None = None
    ubatch: int | None = None
    flash_attention: bool | None = None
    cache_type: str = ""
    unified: bool | None = None
    buffers: list[Buffer] = field(default_factory=list)
    failed_bytes: int | None = None
    failed_device: str = ""
    failed_line: str = ""
    version: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    """Request fields that a serving engine's printed configuration gives."""
    pool_bytes: int | None = None
    pool_tokens: int | None = None
    concurrency: float | None = None
    graphs_bytes: int | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    needed_bytes: int | None = None
    longest: int | None = None

    @property
    def serves(self) -> bool:
        """Whether a serving engine printed it."""
        return bool(self.engine) and info(self.engine).serves

    @property
    def empty(self) -> bool:
        return not (self.buffers or self.layers or self.failed_line or self.context or self.options or self.pool_tokens)

    def by_device(self) -> dict[str, dict[str, int]]:
        """Bytes by device and kind, in the log's order."""
        sums: dict[str, dict[str, int]] = defaultdict(dict)
        for buffer in self.buffers:
            sums[buffer.device][buffer.kind] = sums[buffer.device].get(buffer.kind, 0) + buffer.bytes
        return dict(sums)

    def total(self, kind: Kind, on_gpu: bool) -> int:
        return sum(buffer.bytes for buffer in self.buffers if buffer.kind == kind and buffer.on_gpu == on_gpu)

    def request(self) -> dict[str, Any]:
        """The request fields that the log fixes; `context` is per sequence, as a plan counts it."""
        if self.serves:
            return self._served()
        sequences = self.sequences or 1
        fields: dict[str, Any] = {
            "engine": self.engine or "llama.cpp",
            "quantization": self.file_type,
            "context": max(self.context // sequences, 1) if self.context else None,
            "batch": sequences if sequences > 1 else None,
            "ubatch": self.ubatch if self.ubatch not in (None, 512) else None,
            "flash_attention": self.flash_attention,
            "kv_cache_dtype": self.cache_type if self.cache_type not in ("", "f16") else None,
            "kv_unified": self.unified if sequences > 1 else None,
            "gpu_layers": self.layers_on_gpu,
            "gpus": " + ".join(self.devices),
        }
        return {key: value for key, value in fields.items() if value not in (None, "")}

    def _served(self) -> dict[str, Any]:
        """Of a serving engine: its configuration as it prints it; what a published checkpoint brings itself stays
        `auto`.
        """
        given = {
            key: value
            for key, value in self.options.items()
            if key not in ("method", "dtype") and value not in ("auto", False)
        }
        cache = str(given.pop("kv_cache_dtype", ""))
        given |= {"kv_cache_dtype": "fp8"} if cache.startswith("fp8") else {}
        given |= {"quantization": METHODS[method]} if (method := self.options.get("method")) in METHODS else {}
        if not self.options.get("method") and self.options.get("dtype") in ("float16", "half"):
            given["quantization"] = "fp16"
        return {
            "engine": self.engine,
            **({"engine_version": self.version} if self.version[:1].isdigit() else {}),
            **given,
        }
