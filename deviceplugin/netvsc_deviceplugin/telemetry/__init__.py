"""/metrics, /healthz and /readyz of the agent."""
