"""Ready plans that answer questions which guides answer by rules of thumb (`data/scenarios/*.toml`).

A scenario is text with names of figures in braces, `{plan.figure}`, and tables of requests: every number that it shows
beside a claim is computed when it is read. What the guides claim stands as they claim it, and so do accuracies, which
are not computed at all.
"""

from planner.scenarios.read import Accuracy, Claim, Scenario, scenario, scenarios
from planner.scenarios.tables import Cell, Table, filled

__all__ = ["Accuracy", "Cell", "Claim", "Scenario", "Table", "filled", "scenario", "scenarios"]
