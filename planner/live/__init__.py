"""This machine as it stands: its GPUs, what runs on them, and the prediction beside the measurement."""
