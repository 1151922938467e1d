"""The node agent: finds pairs, advertises them to the kubelet, follows every VF."""
