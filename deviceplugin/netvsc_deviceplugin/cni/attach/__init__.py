"""A pair into a pod and back to the host: plan, moves, and the checkpoint that survives a crash."""
