"""One file a family of models; `planner.architecture.registry` loads them all."""
