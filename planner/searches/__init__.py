"""Many plans at once: how far one could grow, ways out, grids, splits."""
