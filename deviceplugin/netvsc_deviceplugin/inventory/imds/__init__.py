"""What the Azure instance metadata service says of the node's NICs."""
