"""Reading what an engine printed: what it loaded where, what went wrong, and the plan that it corresponds to."""
