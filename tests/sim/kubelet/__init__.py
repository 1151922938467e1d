"""A kubelet's side of its two APIs, over the real sockets."""
