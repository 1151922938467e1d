"""Chaos on a real cluster: what is done (`schedule`), what must hold (`invariants`), runs."""
