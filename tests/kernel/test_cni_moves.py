"""A pair moves into a pod and comes home, whatever the kernel does of it by itself."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from netvsc.errors import NodeError, RequestError, RetryError
from netvsc_deviceplugin.cni.attach.executor import PATIENCE
from netvsc_deviceplugin.cni.attach.records import Want
from sim.cni.calls import CniHost, Place, Pod, id_of, kernel_that_brings_vfs


@pytest.mark.parametrize("pairs", [1, 2, 7])
def test_pairs_move_in_whole_and_come_home_under_their_names(pairs: int) -> None:
    numbers = range(1, pairs + 1)
    with CniHost(pairs) as cni:
        pod = cni.pod()
        cni.add(pod, *numbers)
        assert all(cni.inside(n, pod, name=f"netvsc{n - 1}") for n in numbers)
        cni.attachments.delete(pod.container, netns=pod.path)
        assert all(cni.on_host(n, pod) for n in numbers)
        assert cni.altnames() == set()
        assert list(cni.checkpoints.all()) == []


@pytest.mark.parametrize("pairs", [1, 2, 7])
def test_a_kernel_that_brings_the_vf_itself_is_given_the_time_to(pairs: int) -> None:
    numbers = range(1, pairs + 1)
    with CniHost(pairs) as cni:
        pod = cni.pod()
        cni.restarted(patience=2.0)  # this kernel is a thread, and slow
        with kernel_that_brings_vfs(cni, pod):
            cni.add(pod, *numbers)
            brought = {cni.places(number, pod)[1] for number in numbers}
            assert brought == {Place(pod.netns, f"eth{number}", up=True) for number in numbers}
            cni.attachments.delete(pod.container)
            assert all(cni.on_host(number, pod) for number in numbers)
            assert cni.attachments.config.move_support.waits("mlx5_core")


def test_a_kernel_that_does_not_is_waited_for_once() -> None:
    with CniHost(2) as cni:
        first, second = cni.pod(), cni.pod()
        cni.add(first, 1)
        assert not cni.attachments.config.move_support.waits("mlx5_core")
        began = time.monotonic()
        cni.add(second, 2)
        assert cni.inside(2, second)
        assert time.monotonic() - began < 10 * PATIENCE


def test_a_pair_without_its_vf_moves_and_the_vf_that_comes_back_at_home_follows() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.host.revoke("eth1")
        cni.add(pod, 1)
        assert cni.places(1, pod) == (Place(pod.netns, "netvsc0", up=True), None)
        cni.return_home(1, name="eth1")  # the name that the NetVSC wants back one day
        cni.attachments.restore()
        netvsc, vf = cni.places(1, pod)
        assert netvsc == Place(pod.netns, "netvsc0", up=True)
        assert vf == Place(pod.netns, "eth1", up=True)
        cni.attachments.delete(pod.container)
        netvsc, vf = cni.places(1, pod)
        assert netvsc == Place(None, "eth1", up=True)
        assert vf
        assert vf.netns is None
        assert cni.altnames() == set()


def test_a_vf_whose_name_the_pod_has_gets_another() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.host.rename("eth1", "eth5")
        pod.ip.rename(pod.ip.index("eth0"), "eth5")
        cni.add(pod, 1)
        assert cni.inside(1, pod)
        assert cni.places(1, pod)[1] == Place(pod.netns, "nvvf0", up=True)
        cni.attachments.delete(pod.container)
        assert cni.places(1)[1] == Place(None, "eth5", up=True)


def test_add_and_delete_may_be_called_twice() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        cni.add(pod, 1)
        assert cni.inside(1, pod)
        cni.attachments.delete(pod.container, netns=pod.path)
        cni.attachments.delete(pod.container, netns=pod.path)
        assert cni.on_host(1, pod)


def test_a_second_add_under_another_name_renames() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        cni.attachments.add(pod.target("net1"), [Want(id=id_of(1), interface="net1")])
        assert cni.inside(1, pod, name="net1")
        cni.attachments.delete(pod.container, attachment="eth0")
        assert cni.inside(1, pod, name="net1")
        cni.attachments.delete(pod.container, attachment="net1")
        assert cni.on_host(1, pod)


def test_a_name_that_the_pod_has_already_is_refused_and_nothing_moves() -> None:
    with CniHost(2) as cni:
        pod = cni.pod()
        wants = [Want(id=id_of(1), interface="netvsc0"), Want(id=id_of(2), interface="eth0")]
        with pytest.raises(RequestError, match="name eth0 is taken"):
            cni.attachments.add(pod.target(), wants)
        assert cni.on_host(1, pod)
        assert cni.on_host(2, pod)
        assert list(cni.checkpoints.all()) == []


def test_two_pairs_of_one_name_end_with_both_at_home() -> None:
    with CniHost(2) as cni:
        pod = cni.pod()
        wants = [Want(id=id_of(n), interface="netvsc0") for n in (1, 2)]
        with pytest.raises(Exception, match="File exists"):
            cni.attachments.add(pod.target(), wants)
        assert cni.on_host(1, pod)
        assert cni.on_host(2, pod)
        assert cni.altnames() == set()
        assert list(cni.checkpoints.all()) == []


def test_a_pair_that_is_not_there_is_worth_another_try() -> None:
    with CniHost() as cni, pytest.raises(RetryError, match="is its NIC attached"):
        cni.add(cni.pod(), 5)


@pytest.mark.parametrize("path", ["/dev/null", "/proc/self/ns/mnt", "/proc/self"])
def test_what_is_no_netns_is_refused(path: str) -> None:
    with CniHost() as cni:
        target = cni.pod().target()
        target = type(target)(container="c", netns=path, attachment="eth0")
        with pytest.raises(RequestError, match="is not a network namespace"):
            cni.attachments.add(target, [Want(id=id_of(1), interface="netvsc0")])
        assert cni.on_host(1)


def test_the_hosts_own_netns_is_no_pod() -> None:
    with CniHost() as cni:
        path = f"/run/netns/{cni.host.netns}"
        target = type(cni.pod().target())(container="c", netns=path, attachment="eth0")
        with pytest.raises(RequestError, match="host's own"):
            cni.attachments.add(target, [Want(id=id_of(1), interface="netvsc0")])


def test_a_netns_that_ended_without_a_del_is_held_until_its_pair_is_home() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        pod.end()
        cni.attachments.restore()
        assert cni.on_host(1)
        assert list(cni.checkpoints.all()) == []
        assert cni.attachments.sandboxes.all() == {}


def test_a_netns_that_ended_while_no_agent_held_it_took_the_veths_along() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        cni.attachments.sandboxes.close()
        pod.end()
        cni.attachments.delete(pod.container, netns=pod.path)
        assert list(cni.checkpoints.all()) == []


def test_two_pods_hold_two_pairs_at_once() -> None:
    with CniHost(2) as cni:
        one, other = cni.pod(), cni.pod()
        cni.add(one, 1)
        cni.add(other, 2)
        assert cni.inside(1, one)
        assert cni.inside(2, other)
        cni.attachments.delete(one.container)
        assert cni.on_host(1, one)
        assert cni.inside(2, other)


def test_a_pair_that_another_container_never_gave_back_changes_hands() -> None:
    with CniHost() as cni:
        old, new = cni.pod(), cni.pod()
        cni.add(old, 1)
        cni.add(new, 1)
        assert cni.inside(1, new)
        assert [checkpoint.container for checkpoint in cni.checkpoints.all()] == [new.container]


def test_what_a_killed_application_leaves_on_the_netvsc_is_taken_off() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        leave_rules_behind(pod.netns, "netvsc0")
        cni.attachments.delete(pod.container)
        assert "ingress" not in output("tc", "-n", cni.host.netns, "qdisc", "show", "dev", "eth1")
        assert "PROMISC" not in output("ip", "-n", cni.host.netns, "link", "show", "eth1")


def test_an_orphan_that_came_home_under_a_strange_name_is_named_right() -> None:
    """Its netns died without a DEL; the kernel calls such a device dev%d or as in the pod."""
    with CniHost() as cni:
        index = cni.host.ip.index("eth1")
        output("ip", "-n", cni.host.netns, "link", "property", "add", "dev", "eth1",
               "altname", "nvhome-eth1")  # fmt: skip
        cni.host.ip.rename(index, "dev7")
        cni.attachments.restore()
        assert cni.on_host(1)
        assert cni.altnames() == set()


def test_a_name_at_home_that_is_taken_is_taken_back_when_it_is_free() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        cni.host.add_link("eth1", mac="02:00:00:00:00:77")
        cni.attachments.delete(pod.container)
        assert cni.places(1)[0] == Place(None, "nvhome0", up=True)
        cni.host.ip.rename(cni.host.ip.index("eth1"), "other")
        cni.attachments.restore()
        assert cni.on_host(1)


def test_collect_brings_home_what_belongs_to_no_valid_attachment() -> None:
    with CniHost(2) as cni:
        kept, dropped = cni.pod(), cni.pod()
        cni.add(kept, 1)
        cni.add(dropped, 2)
        cni.attachments.collect("another", set())
        assert cni.inside(2, dropped)
        cni.attachments.collect("", {(kept.container, "eth0")})
        assert cni.inside(1, kept)
        assert cni.on_host(2, dropped)


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def leave_rules_behind(netns: str, name: str) -> None:
    output("tc", "-n", netns, "qdisc", "add", "dev", name, "ingress")
    output("ip", "-n", netns, "link", "set", name, "promisc", "on")


def test_a_vf_that_came_meanwhile_goes_home_under_its_own_name_and_not_the_first_ones() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        flap(cni, pod, name="vf7")
        cni.attachments.delete(pod.container)
        assert cni.places(1)[1] == Place(None, "vf7", up=True)
        assert cni.altnames() == set()


def test_that_name_outlives_the_agent() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        flap(cni, pod, name="vf7")
        cni.restarted()
        cni.attachments.delete(pod.container)
        assert cni.places(1)[1] == Place(None, "vf7", up=True)


def test_a_full_disk_does_not_make_it_forgotten() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        with disk_full(cni):
            flap(cni, pod, name="vf7")
        cni.attachments.delete(pod.container)
        assert cni.places(1)[1] == Place(None, "vf7", up=True)


def test_nor_does_the_agents_death_while_it_is_full() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        with disk_full(cni):
            flap(cni, pod, name="vf7")
            cni.restarted()
        cni.attachments.delete(pod.container)
        assert cni.places(1)[1] == Place(None, "vf7", up=True)


def test_on_a_full_disk_a_pair_comes_home() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        with disk_full(cni):
            cni.attachments.delete(pod.container)
        assert cni.on_host(1)
        assert list(cni.checkpoints.all()) == []


def test_on_a_full_disk_what_is_left_of_a_container_is_known() -> None:
    with CniHost(2) as cni:
        pod = cni.pod()
        for number in (1, 2):
            want = Want(id=id_of(number), interface=f"netvsc{number}")
            cni.attachments.add(pod.target(f"net{number}"), [want])
        with disk_full(cni):
            cni.attachments.delete(pod.container, attachment="net1")
        (checkpoint,) = cni.checkpoints.all()
        assert [held.id for held in checkpoint.pairs] == [id_of(2)]
        assert cni.on_host(1, pod)
        assert cni.inside(2, pod, name="netvsc2")


def test_on_a_full_disk_a_pair_does_not_go_into_a_pod() -> None:
    """What cannot be written down could not be found again."""
    with CniHost() as cni:
        pod = cni.pod()
        with disk_full(cni), pytest.raises(NodeError, match="No space left"):
            cni.add(pod, 1)
        assert cni.on_host(1)


def flap(cni: CniHost, pod: Pod, *, name: str) -> None:
    _, vf = cni.places(1, pod)
    assert vf
    pod.ip.delete(pod.ip.index(vf.name))
    cni.return_home(1, name=name)
    cni.attachments.restore()
    assert cni.places(1, pod)[1] == Place(pod.netns, name, up=True)


@contextmanager
def disk_full(cni: CniHost) -> Iterator[None]:
    """The checkpoints' folder is a file system of its own, without a free byte."""
    folder = cni.state / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    before = _files(folder)
    output("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "full", str(folder))
    try:
        _lay(folder, before)
        with suppress(OSError), (folder / ".filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        yield
        after = _files(folder)
        assert after.pop(".filler")
        assert not [name for name in after if name.startswith(".")]
    finally:
        output("umount", "--lazy", str(folder))
    for name in before:
        (folder / name).unlink()
    _lay(folder, after)


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _lay(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
