"""The plugin that the runtime calls, with the agent and without it."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netvsc_deviceplugin.cni.protocol.request import VERSIONS
from sim.cni.calls import CniHost, Pod, id_of
from sim.cni.hanging import hasty_shim
from sim.cni.server import PREVIOUS, CniServer, Said, config, promised, shim
from sim.sidecar.fdpipe import binary

ONE = promised({"fwd": {"netvsc.io/pair": ["netvsc0"]}})


@pytest.mark.parametrize("version", VERSIONS)
def test_add_check_and_del_go_through_in_every_version(version: str) -> None:
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1)
        given = config(cni.state, version)
        added = shim("ADD", given, pod)
        assert added.code == 0
        assert added.body["cniVersion"] == version
        assert added.body["ips"] == PREVIOUS["ips"]
        before, netvsc, vf = added.body["interfaces"]
        assert before == PREVIOUS["interfaces"][0]
        assert netvsc["name"] == "netvsc0"
        assert netvsc["sandbox"] == pod.path
        assert netvsc["mac"] == vf["mac"] == "00:0d:3a:c0:00:02"
        assert vf.get("pciID") == ("0001:00:02.0" if version == "1.1.0" else None)
        assert netvsc.get("mtu") == (1500 if version == "1.1.0" else None)
        assert cni.inside(1, pod)
        if version >= "0.4.0":
            assert shim("CHECK", given, pod).code == 0
        assert shim("DEL", given, pod).body is None
        assert cni.on_host(1, pod)


def test_names_come_from_the_annotation_where_there_is_one() -> None:
    with CniHost(2) as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1, container="a")
        server.give(2, container="b", resource="netvsc.io/fast")
        names = {"a": {"netvsc.io/pair": ["left"]}, "b": {"netvsc.io/fast": ["right"]}}
        assert shim("ADD", config(cni.state, **promised(names)), pod).code == 0
        assert cni.inside(1, pod, name="left")
        assert cni.inside(2, pod, name="right")


def test_names_without_an_annotation_follow_the_pools_prefixes() -> None:
    with CniHost(2) as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1, container="a")
        server.give(2, container="b", resource="netvsc.io/fast")
        assert shim("ADD", config(cni.state), pod).code == 0
        assert cni.inside(1, pod, name="netvsc0")
        assert cni.inside(2, pod, name="fast0")


def test_multus_names_the_pair_and_the_interface() -> None:
    with CniHost(2) as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(2)
        given = config(cni.state, name="sriov", deviceID=id_of(2))
        del given["prevResult"]
        assert shim("ADD", given, pod, CNI_IFNAME="net1").body["interfaces"][0]["name"] == "net1"
        assert cni.inside(2, pod, name="net1")
        assert shim("DEL", given, pod, CNI_IFNAME="eth0").code == 0
        assert cni.inside(2, pod, name="net1")
        assert shim("DEL", given, pod, CNI_IFNAME="net1").code == 0
        assert cni.on_host(2, pod)


def test_check_says_what_is_wrong() -> None:
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1)
        shim("ADD", config(cni.state), pod)
        pod.ip.rename(pod.ip.index("netvsc0"), "other")
        said = shim("CHECK", config(cni.state), pod)
        assert said.error == 5
        assert "is not netvsc0" in said.body["msg"]


def test_gc_brings_home_what_is_no_valid_attachment_and_nothing_else() -> None:
    with CniHost(2) as cni, CniServer(cni) as server:
        kept, dropped = cni.pod(), cni.pod()
        server.give(1)
        shim("ADD", config(cni.state), kept)
        server.devices = ()
        server.give(2)
        shim("ADD", config(cni.state), dropped)
        given = config(cni.state)
        assert shim("GC", given).error == 7
        valid = [{"containerID": kept.container, "ifname": "eth0"}]
        assert shim("GC", given | {"cni.dev/valid-attachments": valid}).code == 0
        assert cni.inside(1, kept)
        assert cni.on_host(2, dropped)


def test_a_pod_without_pairs_gets_the_chains_result_with_the_agent_and_without() -> None:
    with CniHost() as cni:
        pod, given = cni.pod(), config(cni.state)
        with CniServer(cni):
            assert shim("ADD", given, pod).body == given["prevResult"]
            assert shim("DEL", given, pod).code == 0
        assert shim("ADD", given, pod).body == given["prevResult"]
        assert shim("DEL", given, pod).code == 0


def test_without_the_agent_a_pod_with_pairs_waits() -> None:
    with CniHost() as cni:
        said = shim("ADD", config(cni.state, **ONE), cni.pod())
        assert said.error == 11
        assert "netvsc-deviceplugin does not answer" in said.body["msg"]


def test_without_the_agent_a_call_of_multus_waits_too() -> None:
    with CniHost() as cni:
        given = config(cni.state, deviceID=id_of(1))
        del given["prevResult"]
        assert shim("ADD", given, cni.pod()).error == 11


def test_without_the_agent_a_netns_with_a_pair_inside_may_not_end() -> None:
    with CniHost() as cni:
        pod, given = cni.pod(), config(cni.state)
        with CniServer(cni) as server:
            server.give(1)
            assert shim("ADD", given, pod).code == 0
        assert shim("DEL", given, pod, program=hasty_shim()).error == 11
        assert shim("ADD", given, pod, program=hasty_shim()).error == 11
        assert cni.inside(1, pod)
        with CniServer(cni):
            assert shim("DEL", given, pod).code == 0
        assert cni.on_host(1, pod)


def test_a_netns_with_a_pair_inside_is_kept_until_the_agent_is_back() -> None:
    """containerd lets it go after an ADD that failed, whatever DEL says: so that waits."""
    with CniHost() as cni:
        pod, given = cni.pod(), config(cni.state)
        with CniServer(cni) as server:
            server.give(1)
            assert shim("ADD", given, pod).code == 0
        with the_agent_dies_over("DEL", given, pod, cni=cni) as said, CniServer(cni):
            assert said.result(30).code == 0
        assert cni.on_host(1, pod)


def test_an_add_that_the_agent_dies_over_is_done_by_the_next_one() -> None:
    with CniHost() as cni:
        pod, given = cni.pod(), config(cni.state, **ONE)
        moved = partial(cni.add, pod, 1)
        with the_agent_dies_over("ADD", given, pod, cni=cni, work=moved) as said:
            assert cni.inside(1, pod)
            server = CniServer(cni)
            server.give(1)
            with server:
                added = said.result(30)
        assert added.code == 0
        assert added.body["interfaces"][1]["name"] == "netvsc0"


@pytest.mark.parametrize("verb", ["CHECK", "GC", "STATUS", "VERSION"])
def test_without_the_agent_nothing_else_ever_fails(verb: str) -> None:
    with CniHost() as cni:
        assert shim(verb, config(cni.state, **ONE), cni.pod()).code == 0


def test_a_kubelet_that_says_nothing_holds_only_pods_that_were_promised_pairs() -> None:
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.devices = None
        assert shim("ADD", config(cni.state), pod).code == 0
        assert shim("ADD", config(cni.state, **ONE), pod).error == 11


def test_a_promise_that_the_kubelet_does_not_know_of_waits() -> None:
    with CniHost() as cni, CniServer(cni):
        said = shim("ADD", config(cni.state, **ONE), cni.pod())
        assert said.error == 11
        assert "knows of no pair" in said.body["msg"]


@contextmanager
def agent_that(state: Path, answer: bytes, *, work: Callable[[], object] = bool) -> Iterator[None]:
    """Something that listens, takes a call, does its work, says `answer` and hangs up."""
    (state / "cni.sock").unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / "cni.sock"))
        listener.listen()

        def take() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 20)
                work()
                connection.sendall(answer)

        thread = threading.Thread(target=take)
        thread.start()
        yield
        thread.join()


@contextmanager
def the_agent_dies_over(
    verb: str, given: dict[str, Any], pod: Pod, *, cni: CniHost, work: Callable[[], object] = bool
) -> Iterator[Future[Said]]:
    """Begin a call: an agent takes it, does some work, and dies before it answers."""
    with ThreadPoolExecutor(max_workers=1) as runtime:
        with agent_that(cni.state, b"", work=work):
            said = runtime.submit(shim, verb, given, pod)
        yield said


@pytest.mark.parametrize("answer", [b"", b"0", b"x\n{}", b"Hello\n"])
def test_an_agent_that_dies_in_the_middle_is_one_that_is_away(answer: bytes) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        with agent_that(cni.state, answer):
            given = config(cni.state)
            assert shim("ADD", given, pod).body == given["prevResult"]
        with agent_that(cni.state, answer):
            assert shim("ADD", config(cni.state, **ONE), pod).error == 11


def test_the_socket_is_for_root_alone_and_a_dead_agents_is_replaced() -> None:
    with CniHost() as cni:
        for _ in range(2):
            with CniServer(cni):
                assert (cni.state / "cni.sock").stat().st_mode & 0o777 == 0o600
        assert (cni.state / "cni.sock").exists()


@pytest.mark.root
def test_another_user_may_make_no_call_even_where_the_socket_lets_him() -> None:
    """A static program of his own, run by uid 65534: the agent asks the kernel who it is."""
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1)
        program = shutil.copy(binary(), cni.state / "mine")
        cni.state.chmod(0o755)
        given = config(cni.state, **ONE)
        environment = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c", "CNI_NETNS": pod.path}

        def said() -> str:
            done = subprocess.run(
                [program, "cni"], input=json.dumps(given), env=environment | {"CNI_IFNAME": "eth0"},
                user=65534, group=65534, extra_groups=[], text=True, capture_output=True,
                check=False,
            )  # fmt: skip
            assert done.returncode == 1
            return str(json.loads(done.stdout)["msg"])

        assert "netvsc-deviceplugin does not answer" in said()  # as far as he can tell
        (cni.state / "cni.sock").chmod(0o666)
        assert "user 65534 may not make CNI calls" in said()
        assert cni.on_host(1, pod)


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "cut short"),
        (b"GET / HTTP/1.1\r\n\r\n", "cut short"),
        (b"netvsc-cni/1 5 5\nab", "cut short"),
        (b"netvsc-cni/1 -1 5\nabcdefg", "too long"),
        (b"netvsc-cni/1 0 99999999\n", "too long"),
        (b"netvsc-cni/2 0 0\n", "cut short"),
        (b"x" * 200_000, "cut short"),
        (b"netvsc-cni/1 3 2\nA=B{}", "CNI_COMMAND"),
    ],
)
def test_nonsense_on_the_socket_gets_a_cni_error(greeting: bytes, why: str) -> None:
    with CniHost() as cni, CniServer(cni), socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(cni.state / "cni.sock"))
        threading.Thread(target=lambda: _say(sock, greeting)).start()
        said = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        assert said[:2] == b"1\n"
        assert why in json.loads(said[2:])["msg"]


def _say(sock: socket.socket, text: bytes) -> None:
    try:
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        return  # refused in the middle, as it should be


@pytest.mark.parametrize(
    ("given", "environment", "code"),
    [
        (b"", {}, 6),
        (b"{", {}, 6),
        (b"[]", {}, 6),
        (b'{"cniVersion":"1.0.0"} x', {}, 6),
        (b'{"cniVersion":"9.9.9"}', {}, 1),
        (b'{"name":"n"}', {}, 1),
        (b'{"cniVersion":"1.0.0"}', {"CNI_COMMAND": "HELP"}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_CONTAINERID": ""}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_CONTAINERID": "../../etc"}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_CONTAINERID": "-c"}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_CONTAINERID": "c" * 129}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_IFNAME": ""}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_NETNS": ""}, 4),
        (b'{"cniVersion":"1.0.0"}', {"CNI_ARGS": "x" * 20_000}, 4),
        (b"[" * 100_000, {}, 6),
        (b'{"a":' * 65 + b"1" + b"}" * 65, {}, 6),
        (b" " * 10_000_000 + b"{}", {}, 6),
    ],
)
@pytest.mark.parametrize("agent", [True, False])
def test_bad_input_gets_a_cni_error_with_its_code(
    given: bytes, environment: dict[str, str], code: int, agent: bool
) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        given = given.replace(b'{"cni', f'{{"state":"{cni.state}","cni'.encode())
        if agent:
            with CniServer(cni):
                assert shim("ADD", given, pod, **environment).error == code
        else:
            assert shim("ADD", given, pod, **environment).error == code


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("{", "annotation"),
        ({"fwd": {"netvsc.io/pair": ["a", "b"]}}, "has 1 netvsc.io/pair and 2 names"),
        ({"fwd": {"netvsc.io/pair": ["a/b"]}}, "interface name"),
        ({"fwd": {"netvsc.io/pair": ["eth0"]}}, "is taken"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused_with_the_reason(
    names: object, why: str
) -> None:
    with CniHost() as cni, CniServer(cni) as server:
        server.give(1)
        said = shim("ADD", config(cni.state, **promised(names)), cni.pod())
        assert said.error == 7
        assert why in said.body["msg"]
        assert cni.on_host(1)
        assert server.meter.calls == [("ADD", "failed")]


def test_an_ipam_plugin_that_refuses_leaves_the_pair_at_home(tmp_path: Path) -> None:
    with CniHost() as cni, CniServer(cni) as server:
        server.give(1)
        plugin = tmp_path / "broken"
        plugin.write_text('#!/bin/sh\n[ $CNI_COMMAND = DEL ] && exit 0\n'
                          'echo \'{"code":110,"msg":"no address left"}\'\nexit 1\n')  # fmt: skip
        plugin.chmod(0o755)
        pod = cni.pod()
        given = {"cniVersion": "1.1.0", "name": "m", "type": "netvsc-cni", "state": str(cni.state)}
        given |= {"ipam": {"type": "broken"}, "deviceID": "00-0d-3a-c0-00-02"}
        said = shim("ADD", given, pod, CNI_IFNAME="net1", CNI_PATH=str(tmp_path))
        assert said.error == 110
        assert "no address left" in said.body["msg"]
        assert cni.on_host(1, pod)
