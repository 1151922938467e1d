"""What the kubelet is told of devices: their health, their preference, their allocation."""
