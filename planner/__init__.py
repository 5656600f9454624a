"""Headroom: which hardware runs this language model, how well, and at what cost.

>>> import planner
>>> answer = planner.plan(planner.PlanRequest(model="llama3:70b", quantization="Q4_K_M", gpus="RTX 4090"))
>>> answer.fit.verdict
'offload'
"""

from typing import TYPE_CHECKING, Any

from planner.core.errors import PlanError
from planner.plan import Plan
from planner.request import GpuSpec, PlanRequest, SystemSpec
from planner.weight_files.sources import plan, train

if TYPE_CHECKING:
    from planner.training.request import TrainRequest

__all__ = ["GpuSpec", "Plan", "PlanError", "PlanRequest", "SystemSpec", "TrainRequest", "plan", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`TrainRequest`, imported when a program first asks about training."""
    if name != "TrainRequest":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from planner.training.request import TrainRequest

    return TrainRequest
