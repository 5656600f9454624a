"""The machines: GPUs, systems around them, and what is in this one."""
