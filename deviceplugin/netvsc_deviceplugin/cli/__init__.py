"""What people type on a node: `netvsc pairs` and `netvsc doctor`."""
