"""EAL's arguments: where they stand in a container's command, and what is put there."""
