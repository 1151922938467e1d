"""Waiting, pacing and backing off; nothing of NICs, and nothing of Kubernetes."""
