"""The agent's small client of the apiserver (docs/decisions/0008)."""
