"""The kubelet's device plugin: registration, a server per resource, what is published of devices."""
