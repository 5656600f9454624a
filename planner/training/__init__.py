"""What training a model takes: memory, time and cost."""
