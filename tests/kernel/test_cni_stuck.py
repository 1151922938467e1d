"""An ADD that fails and cannot be undone: the pair stays known, and comes home when it can."""

import errno
import logging

import pytest

from netvsc_deviceplugin.cni.attach.checkpoint import ContainerPhase
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import LinkRefusedError, Rtnl
from sim.cni.calls import CniHost, id_of


class Busy:
    """A kernel that lets the first pair in, not the second, and, while busy, none out again."""

    def __init__(self) -> None:
        self.busy = True

    def open(self, space: Netns) -> Rtnl:
        kernel = self

        class Refusing(Rtnl):
            def move(self, ifindex: int, *, to: Netns, name: str) -> None:
                if kernel.busy and (to.name is None or name == "netvsc1"):
                    raise LinkRefusedError(f"cannot move {ifindex}: busy", errno.EBUSY)
                super().move(ifindex, to=to, name=name)

        return Refusing(space)


def test_a_pair_that_is_stuck_in_the_pod_keeps_its_checkpoint_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kernel = Busy()
    with CniHost(2) as cni:
        pod = cni.pod()
        agent = cni.restarted(rtnl=kernel.open, patience=0.001)
        with caplog.at_level(logging.WARNING), pytest.raises(LinkRefusedError, match="busy"):
            cni.add(pod, 1, 2)
        netvsc, _ = cni.places(1, pod)
        assert netvsc
        assert netvsc.netns == pod.netns
        (checkpoint,) = (
            cni.checkpoints.all()
        )  # without it a DEL would let the netns die with it inside
        assert (checkpoint.container, checkpoint.phase) == (pod.container, ContainerPhase.ENTERING)
        assert checkpoint.pair(id_of(1))
        assert not agent.restore()
        kernel.busy = False
        assert agent.restore()
        assert cni.on_host(1, pod)
        assert cni.on_host(2, pod)
        assert list(cni.checkpoints.all()) == []
    stuck = next(record for record in caplog.records if "is stuck" in record.getMessage())
    fields = {"pair": id_of(1), "container": pod.container, "namespace": "nf", "netns": pod.path}
    assert vars(stuck).items() >= fields.items()
