"""What the controller observes: kopf's watches, and other owners of NICs."""
