"""How fast a plan runs and what it draws: time as the larger of bytes over bandwidth and FLOPs over peak."""
