"""The webhook process: `admission` decides, this serves."""
