"""What can go wrong between a fresh machine and a Ready node."""


class ClusterError(Exception):
    """The harness could not do what it was asked; the message names the remedy."""
