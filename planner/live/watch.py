"""This machine read again and again, once for everybody who looks, with a bounded past for each GPU."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from planner.live import inventory
from planner.live.inventory import Inventory
from planner.live.live_gpu import LiveGpu

KEPT = 120
"""Readings kept of each GPU: two minutes at one a second."""

FIELDS = ("used_bytes", "utilization", "power_w", "temperature_c")


class Watch:
    """The latest reading and the past of each GPU.

    Memory is bounded: `KEPT` numbers a field, and GPUs that are gone are forgotten.
    """

    def __init__(self, read: Callable[[], Inventory] = inventory.read) -> None:
        self._read = read
        self._lock = Lock()
        self._latest: Inventory | None = None
        self._read_at = 0.0
        self._past: dict[str, dict[str, deque[float]]] = {}

    def latest(self, older_than_s: float = 0.5) -> Inventory:
        """The last reading, or a new one where that is older than this. Callers at the same time share one reading."""
        with self._lock:
            if self._latest is None or time.monotonic() - self._read_at > older_than_s:
                self._latest = self._read()
                self._read_at = time.monotonic()
                self._remember(self._latest.gpus)
            return self._latest

    def past(self, gpu: LiveGpu, field: str) -> list[float]:
        """The last values of a field, oldest first; empty where the GPU never told it."""
        with self._lock:
            return list(self._past.get(gpu.key, {}).get(field, ()))

    def _remember(self, gpus: tuple[LiveGpu, ...]) -> None:
        for gone in self._past.keys() - {gpu.key for gpu in gpus}:
            del self._past[gone]
        for gpu in gpus:
            fields = self._past.setdefault(gpu.key, {field: deque(maxlen=KEPT) for field in FIELDS})
            for field, values in fields.items():
                value = getattr(gpu, field)
                if value is not None:
                    values.append(float(value))
