"""What our processes may do on a real cluster, and what a hostile application beside them may."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cluster.chart import rendering
from cluster.chart.test_security_chart import PROFILE, templates
from cluster.deployments import full_chart as chart
from cluster.deployments.simulated_nics import NICS
from cluster.harness import ClusterError
from cluster.pods import Pods, container, pod
from cluster.stories.shared import refusal, wait, wait_home
from sim.capabilities import mask, of_the_chart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Object

pytestmark = pytest.mark.cluster

PAIR = "netvsc.io/pair"
OURS = {"netvsc-deviceplugin": of_the_chart(), "netvsc-controller": (), "netvsc-webhook": ()}
STATUS = "print(open('/proc/1/status').read())"
HOLDER = "holder"
SIDECAR = "netvsc-fdpipe"
# Everything that a program may try in vain; one line for each that succeeds.
TRIES = r"""
import ctypes, os, pathlib, stat
def tried(what, act):
    try:
        act()
    except OSError:
        return
    print(what)
for name in ("/", "/etc", "/usr/bin", "/tmp"):
    tried(f"write {name}", lambda: open(f"{name}/x", "w"))
devices = 0
ordinary = {os.makedev(1, n) for n in (3, 5, 7, 8, 9)} | {os.makedev(5, n) for n in (0, 1, 2)}
for path in pathlib.Path("/host/dev").rglob("*"):
    try:
        told = path.lstat()
    except OSError:
        continue
    kind = stat.S_ISCHR(told.st_mode) or stat.S_ISBLK(told.st_mode)
    pty = os.major(told.st_rdev) == 136 or told.st_rdev == os.makedev(10, 200)
    if kind and told.st_rdev not in ordinary and not pty:
        devices += 1
        tried(f"open {path}", lambda: os.open(path, os.O_RDONLY | os.O_NONBLOCK))
tried("mknod", lambda: os.mknod("/run/netvsc/mem", 0o600 | stat.S_IFCHR, os.makedev(1, 1)))
tried("chroot", lambda: os.chroot("/run"))
tried("setuid", lambda: os.setuid(1))
print("tried", devices, "devices")
"""
# What CAP_SYS_ADMIN does beyond entering networks; in a mount namespace that nobody else sees.
BEYOND = r"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
apart = libc.unshare(0x20000) == 0
mounted = apart and libc.mount(b"none", b"/run/netns", b"tmpfs", 0, None) == 0
print("unshare" if apart else "-", "mount" if mounted else "-")
"""


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def holder() -> Object:
    """An application that is root, administers its network, and has a sidecar."""
    context = {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}}
    words = ("sh", "-c", ": $(NETVSC_EAL_ARGS); exec sleep infinity")
    main = container("main", *words, resource=PAIR, securityContext=context)
    gate = {"annotations": {"netvsc.io/gate": "immediate", "netvsc.io/guard": "off"}}
    return pod(HOLDER, main, metadata=gate)


def within(cluster: Cluster, part: str, script: str) -> str:
    """Run a script in the container of one of ours."""
    found = ("-n", chart.NAMESPACE, "-l", f"app.kubernetes.io/name={part}")
    name = cluster.get("pods", *found)["items"][0]["metadata"]["name"]
    where = ("exec", "-n", chart.NAMESPACE, name, "--")
    return cluster.kubectl(*where, "python", "-c", script)


def status(text: str) -> dict[str, str]:
    return {key: value.strip() for key, _, value in (s.partition(":") for s in text.splitlines())}


def test_every_process_of_ours_has_its_capabilities_and_a_filter_and_gains_nothing(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    assert whole
    pods.start(holder())
    shell = 'while read -r line; do echo "$line"; done < /proc/1/status'
    found = {part: status(within(cluster, part, STATUS)) for part in OURS}
    found[SIDECAR] = status(pods.run(HOLDER, "sh", "-c", shell, container=SIDECAR))
    for part, told in found.items():
        capabilities = OURS.get(part, ())
        assert int(told["CapEff"], 16) == mask(capabilities), part
        assert int(told["CapBnd"], 16) == mask(capabilities), part
        assert told["NoNewPrivs"] == "1", part
        assert told["Seccomp"] == "2", part
        assert told["Uid"].split()[0] == ("0" if capabilities else "65532"), part


def test_the_agent_opens_no_device_and_writes_nowhere_but_in_its_folders(
    cluster: Cluster, whole: Nics
) -> None:
    assert whole
    [last] = within(cluster, "netvsc-deviceplugin", TRIES).splitlines()
    assert re.fullmatch(r"tried [1-9]\d* devices", last)


def test_a_root_application_changes_nothing_of_what_it_shares_with_its_sidecar(
    whole: Nics, pods: Pods
) -> None:
    assert whole
    pods.start(holder())
    for words in ("touch /run/netvsc/new", "rm /run/netvsc/00", ": > /run/netvsc/bin/fdpipe"):
        said = refusal(partial(pods.run, HOLDER, "sh", "-c", words))
        assert "Read-only file system" in said
    listed = pods.run(HOLDER, "ls", "/run/netvsc").split()
    assert "00" in listed
    assert not {"cni.sock", "containers", "passed"} & set(listed), "the agent's own"


def test_restricted_takes_all_of_ours_but_the_agent_which_wants_privileged(
    cluster: Cluster, whole: Nics
) -> None:
    assert whole
    made = rendering.objects(rendering.rendered())
    levels = ("restricted", "baseline", "privileged")
    said = {level: _tried(cluster, level, dict(templates(made))) for level in levels}
    assert {name for name, why in said["restricted"].items() if why} == {"netvsc-deviceplugin"}
    refused = said["baseline"]["netvsc-deviceplugin"]
    for reason in ("host namespaces", "hostPath", "SYS_ADMIN"):
        assert reason in refused
    assert not any(said["privileged"].values())


def _tried(cluster: Cluster, level: str, specs: dict[str, Object]) -> dict[str, str]:
    """Return why a namespace of this level refuses each of these pods."""
    name = f"psa-{level}"
    label = {"pod-security.kubernetes.io/enforce": level}
    metadata = {"name": name, "labels": label}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    where = ("-n", name, "--timeout=30s")
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", *where)
    try:
        return {one: _why(cluster, name, one, spec) for one, spec in specs.items()}
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def _why(cluster: Cluster, namespace: str, name: str, spec: Object) -> str:
    plain = {**spec, "serviceAccountName": "default", "priorityClassName": ""}
    for one in plain["containers"]:
        one.pop("resources", None)  # of the chart's test: the webhook has no say here
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": plain}
    try:
        tried = ("create", "--dry-run=server", "-n", namespace, "-f", "-")
        cluster.kubectl(*tried, stdin=json.dumps(made))
    except ClusterError as error:
        return str(error)
    return ""


def test_the_authoritys_key_is_the_controllers_alone(cluster: Cluster, whole: Nics) -> None:
    assert whole
    accounts = [*OURS, "default"]
    secrets = ("netvsc-webhook-tls", "netvsc-webhook-tls-ca")
    readers = {
        (account, secret)
        for account in accounts
        for secret in secrets
        if _may(cluster, account, "get", f"secret/{secret}")
    }
    assert readers == {("netvsc-controller", secret) for secret in secrets}
    assert not any(_may(cluster, account, "list", "secrets") for account in accounts)
    assert not any(_may(cluster, account, "get", "secret/another") for account in accounts)


def _may(cluster: Cluster, account: str, verb: str, what: str) -> bool:
    who = f"--as=system:serviceaccount:{chart.NAMESPACE}:{account}"
    asked = ("auth", "can-i", verb, what, "-n", chart.NAMESPACE, who)
    return cluster.kubectl(*asked, check=False).strip() == "yes"


def test_the_agent_does_all_its_work_under_the_narrow_profile(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    agent = chart.VALUES["deviceplugin"]
    assert within(cluster, "netvsc-deviceplugin", BEYOND).split() == ["unshare", "mount"]
    folder = cluster.layout.kubelet / "seccomp"
    folder.mkdir(exist_ok=True)
    (folder / PROFILE.name).write_text(PROFILE.read_text())
    chosen = {"type": "Localhost", "localhostProfile": PROFILE.name}
    with _upgraded(cluster, {"deviceplugin": {**agent, "seccompProfile": chosen}}):
        pods.start(holder())
        assert "netvsc0" in pods.run(HOLDER, "ls", "/sys/class/net")
        nic = next(nic for nic in NICS if nic.name not in whole.on_host())
        whole.revoke(nic)
        whole.give(nic)
        wait(lambda: nic.vf not in whole.on_host(), "the VF to follow its NetVSC")
        assert within(cluster, "netvsc-deviceplugin", BEYOND).split() == ["-", "-"]
        cluster.kubectl("delete", "pod", HOLDER, "-n", pods.namespace, "--wait")
        wait_home(whole)


@contextmanager
def _upgraded(cluster: Cluster, values: Object) -> Iterator[None]:
    chart.helm(cluster, "upgrade", values=values)
    try:
        yield
    finally:
        chart.helm(cluster, "upgrade")
