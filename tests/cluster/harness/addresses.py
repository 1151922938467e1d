"""The cluster's addresses. They exist inside the node's network namespace alone."""

NODE = "node1"
NODE_ADDRESS = "172.31.77.1"
NODE_PREFIX = 24
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
APISERVER_SERVICE = "10.96.0.1"
APISERVER_PORT = 6443
ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"
CONTAINERD = "/run/containerd/containerd.sock"
