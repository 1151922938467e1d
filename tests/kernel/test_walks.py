"""The five walks of docs/architecture.md, walked: each station is called, in the page's order.

Agent and webhook are the real processes, which write down what they call; so does the sidecar,
built with gcc's -finstrument-functions. The controller's own code runs in this process.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sim.agent import AgentFolder, AgentProcess
from sim.cluster import netvscnode
from sim.cluster.controlled import world
from sim.cluster.nodes import held, pair, revoked
from sim.cluster.secret import Secret
from sim.cluster.webhook import POOLS, Client, pod, running
from sim.cni.node import PAIR, Node, on_azure
from sim.kernel.host import Host
from sim.kubelet.kubelet import Kubelet
from sim.sidecar.fdpipe import SOURCES, Pod, Reader
from sim.traced import Trace, recording

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text()
STATIONS_MAX = 8


def stations(title: str) -> list[str]:
    _, _, after = PAGE.partition(f"\n### {title}\n")
    assert after, f"no walk {title}"
    found = re.findall(r"^\d\. `([\w.:/]+)`", after.partition("\n##")[0], flags=re.MULTILINE)
    assert 3 <= len(found) <= STATIONS_MAX
    return found


def assert_walked(title: str, calls: Sequence[str], *, package: str = "") -> None:
    """Each station is called for the first time after the one before it."""
    walked = [f"{package}{station}" for station in stations(title)]
    missing = [station for station in walked if station not in calls]
    assert missing == [], f"{title}: not called; edit the page, or the code"
    first = [calls.index(station) for station in walked]
    assert first == sorted(first), f"{title}: called in another order: {first}"


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trace:
    return Trace(tmp_path / "calls", monkeypatch)


def test_a_mac_is_walked_from_the_kernel_to_the_status(trace: Trace) -> None:
    async def story() -> None:
        with AgentFolder() as folder, Host.from_fixture("f02") as host:
            async with (
                Kubelet(folder),
                netvscnode.serving(host, folder) as node,
                AgentProcess(host, folder, *node.options),
            ):
                await node.told("00-0d-3a-c0-00-11")

    asyncio.run(story())
    assert_walked(
        "A MAC, from the kernel to the status", trace.calls(), package="netvsc_deviceplugin."
    )


def test_a_review_is_walked_to_its_patch(trace: Trace, tmp_path: Path) -> None:
    secret, pools = Secret(tmp_path / "tls"), tmp_path / "pools.yaml"
    secret.renew()
    pools.write_text(POOLS)

    async def story() -> None:
        async with running(secret.folder, "--pools", str(pools)) as webhook:
            trace.again(webhook.process.pid)
            async with Client(webhook.port, secret.authority.certificate) as client:
                assert (await client.ask(pod()))["patch"]

    asyncio.run(story())
    assert_walked("A review, to its patch", trace.calls(), package="netvsc_operator.")


def test_a_cni_add_is_walked_to_the_kernel(trace: Trace) -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            target = node.cni.pod()
            await node.holds(target, 1)
            trace.again(agent.process.pid)
            assert (await node.call("ADD", target)).code == 0

    on_azure(story)
    assert_walked("A CNI ADD, to the kernel", trace.calls(), package="netvsc_deviceplugin.")


def test_a_status_is_walked_to_its_event() -> None:
    async def story() -> list[str]:
        here = await world()
        await here.report(held(pair(1)))
        with recording() as calls:
            await here.report(revoked(held(pair(1))))
        assert here.events("Node") == ["VFRevoked"]
        return calls

    calls = asyncio.run(story())
    assert_walked("A status, to the Event", calls, package="netvsc_operator.")


def test_a_removed_vf_is_walked_to_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, file = instrumented(tmp_path), tmp_path / "addresses"
    monkeypatch.setattr("sim.sidecar.fdpipe.binary", lambda _name: program)
    with Pod(program="fdpipe-walked") as here:
        monkeypatch.setenv("NETVSC_TRACE", str(file))
        sidecar = here.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
        here.host.give("netvsc0")
        with Reader(here.pipe) as reader:
            assert reader.read() == b"\n"
            sidecar.wait_log("offered")
            file.write_bytes(b"")
            here.host.vanish("netvsc0")
            sidecar.wait_log("cancelled")
            sidecar.wait_log("gone")
        sidecar.kill()
    calls = named(program, file.read_text().split())
    assert_walked("A removed VF, to the token", calls)


def instrumented(folder: Path) -> Path:
    """Build the simulator's fdpipe so that it writes down which functions it enters."""
    sources = [path for path in SOURCES.rglob("*.c") if path.parent.name != "guard"]
    program = folder / "fdpipe-walked"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-DSIM", "-O1", "-g", "-no-pie", "-iquote", str(SOURCES)]
    flags += ["-finstrument-functions", "-finstrument-functions-exclude-file-list=walked.c"]
    ours = Path(__file__).with_name("walked.c")
    subprocess.run(["gcc", *flags, "-o", str(program), *map(str, sources), str(ours)], check=True)
    return program


def named(program: Path, addresses: Sequence[str]) -> list[str]:
    """Return `folder/file.c:function` of each address, as the debugging information has it."""
    found = subprocess.run(
        ["addr2line", "-f", "-e", str(program), *addresses],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    functions, places = found[::2], (line.rpartition(":")[0] for line in found[1::2])
    paths = [Path(place) for place in places]
    return [
        f"{path.relative_to(SOURCES)}:{function}"
        for path, function in zip(paths, functions, strict=True)
        if path.is_relative_to(SOURCES)
    ]
