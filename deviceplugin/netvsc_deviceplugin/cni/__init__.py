"""CNI: the pair moves into the pod and back to the host."""
