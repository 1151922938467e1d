"""What the components read at their start: pure text, made from a layout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cluster.harness import addresses

if TYPE_CHECKING:
    from cluster.harness.layout import Layout

PAUSE_IMAGE = "netvsc.io/test/pause:1"
TOOLS_IMAGE = "netvsc.io/test/tools:1"
CONFLIST = "etc/cni/net.d/10-bridge.conflist"


def kubelet(layout: Layout) -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,  # many test machines still have v1
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{layout.cgroup}",
            "enforceNodeAllocatable": ["pods"],
            "containerRuntimeEndpoint": f"unix://{addresses.CONTAINERD}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(layout.pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(layout.pki / "kubelet.key"),
            "clusterDNS": ["10.96.0.10"],  # nobody answers there: nothing here needs names
            "resolvConf": str(layout.conf / "resolv.conf"),
            "failSwapOn": False,
            "nodeStatusUpdateFrequency": "1s",  # ten by default: tests would wait for that alone
            # A developer's disk is often nearly full; pods shall not be evicted for that.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1%",
            },
        },
        indent=1,
    )


def kube_proxy(layout: Layout) -> str:
    return json.dumps(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(layout.conf / "kube-proxy.kubeconfig")},
            "hostnameOverride": addresses.NODE,
            "clusterCIDR": addresses.PODS,
            "conntrack": {"maxPerCore": 0, "min": 0},  # the limits are the whole machine's
        },
        indent=1,
    )


def containerd(layout: Layout) -> str:
    """Version 3 of the format, containerd 2's. The restriction of OOM scores is for machines
    whose root lacks CAP_SYS_RESOURCE."""
    return f"""\
version = 3
root = "{layout.run}/containerd"
state = "/run/containerd/state"
[grpc]
  address = "{addresses.CONTAINERD}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  enable_cdi = true
  cdi_spec_dirs = ["/var/run/cdi"]
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "{layout.tools}/runc"
      SystemdCgroup = false
"""


def conflist(*more: dict[str, Any], version: str = "1.0.0") -> str:
    """The primary network: a bridge. What is given is chained behind it."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": addresses.PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
    plugins = [bridge, portmap, *more]
    return json.dumps({"cniVersion": version, "name": "pods", "plugins": plugins}, indent=1)
