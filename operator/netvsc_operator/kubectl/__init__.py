"""`kubectl netvsc`: who is on the slow path, since when, and what to do about it."""
