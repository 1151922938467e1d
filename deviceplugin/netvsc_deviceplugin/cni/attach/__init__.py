"""A pair into a pod and home again: the plan, the moves, and the checkpoint that survives a crash."""
