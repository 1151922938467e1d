"""The webhook's certificates, in a cluster without cert-manager."""
