"""A NIC's own addresses: told by Azure or the kernel, read by applications, configured in pods."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any

from netvsc.model.mac import mac_of
from sim.agent import PATIENCE, AgentProcess
from sim.cni.calls import Pod, id_of
from sim.cni.node import ETH1, PAIR, Node, on_azure
from sim.cni.server import Said, config, promised, shim
from sim.imds import LINK_LOCAL, Imds

AZURE = "pools: [{name: pair, addresses: azure}]\n"
SUBNET = "10.0.1.0/24"
Story = Callable[[Node, Imds], Coroutine[None, None, None]]


def give(imds: Imds, number: int = 1, *, ipv6: tuple[str, ...] = ()) -> None:
    """Let Azure tell 10.0.1.<number + 3> of a pair."""
    imds.give(mac_of(id_of(number)), f"10.0.1.{number + 3}", subnet=SUBNET, ipv6=ipv6)


def with_imds(story: Story, *, pairs: int = 1) -> None:
    """Play a story on a node whose pairs Azure knows."""

    async def play(node: Node) -> None:
        with Imds(node.cni.host.netns) as imds:
            for number in range(1, pairs + 1):
                give(imds, number)
            await story(node, imds)

    on_azure(play, pairs=pairs)


def agent(node: Node, imds: Imds | None, *, pools: str = AZURE, mode: str = "chained") -> Any:
    file = node.folder / "pools.yaml"
    file.write_text(pools)
    options = ("--imds", imds.url) if imds else ()
    return node.agent(mode, "--config", str(file), *options)


def shown(pod: Pod, *what: str) -> Any:
    done = subprocess.run(
        ["ip", "-n", pod.netns, "-j", *what], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def addresses(pod: Pod, interface: str = "netvsc0") -> list[str]:
    (link,) = shown(pod, "address", "show", "dev", interface)
    found = [one for one in link["addr_info"] if one["scope"] == "global"]
    return [f"{one['local']}/{one['prefixlen']}" for one in found]


def routes(pod: Pod) -> dict[str, str]:
    """Return the interfaces of the pod's IPv4 routes by destination."""
    return {one["dst"]: one["dev"] for one in shown(pod, "-4", "route")}


async def described(node: Node, *numbers: int) -> list[dict[str, Any]]:
    """Return what a container that is given these pairs reads in NETVSC_PAIRS."""
    answer = await node.kubelet.allocate(PAIR, *map(id_of, numbers))
    found: list[dict[str, Any]] = json.loads(answer.envs["NETVSC_PAIRS"])
    return found


async def told(node: Node, *wanted: str, number: int = 1) -> None:
    """Allocate until a container would read these addresses: nothing else says what is known."""
    deadline = time.monotonic() + PATIENCE
    while (found := (await described(node, number))[0]["addresses"]) != list(wanted):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.01)


def test_the_nics_own_addresses_are_configured_in_the_pod_and_told_to_everybody() -> None:
    async def story(node: Node, imds: Imds) -> None:
        give(imds, ipv6=("fd00:db8::4",))
        async with agent(node, imds):
            await node.kubelet.devices(PAIR)
            await told(node, "10.0.1.4/24", "fd00:db8::4/128")
            pod = node.cni.pod()
            pod.ip.up(pod.ip.index("eth0"))
            pod.ip.add_address(pod.ip.index("eth0"), "10.1.0.7/24")
            pod.ip.add_default_route(pod.ip.index("eth0"), via="10.1.0.1")
            await node.holds(pod, 1)
            said = await node.call("ADD", pod)
            assert said.body["ips"][1:] == [
                {"address": "10.0.1.4/24", "gateway": "10.0.1.1", "interface": 1},
                {"address": "fd00:db8::4/128", "interface": 1},
            ]
            assert said.body["interfaces"][1]["name"] == "netvsc0"
            assert addresses(pod) == ["10.0.1.4/24", "fd00:db8::4/128"]
            assert routes(pod) == {"default": "eth0", "10.1.0.0/24": "eth0", SUBNET: "netvsc0"}
            (read,) = await described(node, 1)
            assert read["addresses"] == ["10.0.1.4/24", "fd00:db8::4/128"]
            assert (read["gateways"], read["mtu"]) == (["10.0.1.1"], 1500)
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)

    with_imds(story)


def test_a_runtime_that_speaks_an_older_version_is_told_of_which_family_each_address_is() -> None:
    async def story(node: Node, imds: Imds) -> None:
        async with agent(node, imds):
            await node.kubelet.devices(PAIR)
            await told(node, "10.0.1.4/24")
            pod = node.cni.pod()
            await node.holds(pod, 1)
            given = config(node.folder / "state", "0.3.1")
            said = await asyncio.to_thread(shim, "ADD", given, pod)
            gateway = {"gateway": "10.0.1.1", "version": "4", "interface": 1}
            assert said.body["ips"][1] == {"address": "10.0.1.4/24", **gateway}
            assert (await node.call("DEL", pod)).code == 0

    with_imds(story)


def test_two_pairs_have_their_own_each() -> None:
    async def story(node: Node, imds: Imds) -> None:
        async with agent(node, imds):
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
            await told(node, "10.0.1.4/24")
            pod = node.cni.pod()
            await node.holds(pod, 1, 2)
            said = await node.call("ADD", pod)
            names = [one["name"] for one in said.body["interfaces"]]
            placed = {names[one["interface"]]: one["address"] for one in said.body["ips"][1:]}
            assert placed == {"netvsc0": "10.0.1.4/24", "netvsc1": "10.0.1.5/24"}
            assert [addresses(pod, name) for name in placed] == [["10.0.1.4/24"], ["10.0.1.5/24"]]
            assert (await node.call("DEL", pod)).code == 0

    with_imds(story, pairs=2)


def test_a_pool_that_does_not_ask_for_them_gets_them_told_alone() -> None:
    async def story(node: Node, imds: Imds) -> None:
        async with agent(node, imds, pools="pools: [{name: pair}]\n"):
            await node.kubelet.devices(PAIR)
            await told(node, "10.0.1.4/24")
            pod = node.cni.pod()
            await node.holds(pod, 1)
            said = await node.call("ADD", pod)
            assert len(said.body["ips"]) == 1  # the chain's own
            assert addresses(pod) == []
            (read,) = await described(node, 1)
            assert (read["addresses"], read["gateways"]) == (["10.0.1.4/24"], ["10.0.1.1"])
            assert (await node.call("DEL", pod)).code == 0

    with_imds(story)


def test_the_kernels_addresses_do_without_azure_and_outlive_the_move() -> None:
    async def story(node: Node) -> None:
        home = node.cni.host.ip
        home.add_address(home.index("eth1"), "10.0.1.77/26")
        async with agent(node, None):
            await node.kubelet.devices(PAIR)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            names = promised({"fwd": {PAIR: ["netvsc0"]}})
            said = await node.call("ADD", pod, **names)
            assert said.body["ips"][1:] == [{"address": "10.0.1.77/26", "interface": 1}]
            assert addresses(pod) == ["10.0.1.77/26"]
            await told(node, "10.0.1.77/26")
            assert (await node.call("ADD", pod, **names)).body["ips"] == said.body["ips"]
            assert (await node.call("DEL", pod)).code == 0

    on_azure(story)


def test_a_pod_that_was_promised_addresses_waits_until_they_are_told() -> None:
    async def story(node: Node, imds: Imds) -> None:
        imds.refuse = HTTPStatus.SERVICE_UNAVAILABLE
        async with agent(node, imds) as running:
            await running.said("it says 503")
            await node.kubelet.devices(PAIR)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            refused = await node.call("ADD", pod)
            assert refused.error == 11
            assert "addresses: azure" in refused.body["msg"]
            assert node.cni.on_host(1, pod)
            imds.refuse = None
            await running.said("IMDS tells of 1 NICs")
            await told(node, "10.0.1.4/24")
            assert (await node.call("ADD", pod)).code == 0
            assert addresses(pod) == ["10.0.1.4/24"]
            assert (await node.call("DEL", pod)).code == 0

    with_imds(story)


def ipam_plugin(folder: Path) -> None:
    """Put an IPAM plugin there that gives 10.8.0.5/24."""
    program = folder / "ours"
    program.write_text(
        "#!/bin/sh\ncat > /dev/null\n"
        'echo \'{"cniVersion": "1.1.0", "ips": [{"address": "10.8.0.5/24"}]}\'\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_an_ipam_section_wins_over_the_nics_own_addresses() -> None:
    async def story(node: Node, imds: Imds) -> None:
        ipam_plugin(node.folder / "bin")
        async with agent(node, imds, mode="served"):
            await node.kubelet.devices(PAIR)
            await told(node, "10.0.1.4/24")
            pod = node.cni.pod()
            await node.holds(pod, 1)
            multus = {"cniVersion": "1.1.0", "name": "m", "type": "netvsc-cni", "deviceID": ETH1}
            multus |= {"state": str(node.folder / "state")}

            async def call(verb: str, **more: Any) -> Said:
                path = str(node.folder / "bin")
                names = {"CNI_IFNAME": "net1", "CNI_PATH": path}
                return await asyncio.to_thread(shim, verb, {**multus, **more}, pod, **names)

            section = {"ipam": {"type": "ours"}}
            said = await call("ADD", **section)
            assert said.body["ips"] == [{"address": "10.8.0.5/24", "interface": 0}]
            assert addresses(pod, "net1") == ["10.8.0.5/24"]
            assert (await call("DEL", **section)).code == 0
            assert (await call("ADD")).body["ips"][0]["address"] == "10.0.1.4/24"
            assert addresses(pod, "net1") == ["10.0.1.4/24"]
            assert (await call("DEL")).code == 0

    with_imds(story)


def test_a_pool_may_select_by_subnets_that_azure_alone_knows() -> None:
    async def story(node: Node, imds: Imds) -> None:
        pools = f"pools: [{{name: pair, selector: {{subnets: [{SUBNET}]}}}}]\n"
        imds.give(mac_of(id_of(2)), "10.0.2.4", subnet="10.0.2.0/24")
        async with agent(node, imds, pools=pools):
            devices = await node.kubelet.devices(PAIR)
            assert list(devices) == [ETH1]
            assert len(node.kubelet.messages(PAIR)) == 1  # never without it

    with_imds(story, pairs=2)


def test_a_nic_that_is_attached_later_is_asked_for() -> None:
    async def story(node: Node, imds: Imds) -> None:
        async with agent(node, imds) as running:
            await node.kubelet.devices(PAIR)
            await running.said("IMDS tells of 1 NICs")
            asked = imds.asked
            give(imds, 2)
            node.cni.host.add_netvsc("eth2", mac=mac_of(id_of(2)), guid="guid-2")
            await asyncio.to_thread(imds.wait_asked, asked + 1)
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
            await told(node, "10.0.1.5/24", number=2)

    with_imds(story)


def test_it_is_asked_at_its_link_local_address_as_azure_has_it() -> None:
    async def story(node: Node) -> None:
        node.cni.host.ip.add_address(1, f"{LINK_LOCAL}/32")
        with Imds(node.cni.host.netns, at=LINK_LOCAL, port=80) as imds:
            give(imds)
            async with node.agent("off", "--imds", f"http://{LINK_LOCAL}") as running:
                await running.said("IMDS tells of 1 NICs")
            assert imds.asked == 1

    on_azure(story)


def test_where_nobody_answers_the_agent_goes_on_and_says_so_once() -> None:
    async def story(node: Node) -> None:
        async with node.agent("off", "--imds", f"http://{LINK_LOCAL}") as running:
            await node.kubelet.devices(PAIR)
            assert (await described(node, 1))[0]["addresses"] == []
            await running.said("only the kernel's are known")
            await asyncio.to_thread(running.stop)
            assert silent(running) == 1

    on_azure(story)


def silent(running: AgentProcess) -> int:
    return sum("IMDS" in line["message"] for line in running.log)


def test_an_agent_that_is_not_to_ask_does_not() -> None:
    async def story(node: Node, imds: Imds) -> None:
        async with agent(node, None):
            await node.kubelet.devices(PAIR)
            assert (await described(node, 1))[0]["addresses"] == []
        assert imds.asked == 0

    with_imds(story)
