"""Which pairs the node has: a scan, its matching into pairs, and what happened since the last."""
