"""Pairs of pods whose ADD went through without them: they come late, or the deferred call goes."""

import json
import os
import shutil
from contextlib import suppress

import pytest

from netvsc.errors import RequestError
from netvsc_deviceplugin.cni.attach.records import Want
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.kernel.netns import GoneError
from netvsc_deviceplugin.kubelet.podresources import GONE_S
from sim.cni.calls import CniHost, Pod, id_of
from sim.cni.death import Fate, Killed, mortal
from sim.cni.node import PAIR, Node, on_azure
from sim.cni.server import PREVIOUS, CniServer, config, promised, shim
from sim.sidecar.fdpipe import binary


def deferred(cni: CniHost) -> list[str]:
    return sorted(file.name for file in (cni.state / "passed").glob("*"))


def passed_by(cni: CniHost, *pods: Pod) -> None:
    """The agent is away while these pods, without an annotation, are added."""
    for pod in pods:
        said = shim("ADD", config(cni.state), pod)
        assert said.body["interfaces"] == PREVIOUS["interfaces"]


def test_the_pair_of_a_pod_that_was_added_without_the_agent_comes_when_the_agent_does() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
        pod, plain = node.cni.pod(), node.cni.pod()
        node.kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
        node.lists(plain)
        for one in (pod, plain):
            assert (await node.call("ADD", one)).code == 0
        folder = node.folder / "state" / "passed"
        assert len(list(folder.iterdir())) == 2
        async with node.agent() as agent:
            await agent.said("netvsc0 is in")
            assert node.cni.inside(1, pod)
            await node.until(lambda: not list(folder.iterdir()), "both calls are gone", seconds=20)
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)

    on_azure(story)


def test_a_deferred_call_that_comes_while_the_agent_starts_is_seen_too() -> None:
    async def story(node: Node) -> None:
        pod = node.cni.pod()
        node.kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
        assert (await node.call("ADD", pod)).code == 0
        folder = node.folder / "state" / "passed"
        message = (folder / pod.container).read_bytes()
        (folder / pod.container).unlink()
        async with node.agent():
            await node.kubelet.registered(PAIR)
            (folder / "elsewhere,new").write_bytes(message)
            (folder / "elsewhere,new").replace(folder / pod.container)
            await node.until(lambda: node.cni.inside(1, pod), "the pair is inside")

    on_azure(story)


def test_a_pod_that_the_kubelet_was_silent_about_is_settled_when_it_speaks() -> None:
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.devices = None
        assert shim("ADD", config(cni.state), pod).code == 0
        assert deferred(cni) == [pod.container]
        assert server.settle()  # silent still: not settled
        server.devices = ()
        assert server.settle()  # it answers, and does not list the pod
        server.give(1)
        server.listed.add(pod.container)
        assert not server.settle()
        assert cni.inside(1, pod)
        assert deferred(cni) == []


def test_the_call_of_a_pod_without_pairs_goes_when_the_kubelet_lists_it_so_for_a_while() -> None:
    """A kubelet that has just started may list pods before it knows what they have."""
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        with CniServer(cni) as server:
            server.listed.add(pod.container)
            assert server.settle()
            server.now += GONE_S
            assert not server.settle()
            assert deferred(cni) == []
            assert cni.on_host(1, pod)
            assert shim("DEL", config(cni.state), pod).code == 0


def test_the_del_of_a_pod_that_was_passed_on_succeeds_and_takes_its_deferred_call_along() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        with CniServer(cni):
            assert shim("DEL", config(cni.state), pod).code == 0
        assert deferred(cni) == []


@pytest.mark.parametrize("program", ["fdpipe", "fdpipe-asan"])
def test_without_the_agent_its_del_succeeds_and_takes_the_call_along_too(program: str) -> None:
    with CniHost() as cni:
        pod, given = cni.pod(), config(cni.state)
        assert shim("ADD", given, pod, program=binary(program)).body == given["prevResult"]
        assert deferred(cni) == [pod.container]
        assert shim("DEL", given, pod, program=binary(program)).code == 0
        assert deferred(cni) == []


def test_after_a_boot_the_program_makes_the_folders_itself_and_nobody_else_may_look() -> None:
    with CniHost() as cni:
        shutil.rmtree(cni.state)
        pod = cni.pod()
        passed_by(cni, pod)
        assert (cni.state / "passed").stat().st_mode & 0o777 == 0o700
        assert (cni.state / "passed" / pod.container).stat().st_mode & 0o777 == 0o600


def test_a_deferred_call_that_cannot_be_written_stops_no_pod() -> None:
    with CniHost() as cni:
        (cni.state / "passed").write_text("in the way")
        passed_by(cni, cni.pod())
        with CniServer(cni) as server:
            server.devices = None
            assert shim("ADD", config(cni.state), cni.pod()).code == 0


def test_a_pod_that_was_promised_pairs_leaves_no_deferred_call_for_it_will_be_added_again() -> None:
    with CniHost() as cni:
        given = config(cni.state, **promised({"fwd": {PAIR: ["netvsc0"]}}))
        assert shim("ADD", given, cni.pod()).error == 11
        assert deferred(cni) == []


def test_a_kubelet_that_remembers_a_pods_pairs_a_moment_later_is_believed_then() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        with CniServer(cni) as server:
            server.listed.add(pod.container)
            assert server.settle()
            server.give(1)
            assert not server.settle()
            assert cni.inside(1, pod)


def test_the_deferred_call_is_the_call_itself() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        environment, stdin = wire.read((cni.state / "passed" / pod.container).read_bytes())
        assert environment["CNI_NETNS"] == pod.path
        assert json.loads(stdin) == config(cni.state)
        (call,) = DeferredCalls(cni.state).all()
        DeferredCalls(cni.state).save(call)  # as the agent writes it where the kubelet is silent
        assert DeferredCalls(cni.state).all() == [call]


def test_a_netns_that_ended_takes_its_deferred_call_along() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        pod.end()
        with CniServer(cni) as server:
            server.give(1)
            server.listed.add(pod.container)
            assert not server.settle()
        assert deferred(cni) == []
        assert cni.on_host(1)


def test_of_two_sandboxes_of_one_pod_only_the_newer_gets_the_pair() -> None:
    """A StatefulSet's pod comes back under its name while its old sandbox is still there."""
    with CniHost() as cni:
        old, new = cni.pod(), cni.pod()
        passed_by(cni, old)
        name = f"K8S_POD_NAMESPACE=nf;K8S_POD_NAME={old.container}"
        assert shim("ADD", config(cni.state), new, CNI_ARGS=name).code == 0
        older = (cni.state / "passed" / old.container).stat().st_mtime_ns - 10**9
        os.utime(cni.state / "passed" / old.container, ns=(older, older))
        with CniServer(cni) as server:
            server.give(1)
            server.listed.add(old.container)
            assert not server.settle()
        assert cni.inside(1, new)
        assert deferred(cni) == []


def test_a_pair_that_another_container_has_stays_there() -> None:
    with CniHost() as cni:
        late, holder = cni.pod(), cni.pod()
        passed_by(cni, late)
        cni.add(holder, 1)
        with CniServer(cni) as server:
            server.give(1)
            server.listed.add(late.container)
            assert server.settle()
            assert cni.inside(1, holder)
            assert shim("DEL", config(cni.state), late).code == 0
            assert not server.settle()
        assert cni.inside(1, holder)
        assert deferred(cni) == []


def test_a_pair_that_its_last_holder_has_yet_to_give_back_comes_when_it_does() -> None:
    """The agent is away while a pod ends, whose DEL will come again, and the next one is added."""
    with CniHost() as cni:
        last, late = cni.pod(), cni.pod()
        cni.add(last, 1)
        assert shim("DEL", config(cni.state), last).error == 11
        passed_by(cni, late)
        with CniServer(cni) as server:
            cni.attachments.restore()
            server.give(1)
            server.listed.add(late.container)
            assert server.settle()
            assert shim("DEL", config(cni.state), last).code == 0
            assert not server.settle()
            assert cni.inside(1, late)
            assert deferred(cni) == []


def test_a_name_that_the_pod_has_taken_meanwhile_is_not_fought_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        pod.ip.rename(pod.ip.index("eth0"), "netvsc0")
        with CniServer(cni) as server:
            server.give(1)
            server.listed.add(pod.container)
            assert not server.settle()
        assert cni.on_host(1, pod)
        assert "name netvsc0 is taken" in caplog.text


def test_a_pair_whose_nic_is_away_is_waited_for_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        with CniServer(cni) as server:
            server.give(7)
            server.listed.add(pod.container)
            assert server.settle()
            assert server.settle()
        assert deferred(cni) == [pod.container]
        assert caplog.text.count("is its NIC attached") == 1


@pytest.mark.parametrize("garbage", [b"", b"netvsc-cni/1 5 5\n", b"\xff" * 99, b"x" * 400_000])
def test_a_deferred_call_that_makes_no_sense_is_removed(garbage: bytes) -> None:
    with CniHost() as cni, CniServer(cni) as server:
        (cni.state / "passed").mkdir()
        (cni.state / "passed" / "c").write_bytes(garbage)
        assert not server.settle()
        assert deferred(cni) == []


def test_a_del_without_the_agent_and_a_late_move_never_both_have_their_way() -> None:
    """DEL takes the deferred call, then looks for the checkpoint; the move does so in reverse."""
    with CniHost() as cni:
        pod = cni.pod()
        passed_by(cni, pod)
        said = []

        def meanwhile() -> bool:
            said.append(shim("DEL", config(cni.state), pod).error)
            return DeferredCalls(cni.state).has(pod.container)

        wants = [Want(id=id_of(1), interface="netvsc0")]
        with pytest.raises(GoneError, match="has ended meanwhile"):
            cni.attachments.add_deferred(pod.target(), wants, still=meanwhile)
        assert said == [11]  # the runtime asks again, and the netns lives until then
        assert cni.on_host(1, pod)
        assert shim("DEL", config(cni.state), pod).code == 0


def test_a_late_move_into_a_container_that_has_its_pairs_is_refused() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        wants = [Want(id=id_of(1), interface="netvsc0")]
        with pytest.raises(RequestError, match="has its pair already"):
            cni.attachments.add_deferred(pod.target(), wants, still=lambda: True)
        assert cni.inside(1, pod)


def test_killed_at_every_step_of_a_late_move_the_next_agent_does_it_again() -> None:
    with CniHost() as cni:
        pod, at, done = cni.pod(), 1, False
        wants = [Want(id=id_of(1), interface="netvsc0")]
        while not done:
            passed_by(cni, pod)
            with suppress(Killed):
                agent = mortal(cni, Fate(at))
                agent.add_deferred(pod.target(), wants, still=lambda: True)
                done = True
            cni.restarted(patience=0.001).restore()
            with CniServer(cni) as server:
                server.give(1)
                server.listed.add(pod.container)
                assert not server.settle()
                assert cni.inside(1, pod)
                assert deferred(cni) == []
                assert shim("DEL", config(cni.state), pod).code == 0
            assert cni.on_host(1, pod)
            at += 1
        assert at > 10
