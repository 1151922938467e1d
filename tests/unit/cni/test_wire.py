"""The call on the socket and in a note: what is written is read again, and noise is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.cni.protocol.request import CallError, environment_of, parse_call

WORDS = st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from([
    "cniVersion", "name", "prevResult", "runtimeConfig", "deviceID", "ipam",
    "io.kubernetes.cri.pod-annotations", "netvsc.io/interfaces", "cni.dev/valid-attachments",
])  # fmt: skip
CONFIGS = st.dictionaries(KEYS, TREES | st.dictionaries(KEYS, TREES | st.sampled_from(["1.1.0"])))
COMMANDS = st.sampled_from(["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", ""])


@given(st.dictionaries(WORDS, WORDS, max_size=5), st.binary(max_size=300))
def test_what_is_written_is_read_again(environment: dict[str, str], stdin: bytes) -> None:
    assert wire.read(wire.write(environment, stdin)) == (environment, stdin)


@given(
    st.binary(max_size=300) | st.builds(lambda noise: b"netvsc-cni/1 3 3\n" + noise, st.binary())
)
def test_noise_is_refused_or_read_and_nothing_else_happens(noise: bytes) -> None:
    try:
        environment, stdin = wire.read(noise)
    except RequestError:
        return
    assert sum(map(len, environment)) + len(stdin) <= len(noise)


@pytest.mark.parametrize(
    "header", [b"netvsc-cni/1 1e3 0\n", b"netvsc-cni/1 0\n", b"netvsc-cni/1 0 0 0\n", b"\n", b""]
)
def test_a_header_that_is_none_is_refused(header: bytes) -> None:
    with pytest.raises(RequestError, match="cut short"):
        wire.read(header)


@given(COMMANDS, CONFIGS, st.sampled_from(["0.3.0", "1.1.0", None]))
def test_whatever_a_configuration_says_the_call_is_read_or_refused_and_nothing_else(
    command: str, config: dict[str, Any], version: str | None
) -> None:
    if version:
        config["cniVersion"] = version
    environment = {"CNI_COMMAND": command, "CNI_CONTAINERID": "c", "CNI_IFNAME": "eth0"}
    environment |= {"CNI_NETNS": "/run/netns/x", "CNI_ARGS": "a=b;K8S_POD_NAME=p;;=;x"}
    try:
        call = parse_call(environment, json.dumps(config).encode())
    except CallError:
        return
    assert isinstance(call.annotation, str | None)
    assert isinstance(call.device, str | None)
    assert isinstance(call.ipam, str | None)
    assert isinstance(call.previous, dict | None)
    if call.container:
        assert parse_call(environment_of(call), json.dumps(call.config).encode()) == call


@given(st.dictionaries(WORDS, st.text()), st.binary(max_size=100))
def test_noise_for_a_call_is_refused_with_a_code(environment: dict[str, str], stdin: bytes) -> None:
    with pytest.raises(CallError) as refused:
        parse_call(environment, stdin)
    assert refused.value.code in {4, 6}
