"""The controller: pools and Nodes into NetvscNodes, their status into words, and a closed loop."""
