"""The kubelet's device plugin: registration, one server a resource, and what is published of devices."""
