"""What fuzzing found, each once: these inputs ended in an exception that nobody had meant."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fuzz.targets import imds
from netvsc.encoding.serialize import from_plain
from netvsc.errors import ConfigError, NodeError, RequestError
from netvsc.model.devargs import check_template
from netvsc.model.names import check_interface, natural
from netvsc.model.status import PairStatus
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore, ContainerPhase
from netvsc_deviceplugin.cni.chain import conflist
from netvsc_deviceplugin.cni.protocol.request import CallError, parse_call
from netvsc_deviceplugin.inventory.imds import document
from netvsc_deviceplugin.inventory.pool_file import parse_pools
from netvsc_deviceplugin.kernel.links import parse_link
from netvsc_deviceplugin.kernel.netlink import MalformedError, error_of
from sim.cluster.reviews import ask, message

HALF = "\ud800"  # half a surrogate pair: JSON and YAML can say it, UTF-8 cannot


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers)}}


def container(name: str, count: str) -> dict[str, Any]:
    limits = {"netvsc.io/pair": count}
    return {"name": name, "args": ["-n4"], "resources": {"limits": limits}}


def test_two_containers_of_one_name_are_refused_by_name() -> None:
    """The apiserver checks names after the webhooks; an init container made us count wrongly."""
    first = {**pod(container("a", "1"), container("a", "2"))}
    first["spec"]["initContainers"] = [container("first", "2")]
    assert "two containers are called a" in message(ask(first))


def test_an_init_container_cannot_ask_for_more_pairs_than_there_is_memory_to_count_them() -> None:
    """Anybody who may create a pod could end the webhook with it."""
    whole = pod(container("a", "1"))
    whole["spec"]["initContainers"] = [container("first", "1000P")]
    assert "ask for at most 7" in message(ask(whole))


def test_a_quantity_of_thousands_of_digits_is_refused() -> None:
    """Kubernetes takes it, Python does not read more than 4,300 digits."""
    assert "is too long for a quantity" in message(ask(pod(container("a", "9" * 5000))))


def test_half_a_letter_is_no_name() -> None:
    with pytest.raises(RequestError, match="printed"):
        check_interface(HALF)
    with pytest.raises(RequestError, match="printed"):
        check_template(f"{{pci}}{HALF}")


def test_a_template_that_the_sidecar_would_refuse_is_refused_before() -> None:
    with pytest.raises(ConfigError, match=r"^3: pools\[0\]\.devargsTemplate: .* can be printed"):
        parse_pools('pools:\n- name: a\n  devargsTemplate: "{pci}\\x01"\n')


def test_an_interface_may_be_called_by_a_superscript() -> None:
    assert natural("²") == ((-1, "²"),)
    assert natural("eth10") > natural("eth2")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-99-99", "timestamp"),
        ("0b_", "int"),
        ("!!int x", "int"),
        ("!!int", "int"),
        ("!!bool x", "bool"),
        ("!!float x", "float"),
        ("!!timestamp x", "timestamp"),
        ("9" * 5000, "int"),
    ],
)
def test_a_value_that_is_not_what_it_looks_like_has_line_key_and_remedy(
    text: str, kind: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_pools(f"pools:\n- name: {text}\n")
    assert str(refused.value).startswith(
        f"2: pools[0].name: is not a valid {kind}: put it in quotes"
    )


def test_a_hexadecimal_number_without_end_is_named_without_its_digits() -> None:
    with pytest.raises(ConfigError, match="is a number of more than 100 digits"):
        parse_pools(f"pools:\n- name: a\n  priority: 0x{'f' * 5000}\n")


def test_ten_lines_of_anchors_do_not_unfold_to_a_thousand_million_values() -> None:
    names = "abcdefghi"
    laughs = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    laughs += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)
    ]
    with pytest.raises(ConfigError, match="unfolds to more than 100000 values"):
        parse_pools("\n".join([*laughs, "pools: *i", ""]))


def test_a_list_keeps_half_letters_and_refuses_infinity() -> None:
    """Written back, either would have been a file that no runtime reads: no pod on that node."""
    plugins = [{"type": "bridge", "x": HALF}]
    text = json.dumps({"cniVersion": "1.0.0", "plugins": plugins}).encode()
    assert json.loads(conflist.with_us(text))["plugins"][0] == plugins[0]
    with pytest.raises(conflist.ConflistError, match="beyond every number"):
        conflist.with_us(text.replace(b'"\\ud800"', b"1e999"))


def test_a_call_with_infinity_is_no_json() -> None:
    with pytest.raises(CallError, match="NaN is not JSON"):
        parse_call({"CNI_COMMAND": "STATUS"}, b'{"cniVersion": "1.1.0", "x": NaN}')


def test_a_message_that_is_cut_is_no_link_and_no_error() -> None:
    for body in (b"", b"\0" * 16 + b"\6\0\4\0\1\2"):
        with pytest.raises(MalformedError):
            parse_link(body)
    for body in (b"", b"\0\0\0\x80", b"\1\0\0\0"):
        with pytest.raises(MalformedError):
            error_of(body)


def test_a_zone_is_no_part_of_an_address_of_azure() -> None:
    addresses = [{"privateIpAddress": "fe80::1%\x04"}, {"privateIpAddress": "fd00::4"}]
    nic = {"macAddress": "000D3AC00011", "ipv6": {"ipAddress": addresses}}
    (own,) = document.parse(json.dumps({"interface": [nic]}).encode()).values()
    assert own.addresses == ("fd00::4/128",)


def test_an_answer_longer_than_any_memory_is_no_http() -> None:
    with pytest.raises(NodeError, match="is not HTTP"):
        imds.body(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{}" % 10**22)


def test_an_outage_without_end_is_not_taken_into_a_status() -> None:
    with pytest.raises(ConfigError, match="lastOutageSeconds: is not a number"):
        from_plain(PairStatus, {"id": "a", "netvsc": "e", "pool": "p", "resource": "r",
                                "path": "VF", "vfSeen": "never",
                                "lastOutageSeconds": float("inf")})  # fmt: skip


@pytest.mark.parametrize("pair", [1, {"id": 7}, {}])
def test_a_marker_with_a_wrong_pair_says_that_something_is_inside(
    tmp_path: Path, pair: object
) -> None:
    folder = tmp_path / "containers"
    folder.mkdir()
    whole = {"netns": "", "namespace": "", "pod": "", "phase": "inside", "pairs": [pair]}
    (folder / "c0ffee").write_text(json.dumps(whole))
    (folder / "deep").write_text("[" * 5000)
    for name in ("c0ffee", "deep"):
        checkpoint = CheckpointStore(tmp_path).get(name)
        assert checkpoint
        assert (checkpoint.phase, checkpoint.pairs) == (ContainerPhase.LEAVING, ())
