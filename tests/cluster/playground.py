"""`make cluster`: a Kubernetes for a person, whose node has an uplink and three simulated pairs."""

from __future__ import annotations

import sys

from cluster.harness import Cluster, ClusterError
from cluster.installed import load_agent
from cluster.whole import install

HINTS = """
export KUBECONFIG={kubeconfig}        # for any client on this machine
export PYTHONPATH=tests
.venv/bin/python -m cluster.harness kubectl get netvscnodes,netvscpools
.venv/bin/python -m cluster.harness kubectl apply -f tests/cluster/pair-pod.yaml  # asks for a pair
.venv/bin/python -m cluster.harness enter   # the node: `ip link delete veth1-far` takes a VF away
.venv/bin/python -m cluster.harness kubectl get events
make cluster-down
"""


def main() -> int:
    cluster = Cluster(name="main")
    try:
        cluster.up(kept=True)
        load_agent(cluster)
        install(cluster)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    print(cluster.kubectl("get", "nodes,pods", "--all-namespaces", "-o", "wide"))
    print(HINTS.format(kubeconfig=cluster.layout.kubeconfig))
    return 0


if __name__ == "__main__":
    sys.exit(main())
