"""Simulated hosts: links, namespaces, a /sys tree, and NICs that come and go."""
