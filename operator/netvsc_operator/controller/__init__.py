"""The controller: pools and Nodes into NetvscNodes, their status into Events, and a closed loop."""
