"""A runtime's side of CNI calls, and agents that die in them."""
