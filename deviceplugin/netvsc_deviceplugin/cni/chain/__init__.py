"""Our place in the runtime's network configuration, and leaving it."""
