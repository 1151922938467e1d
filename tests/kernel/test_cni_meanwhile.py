"""The world does not stand still: something happens at every moment of an ADD and of a DEL.

Once an agent has looked again, which the kernel's messages make it do, all is as it should be.
"""

from collections.abc import Callable

import pytest

from netvsc.errors import NetvscError
from netvsc_deviceplugin.cni.attach.records import Want
from sim.cni.calls import CniHost, Place, Pod, id_of
from sim.cni.death import Fate, mortal

WANTS = [Want(id=id_of(1), interface="netvsc0")]
Happening = Callable[[CniHost, Pod], None]


def vf_returns(cni: CniHost, _pod: Pod) -> None:
    cni.return_home(1)


def vf_returns_as_eth1(cni: CniHost, _pod: Pod) -> None:
    """Under the very name that its NetVSC has, had, or wants: whichever is free now."""
    cni.return_home(1, name="eth5" if cni.host.ip.has("eth1") else "eth1")


def vf_goes(cni: CniHost, pod: Pod) -> None:
    _, vf = cni.places(1, pod)
    assert vf
    ip = pod.ip if vf.netns else cni.host.ip
    ip.delete(ip.index(vf.name))


def moments_of(verb: str, *, absent: bool, what: Happening) -> int:
    """Run the verb once for each of its moments, with something happening then; count them."""
    with CniHost() as cni:
        pod, at = cni.pod(), 1
        while one_moment(cni, pod, Fate(at, lambda: what(cni, pod)), verb, absent=absent):
            at += 1
    return at


def one_moment(cni: CniHost, pod: Pod, fate: Fate, verb: str, *, absent: bool) -> bool:
    begin(cni, pod, inside=verb == "DEL", absent=absent)
    agent = mortal(cni, fate)
    if verb == "ADD":
        agent.add(pod.target(), WANTS)
    else:
        agent.delete(pod.container, netns=pod.path)
    if fate.came:
        cni.attachments.restore()
        where = pod.netns if verb == "ADD" else None
        netvsc, vf = cni.places(1, pod)
        assert netvsc == Place(where, "netvsc0" if where else "eth1", up=True), fate
        assert bool(vf) == absent, fate
        assert not vf or (vf.netns, vf.up) == (where, True), fate
    end(cni, pod)
    return fate.came


def begin(cni: CniHost, pod: Pod, *, inside: bool, absent: bool) -> None:
    cni.restarted(patience=0.001)
    if inside:
        cni.attachments.add(pod.target(), WANTS)
    if absent:
        vf_goes(cni, pod)


def end(cni: CniHost, pod: Pod) -> None:
    """Everything home, the VF there, under its name."""
    cni.restarted(patience=0.001)
    cni.attachments.delete(pod.container, netns=pod.path)
    netvsc, vf = cni.places(1, pod)
    assert netvsc == Place(None, "eth1", up=True)
    if not vf:
        cni.return_home(1)
    elif vf.name != "vf1":
        cni.host.ip.rename(cni.host.ip.index(vf.name), "vf1")
    assert cni.on_host(1, pod)
    assert cni.altnames() == set()
    assert list(cni.checkpoints.all()) == []


@pytest.mark.parametrize("verb", ["ADD", "DEL"])
@pytest.mark.parametrize("what", [vf_returns, vf_returns_as_eth1])
def test_a_vf_that_returns_at_any_moment_ends_where_its_netvsc_is(
    verb: str, what: Happening
) -> None:
    assert moments_of(verb, absent=True, what=what) > 10


@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_a_vf_that_goes_at_any_moment_holds_up_nothing(verb: str) -> None:
    assert moments_of(verb, absent=False, what=vf_goes) > 10


def test_a_netns_that_loses_its_name_at_any_moment_of_an_add_gives_the_pair_back() -> None:
    at, came = 1, True
    with CniHost() as cni:
        while came:
            pod = cni.pod()
            cni.restarted(patience=0.001)
            fate = Fate(at, pod.end)
            agent = mortal(cni, fate)
            try:
                agent.add(pod.target(), WANTS)
            except NetvscError:
                assert fate.came
            came = fate.came
            cni.attachments.restore()
            if not came:
                cni.attachments.delete(pod.container, netns=pod.path)
            assert cni.on_host(1)
            assert cni.altnames() == set()
            assert list(cni.checkpoints.all()) == []
            at += 1
    assert at > 10


def test_a_netns_that_is_gone_already_is_refused_and_nothing_moves() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        pod.end()
        with pytest.raises(NetvscError, match="its sandbox has ended"):
            cni.attachments.add(pod.target(), WANTS)
        assert cni.on_host(1)
        assert list(cni.checkpoints.all()) == []
