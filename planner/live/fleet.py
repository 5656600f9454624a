"""The GPUs of many machines, from a Prometheus server that scrapes DCGM-exporter or nvidia_gpu_exporter.

Its HTTP API is asked one instant query and nothing else. The address comes from this process's environment and from
nowhere
else: a page that asked whatever address a link names would let strangers reach into the network it runs in.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from planner.core.errors import PlanError
from planner.live.live_gpu import LiveGpu, Slice

ADDRESS = "HEADROOM_PROMETHEUS_URL"
TOKEN = "HEADROOM_PROMETHEUS_TOKEN"
"""Environment variables: where the server is, and the bearer token that it may ask for."""

TIMEOUT_S = 5.0
MOST_BYTES = 16 * 2**20
MOST_GPUS = 4_096
LONGEST_TEXT = 96
MIB = 2**20

METRICS: dict[str, tuple[str, float]] = {
    "DCGM_FI_DEV_FB_FREE": ("free_bytes", MIB),
    "DCGM_FI_DEV_FB_USED": ("used_bytes", MIB),
    "DCGM_FI_DEV_FB_RESERVED": ("reserved_bytes", MIB),
    "DCGM_FI_DEV_FB_TOTAL": ("total_bytes", MIB),
    "DCGM_FI_DEV_GPU_UTIL": ("utilization", 1),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("memory_utilization", 1),
    "DCGM_FI_DEV_POWER_USAGE": ("power_w", 1),
    "DCGM_FI_DEV_POWER_MGMT_LIMIT": ("power_limit_w", 1),
    "DCGM_FI_DEV_GPU_TEMP": ("temperature_c", 1),
    "DCGM_FI_DEV_SM_CLOCK": ("clock_mhz", 1),
    "DCGM_FI_DEV_MEM_CLOCK": ("memory_clock_mhz", 1),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("energy_j", 1e-3),
    "nvidia_smi_memory_free_bytes": ("free_bytes", 1),
    "nvidia_smi_memory_used_bytes": ("used_bytes", 1),
    "nvidia_smi_memory_reserved_bytes": ("reserved_bytes", 1),
    "nvidia_smi_memory_total_bytes": ("total_bytes", 1),
    "nvidia_smi_utilization_gpu_ratio": ("utilization", 100),
    "nvidia_smi_utilization_memory_ratio": ("memory_utilization", 100),
    "nvidia_smi_power_draw_watts": ("power_w", 1),
    "nvidia_smi_enforced_power_limit_watts": ("power_limit_w", 1),
    "nvidia_smi_temperature_gpu": ("temperature_c", 1),
    "nvidia_smi_clocks_current_sm_hz": ("clock_mhz", 1e-6),
    "nvidia_smi_clocks_current_memory_hz": ("memory_clock_mhz", 1e-6),
    "nvidia_smi_index": ("index", 1),
    "nvidia_smi_gpu_info": ("", 1),
}
"""The exporters' names for the fields of a `LiveGpu`, and the factor to our unit."""

WHOLE = frozenset({"free_bytes", "used_bytes", "reserved_bytes", "total_bytes", "index"})
QUERY = f'{{__name__=~"{"|".join(METRICS)}"}}'


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of the fleet with its GPUs, as its exporter last said."""

    name: str
    gpus: tuple[LiveGpu, ...]


def configured() -> bool:
    """Whether the operator has named a server."""
    return bool(os.environ.get(ADDRESS, "").strip())


def read() -> tuple[Machine, ...]:
    """Every machine that the server knows, by name.

    Raises:
        PlanError: when no server is named, it does not answer, or it knows no GPU; one sentence with a next step.
    """
    machines = machines_of(_samples(_ask(QUERY)))
    if not machines:
        raise PlanError(
            "The Prometheus server knows no GPU: let it scrape DCGM-exporter or nvidia_gpu_exporter on each machine."
        )
    return machines


def machines_of(samples: Iterable[tuple[dict[str, str], float]]) -> tuple[Machine, ...]:
    """Samples, each with its labels, put together by machine and GPU."""
    gathered: dict[tuple[str, str], dict[str, Any]] = {}
    slices: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for labels, value in samples:
        name = labels.get("__name__", "")
        machine = _short(
            labels.get("Hostname")
            or labels.get("hostname")
            or labels.get("node")
            or labels.get("instance", "").rsplit(":", 1)[0]
            or "unnamed"
        )
        key = (machine, labels.get("UUID") or labels.get("uuid") or labels.get("gpu") or "0")
        if name not in METRICS or (key not in gathered and len(gathered) >= MOST_GPUS):
            continue
        into = gathered.setdefault(key, {"uuid": _short(key[1])})
        part = labels.get("GPU_I_ID")
        if part and labels.get("GPU_I_PROFILE"):
            into = slices.setdefault(key, {}).setdefault(part, {"profile": _short(labels["GPU_I_PROFILE"])})
        field, factor = METRICS[name]
        if field:
            into[field] = int(value * factor) if field in WHOLE else value * factor
        _name(gathered[key], labels)
    machines: dict[str, list[LiveGpu]] = {}
    for (machine, uuid), fields in gathered.items():
        machines.setdefault(machine, []).append(_gpu(fields, slices.get((machine, uuid), {})))
    return tuple(
        Machine(name, tuple(sorted(gpus, key=lambda gpu: gpu.index))) for name, gpus in sorted(machines.items())
    )


def _name(fields: dict[str, Any], labels: dict[str, str]) -> None:
    """What the labels tell of the card itself; the two exporters call it differently."""
    model = labels.get("modelName") or (labels.get("name") if labels.get("__name__") == "nvidia_smi_gpu_info" else None)
    index = labels.get("gpu") or labels.get("index")
    if model:
        fields["name"] = _short(model)
    if index and index.isdecimal():
        fields["index"] = int(index[:6])


def _gpu(fields: dict[str, Any], parts: dict[str, dict[str, Any]]) -> LiveGpu:
    if parts:
        mig = tuple(_slice(fields.get("name", "GPU"), part) for _, part in sorted(parts.items()))
        return replace(_whole(fields), mig=mig)
    return _whole(fields)


def _whole(fields: dict[str, Any]) -> LiveGpu:
    return LiveGpu(**{"index": 0, "vendor": "NVIDIA", "source": "Prometheus", **fields, "total_bytes": _total(fields)})


def _slice(name: str, part: dict[str, Any]) -> Slice:
    return Slice(f"{name} MIG {part['profile']}", None, _total(part), part.get("used_bytes"), part.get("free_bytes"))


def _total(fields: dict[str, Any]) -> int | None:
    """Total, which DCGM's default list of metrics leaves out: free + used + reserved.

    An older one leaves out what is reserved, too.
    """
    if "total_bytes" in fields or "free_bytes" not in fields or "used_bytes" not in fields:
        return fields.get("total_bytes")
    return int(fields["free_bytes"] + fields["used_bytes"] + fields.get("reserved_bytes", 0))


def _samples(answer: Any) -> list[tuple[dict[str, str], float]]:
    """The samples of an instant query; those that are no number, as of a GPU that does not tell, are left out."""
    try:
        rows = [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]
        return [
            ({str(key): str(text) for key, text in labels.items()}, value)
            for labels, value in rows
            if math.isfinite(value)
        ]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise PlanError(
            "The Prometheus server's answer cannot be read: check that its address is that of Prometheus itself."
        ) from None


def _ask(query: str) -> Any:
    """One GET of `/api/v1/query`; the address and the token never appear in a message."""
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """A redirect could lead anywhere, and take the token along."""

        def redirect_request(self, *_: Any) -> None:
            return None

    address, token = os.environ.get(ADDRESS, "").strip().rstrip("/"), os.environ.get(TOKEN, "").strip()
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise PlanError(
            f"No Prometheus server is named: set {ADDRESS} to its address, such as http://prometheus:9090, and start"
            " again."
        )
    request = Request(
        f"{address}/api/v1/query?{urlencode({'query': query})}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    try:
        with build_opener(Stay).open(request, timeout=TIMEOUT_S) as response:
            body = response.read(MOST_BYTES + 1)
    except HTTPError as error:
        error.close()
        raise PlanError(
            f"The Prometheus server answered with error {error.code}: check"
            f" {ADDRESS}{' and the token' if error.code in (401, 403) else ''}."
        ) from None
    except (URLError, OSError, ValueError):
        raise PlanError(f"The Prometheus server does not answer: check that it runs, and {ADDRESS}.") from None
    if len(body) > MOST_BYTES:
        raise PlanError(
            f"The Prometheus server's answer is larger than {MOST_BYTES // MIB} MiB: let a smaller one scrape these"
            " machines."
        )
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise PlanError(f"The server at {ADDRESS} does not speak Prometheus's language: check the address.") from None


def _short(text: str) -> str:
    return text[:LONGEST_TEXT]
