"""The kubelet's device plugin: registration, a server per resource, and what it publishes."""
