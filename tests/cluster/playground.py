"""`make cluster`: a Kubernetes for a person, whose node has an uplink and three simulated pairs.

`python -m cluster.playground revoke|give` does what Azure's host would: it takes the VF of the
node's first pair away, and brings it back. README.md leads through all of it.
"""

from __future__ import annotations

import argparse
import sys

from cluster.deployments.agent_only import load_agent
from cluster.deployments.full_chart import install
from cluster.deployments.simulated_nics import NICS, Nics
from cluster.harness import Cluster, ClusterError

HINTS = """
export KUBECONFIG={kubeconfig}   # for any client on this machine
export PATH=$PWD/.venv/bin:$PATH PYTHONPATH=tests   # `kubectl netvsc`, `netvsc`, and what follows
kubectl netvsc status              # no kubectl here? `python -m cluster.harness kubectl …` is one
kubectl apply -f tests/cluster/pair-pod.yaml   # asks for a pair
python -m cluster.playground revoke            # the VF goes; `give` brings it back
python -m cluster.harness enter                # a shell inside the node
make cluster-down
"""


def main() -> int:
    verb = _parser().parse_args().verb
    cluster = Cluster(name="main")
    try:
        if verb == "up":
            _up(cluster)
        elif verb == "revoke":
            Nics(cluster).revoke(NICS[0])
        else:
            Nics(cluster).give(NICS[0])
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


def _up(cluster: Cluster) -> None:
    cluster.up(kept=True)
    load_agent(cluster)
    install(cluster)
    print(cluster.kubectl("get", "nodes,pods", "--all-namespaces", "-o", "wide"))
    print(HINTS.format(kubeconfig=cluster.layout.kubeconfig))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster.playground", description=__doc__)
    parser.add_argument("verb", nargs="?", default="up", choices=("up", "revoke", "give"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
