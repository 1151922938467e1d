"""What the controller hears of the cluster: kopf's watches, and other owners of NICs."""
