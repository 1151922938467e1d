"""CNI: the pair moves into the pod and comes home again."""
