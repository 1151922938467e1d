"""The cluster side: webhook and controller."""
