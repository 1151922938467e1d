"""A CNI call as it comes, and IPAM as it is delegated (CNI specification 1.1.0)."""
