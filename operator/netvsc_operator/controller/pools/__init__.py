"""NetvscNode specs from pools, and the status of pools."""
