"""The bundled models: what they are, and which of them a name means."""

from planner.catalog.models import Model, models, most_used
from planner.catalog.names import Meant, find, lookup, meant, unknown

__all__ = ["Meant", "Model", "find", "lookup", "meant", "models", "most_used", "unknown"]
