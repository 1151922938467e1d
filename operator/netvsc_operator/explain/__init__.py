"""`netvsc explain`: what a manifest's pods would get, and why; no cluster is asked."""
