"""What is read of a pod: its containers, their resources, their numbers of pairs."""
