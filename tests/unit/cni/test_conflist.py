"""Our place in the chain, as text in and text out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc_deviceplugin.cni.chain import conflist
from netvsc_deviceplugin.cni.chain.conflist import ConflistError, RemovalsByOthers
from sim.cni.conflists import ALL, AZURE_OVERLAY, text_of


@pytest.mark.parametrize("shape", ALL.values(), ids=ALL)
def test_we_come_last_and_nothing_else_changes(shape: dict[str, Any]) -> None:
    after = json.loads(conflist.with_us(text_of(shape)))
    ours = after["plugins"].pop()
    assert after == shape
    assert list(after) == list(shape)
    assert ours["type"] == "netvsc-cni"
    assert ours["capabilities"] == {"io.kubernetes.cri.pod-annotations": True}


@pytest.mark.parametrize("shape", ALL.values(), ids=ALL)
def test_inserting_twice_is_inserting_once_and_taking_out_undoes_it(shape: dict[str, Any]) -> None:
    once = conflist.with_us(text_of(shape))
    assert conflist.with_us(once) is once
    assert json.loads(conflist.without_us(once)) == shape


def test_a_list_without_us_is_left_as_it_is_written() -> None:
    text = text_of(AZURE_OVERLAY)
    assert conflist.without_us(text) is text


def test_whoever_was_put_behind_us_comes_before_us_again() -> None:
    once = json.loads(conflist.with_us(text_of(AZURE_OVERLAY)))
    once["plugins"].append({"type": "later"})
    types = [p["type"] for p in json.loads(conflist.with_us(json.dumps(once).encode()))["plugins"]]
    assert types == ["azure-vnet", "portmap", "later", "netvsc-cni"]


def test_a_list_of_several_versions_is_chained_if_we_speak_all_of_them() -> None:
    text = b'{"cniVersions":["0.4.0","1.1.0"],"name":"n","plugins":[{"type":"x"}]}'
    after = json.loads(conflist.with_us(text))
    assert [plugin["type"] for plugin in after["plugins"]] == ["x", "netvsc-cni"]


@pytest.mark.parametrize(
    ("name", "is_one"), [("10-azure.conflist", True), ("10-a.conf", False), ("10-a.json", False)]
)
def test_a_file_is_a_list_by_its_name(name: str, is_one: bool) -> None:
    assert conflist.is_list(name) is is_one


def test_an_older_entry_of_ours_is_replaced() -> None:
    old = {**AZURE_OVERLAY, "plugins": [{"type": "netvsc-cni"}, *AZURE_OVERLAY["plugins"]]}
    plugins = json.loads(conflist.with_us(text_of(old), state="/run/other"))["plugins"]
    assert [p["type"] for p in plugins] == ["azure-vnet", "portmap", "netvsc-cni"]
    assert plugins[-1]["state"] == "/run/other"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is not a list of plugins"),
        (b'{"type":"bridge"}', "is not a list of plugins"),
        (b'{"cniVersion":"1.0.0","plugins":[1]}', "is not a list of plugins"),
        (b'{"cniVersion":"1.0.0","plugins":[]}', "nothing to be chained to"),
        (b'{"cniVersion":"1.0.0","plugins":[{"type":"netvsc-cni"}]}', "nothing to be chained to"),
        (b'{"plugins":[{"type":"x"}]}', "has cniVersion None"),
        (b'{"cniVersion":"0.2.0","plugins":[{"type":"x"}]}', "has cniVersion '0.2.0'"),
        (b'{"cniVersions":["1.1.0","2.0.0"],"plugins":[{"type":"x"}]}', "has cniVersion '2.0.0'"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(text: bytes, why: str) -> None:
    with pytest.raises(ConflistError, match=why):
        conflist.with_us(text)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_chained_and_nothing_else_happens(noise: bytes) -> None:
    try:
        after = conflist.with_us(noise)
    except ConflistError:
        return
    assert json.loads(after)["plugins"][-1]["type"] == "netvsc-cni"


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ([], None),
        (["README", "10-azure.conflist.bak"], None),
        (["15-noop.conflist", "10-azure.conflist"], "10-azure.conflist"),
        (["05-cilium.conflist", "10-azure.conflist.cilium_bak"], "05-cilium.conflist"),
        (["b.json", "a.conf"], "a.conf"),
    ],
)
def test_the_primary_list_is_the_runtimes(names: list[str], first: str | None) -> None:
    assert conflist.primary(names) == first


def test_five_rounds_in_ten_minutes_are_lost_and_five_in_an_hour_are_not() -> None:
    quick, slow = RemovalsByOthers(), RemovalsByOthers()
    for number in range(5):
        assert not quick.too_many
        quick, slow = quick.add(number * 100.0), slow.add(number * 700.0)
    assert quick.too_many
    assert not slow.too_many


def test_a_round_is_forgotten_after_ten_minutes_to_the_second() -> None:
    removals = RemovalsByOthers().add(100.0)
    assert removals.forget_old(699.0) == removals
    assert removals.forget_old(700.0) == RemovalsByOthers()
    assert removals.add(700.0) == RemovalsByOthers((700.0,))


@pytest.mark.parametrize("several", ["[]", '"0.2.0"', "{}"])
def test_versions_that_are_no_list_or_an_empty_one_leave_the_one_version(several: str) -> None:
    text = '{"cniVersions":%s,"cniVersion":"%s","plugins":[{"type":"x"}]}'
    after = json.loads(conflist.with_us((text % (several, "1.1.0")).encode()))
    assert after["plugins"][-1]["type"] == "netvsc-cni"
    with pytest.raises(ConflistError, match=r"'0\.1\.0'"):
        conflist.with_us((text % (several, "0.1.0")).encode())


def test_a_list_is_written_as_people_write_it_with_its_letters() -> None:
    text = '{"cniVersion":"1.1.0","name":"nätz","plugins":[{"type":"x"}]}'.encode()
    written = conflist.with_us(text).decode()
    assert '  "name": "nätz",\n  "plugins": [\n    {\n' in written
    assert written.endswith("}\n")
