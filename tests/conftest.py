"""What the whole suite shares: no network, and, where asked for, no skipped test."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

pytest_plugins = ["tests.live.nvml.fixtures"]

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # a busy machine is no defect of what is tested

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where every tool is installed a skip hides a failure, so the caller may ask for none."""
    if os.environ.get("HEADROOM_FAIL_ON_SKIP") and _skipped and exitstatus == 0:
        print(f"\nskipped although every tool should be here: {', '.join(_skipped)}")
        session.exitstatus = 1
