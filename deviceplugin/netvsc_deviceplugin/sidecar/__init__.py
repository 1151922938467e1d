"""The agent's connections to the fdpipe sidecars of its pods."""
