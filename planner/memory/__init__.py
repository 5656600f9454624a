"""Bytes: quantities with their range, weights on a rank, caches for a context."""
