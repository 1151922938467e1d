"""A pair into a pod and home again: plan, moves, and the checkpoint that survives a crash."""
