"""A CNI call as it is read, and refused: each wrong one with the specification's code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netvsc_deviceplugin.cni.protocol.request import (
    VERSIONS,
    Call,
    CallError,
    Code,
    Verb,
    environment_of,
    parse_call,
)

CONFIG: dict[str, Any] = {"cniVersion": "1.1.0", "name": "net", "type": "netvsc-cni"}
ADD = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/run/netns/cni-1",
    "CNI_IFNAME": "eth0",
    "CNI_PATH": "/opt/cni/bin::/usr/lib/cni",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=nf;K8S_POD_NAME=fwd-0;nonsense",
}


def parsed(config: Any = CONFIG, **environment: str) -> Call:
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return parse_call(ADD | environment, text)


def refused(config: Any = CONFIG, **environment: str) -> tuple[Code, str]:
    with pytest.raises(CallError) as caught:
        parsed(config, **environment)
    return caught.value.code, str(caught.value)


def test_all_that_the_runtime_tells_is_read() -> None:
    call = parsed()
    assert (call.verb, call.version, call.config) == (Verb.ADD, "1.1.0", CONFIG)
    assert (call.container, call.netns, call.interface) == ("c0ffee", "/run/netns/cni-1", "eth0")
    assert call.path == ("/opt/cni/bin", "/usr/lib/cni")
    assert (call.namespace, call.pod) == ("nf", "fwd-0")
    assert "nonsense" not in call.arguments


def test_a_call_is_written_as_it_was_read() -> None:
    call = parsed()
    assert parse_call(environment_of(call), json.dumps(CONFIG).encode()) == call


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"CNI_COMMAND": ""}, "known are ADD"),
        ({"CNI_CONTAINERID": ""}, "CNI_CONTAINERID"),
        ({"CNI_CONTAINERID": "../x"}, "CNI_CONTAINERID"),
        ({"CNI_IFNAME": "a/b"}, "interface name"),
        ({"CNI_NETNS": ""}, "name the pod's netns"),
        ({"CNI_COMMAND": "CHECK", "CNI_NETNS": ""}, "name the pod's netns"),
    ],
)
def test_a_wrong_environment_is_refused(environment: dict[str, str], why: str) -> None:
    code, message = refused(**environment)
    assert code is Code.ENVIRONMENT
    assert why in message


def test_a_del_may_have_lost_its_netns() -> None:
    assert parsed(CNI_COMMAND="DEL", CNI_NETNS="").netns == ""


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b'"text"'])
def test_what_is_no_object_is_refused(config: bytes) -> None:
    assert refused(config)[0] is Code.DECODE


@pytest.mark.parametrize(
    ("version", "verb"),
    [("0.2.0", "ADD"), ("2.0.0", "DEL"), (None, "ADD"), (7, "ADD"), ("0.3.1", "CHECK"),
     ("1.0.0", "GC"), ("1.0.0", "STATUS")],
)  # fmt: skip
def test_so_is_a_version_that_does_not_have_the_verb(version: object, verb: str) -> None:
    assert refused(CONFIG | {"cniVersion": version}, CNI_COMMAND=verb)[0] is Code.VERSION


@pytest.mark.parametrize(
    ("version", "verb"), [("0.3.0", "ADD"), ("0.4.0", "CHECK"), ("1.1.0", "GC")]
)
def test_the_first_version_that_has_it_is_taken(version: str, verb: str) -> None:
    call = parsed(CONFIG | {"cniVersion": version}, CNI_COMMAND=verb)
    assert (call.version, call.verb) == (version, verb)


def test_version_needs_no_configuration_and_takes_any() -> None:
    assert parsed(b" \n", CNI_COMMAND="VERSION").version == "0.1.0"
    assert parsed({"cniVersion": "9.9"}, CNI_COMMAND="VERSION").version == "9.9"
    assert parsed({"cniVersion": 9}, CNI_COMMAND="VERSION").version == VERSIONS[-1]
    assert refused(b"{", CNI_COMMAND="VERSION")[0] is Code.DECODE


def test_an_ipam_plugin_is_named_by_a_text() -> None:
    assert parsed(CONFIG | {"ipam": {"type": "host-local"}}).ipam == "host-local"
    for other in ({}, {"type": ""}, {"type": 7}):
        assert parsed(CONFIG | {"ipam": other}).ipam is None
    assert parsed(CONFIG | {"ipam": "host-local"}).ipam is None


def test_multus_names_one_pair_and_an_empty_text_names_none() -> None:
    assert parsed(CONFIG | {"deviceID": "00-0d"}).device == "00-0d"
    assert (
        parsed(CONFIG | {"deviceID": "", "runtimeConfig": {"deviceID": "00-0e"}}).device == "00-0e"
    )
    assert parsed(CONFIG | {"deviceID": 7}).device is None
    assert parsed(CONFIG | {"deviceID": ""}).device is None


def test_a_gc_tells_what_is_valid_or_does_nothing() -> None:
    listed = [{"containerID": "c1", "ifname": "eth0"}, {"containerID": "c2", "ifname": "net1"}]
    for key in ("cni.dev/valid-attachments", "cni.dev/attachments"):
        call = parsed(CONFIG | {key: listed}, CNI_COMMAND="GC")
        assert call.valid_attachments() == (("c1", "eth0"), ("c2", "net1"))
    for wrong in (None, {}, [7], [{"containerID": "c1"}], [{"containerID": 1, "ifname": "eth0"}]):
        call = parsed(CONFIG | {"cni.dev/valid-attachments": wrong}, CNI_COMMAND="GC")
        with pytest.raises(CallError, match="nothing is done"):
            call.valid_attachments()
