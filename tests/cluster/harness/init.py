"""Process 1 of the node: lays out its namespaces, says so, and reaps what dies.

Run as `python -m cluster.harness.init RUN OPT FD`; writes one byte to FD when the node is laid out.
The node sees the machine's files; what it writes to /etc, /opt and /var/lib goes to its own copy,
so that the machine itself never changes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from cluster.harness import addresses

# The kubelet refuses to start unless the whole machine has these values. They are shown to it
# on files laid over the true ones; the machine keeps its own.
_SHOWN = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}


def main() -> None:
    run, opt, ready = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    socket.sethostname(addresses.NODE)
    _mounts(run, opt)
    _network()
    # Last, so that containers with HostToContainer propagation see later mounts below /run.
    _run("mount", "--make-rshared", "/")
    os.write(ready, b"!")
    os.close(ready)
    _reap()


def _mounts(run: Path, opt: Path) -> None:
    _fresh_sysfs(run)
    _overlay(run, Path("/etc"), below=("/etc",))
    _overlay(run, Path("/opt"), below=(str(opt), "/opt"))
    _overlay(run, Path("/var/lib"), below=("/var/lib",))
    for inner, folder in (("/var/lib/kubelet", "kubelet"), ("/var/log", "logs")):
        Path(inner).mkdir(exist_ok=True)
        _run("mount", "--bind", f"{run}/{folder}", inner)
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    for folder in ("/run/netns", "/run/cdi", "/run/lock"):
        Path(folder).mkdir()
    for name, value in _SHOWN.items():
        shown = run / name.replace("/", ".")
        shown.write_text(value + "\n")
        _run("mount", "--bind", str(shown), f"/proc/sys/{name}")


def _fresh_sysfs(run: Path) -> None:
    """/sys/class/net shows the netns it was mounted in, so the node mounts its own; the cgroups
    that were mounted below the old one are put back."""
    aside = run / "cgroups"
    aside.mkdir()
    _run("mount", "--rbind", "/sys/fs/cgroup", str(aside))
    _run("mount", "-t", "sysfs", "sysfs", "/sys")
    _run("mount", "--rbind", str(aside), "/sys/fs/cgroup")
    _run("umount", "--lazy", str(aside))


def _overlay(run: Path, folder: Path, *, below: tuple[str, ...]) -> None:
    upper = run / "node" / folder.relative_to("/")
    work = run / "work" / folder.name
    for path in (upper, work):
        path.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={':'.join(below)},upperdir={upper},workdir={work}"
    _run("mount", "-t", "overlay", "-o", options, "overlay", str(folder))


def _network() -> None:
    """A veth carries the node's address: not every kernel has the dummy driver."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node0-peer")
    address = f"{addresses.NODE_ADDRESS}/{addresses.NODE_PREFIX}"
    _run("ip", "address", "add", address, "dev", "node0")
    for link in ("node0", "node0-peer"):
        _run("ip", "link", "set", link, "up")
    _run("ip", "route", "add", "default", "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)


def _reap() -> None:
    """Children come and go for as long as the node lives: this one keeps wait() from failing."""
    with subprocess.Popen(["sleep", "infinity"]):
        while True:
            os.wait()


if __name__ == "__main__":
    main()
