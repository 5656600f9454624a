"""What the pages share: widgets, charts, the share link, derivations. Nothing here calculates; `planner` does."""
