"""Engines: what each allocates besides the weights, and where."""
