"""An apiserver, and the objects in it."""
