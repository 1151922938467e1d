"""The kubelet's two protocols: messages made from the .proto files beside this (see regenerate)."""
