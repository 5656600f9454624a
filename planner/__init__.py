"""Headroom: which hardware runs this language model, how well, and at what cost.

>>> import planner
>>> answer = planner.plan(planner.PlanRequest(model="llama3:70b", quantization="Q4_K_M", gpus="RTX 4090"))
>>> answer.fit.verdict
'offload'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from planner.core.errors import PlanError
from planner.plan import Plan
from planner.request import GpuSpec, PlanRequest, SystemSpec
from planner.weight_files.sources import plan, train

if TYPE_CHECKING:
    from planner.searches.find import find
    from planner.searches.find_request import FindRequest
    from planner.training.request import TrainRequest

__all__ = [
    "FindRequest",
    "GpuSpec",
    "Plan",
    "PlanError",
    "PlanRequest",
    "SystemSpec",
    "TrainRequest",
    "find",
    "plan",
    "train",
]
__version__ = "0.1.0"

_LATER = {
    "FindRequest": "planner.searches.find_request",
    "TrainRequest": "planner.training.request",
    "find": "planner.searches.find",
}
"""Names that are imported when a program first asks for them, and where they live."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
