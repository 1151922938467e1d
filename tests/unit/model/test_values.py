"""What may be a MAC, a name, a line or a time, to the last byte; what may not is said to be so."""

from __future__ import annotations

import pytest

from netvsc.encoding.timestamps import from_text, to_text
from netvsc.errors import ConfigError, RequestError
from netvsc.model.devargs import LINE_MAX, check_template
from netvsc.model.mac import mac_of, pair_id, parse_mac
from netvsc.model.names import check_interface, check_resource, is_interface, natural
from netvsc.model.pool import pools_from


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("00:0d:3a:c0:00:11", "00:0d:3a:c0:00:11"),
        (" 00-0D-3A-C0-00-11\n", "00:0d:3a:c0:00:11"),
        ("10:00:00:00:00:01", "10:00:00:00:00:01"),  # even as a hexadecimal number alone
        ("fe:00:00:00:00:00", "fe:00:00:00:00:00"),
    ],
)
def test_the_address_of_a_nic_is_read(text: str, mac: str) -> None:
    assert parse_mac(text) == mac
    assert mac_of(pair_id(mac)) == mac


@pytest.mark.parametrize(
    "text", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "1f:00:00:00:00:01", "00:00:00:00:00:00"]
)
def test_groups_and_nobodys_address_are_not(text: str) -> None:
    with pytest.raises(RequestError, match="not the address of one NIC"):
        parse_mac(text)


@pytest.mark.parametrize("name", ["e", "a234567890bcdef", "eth0.7", "ünder_-score"])
def test_an_interface_may_be_called_so(name: str) -> None:
    assert check_interface(name) == name
    assert is_interface(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "1 to 15 bytes"),
        ("a234567890bcdefg", "1 to 15 bytes"),
        ("ääääääää", "1 to 15 bytes"),
        (".", "white space"),
        ("..", "white space"),
        ("a/b", "white space"),
        ("a:b", "white space"),
        ("a b", "white space"),
        ("a\tb", "white space"),
        ("a\x1bb", "can be printed"),
    ],
)
def test_and_not_so(name: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        check_interface(name)
    assert not is_interface(name)


@pytest.mark.parametrize("name", ["pair", "example.com/pair", "netvsc.io/", "netvsc.io/-a"])
def test_a_resource_is_below_our_domain(name: str) -> None:
    with pytest.raises(RequestError, match="letters, digits"):
        check_resource(name)


def test_numbers_in_names_count_as_numbers_and_a_letter_comes_before_any() -> None:
    assert sorted(["eth10", "eth2", "0th", "eth"], key=natural) == ["eth", "eth2", "eth10", "0th"]


@pytest.mark.parametrize("template", ["{pci}", "net_x", "{pci},mac={mac}", "x" * LINE_MAX])
def test_a_template_makes_a_line(template: str) -> None:
    assert check_template(template) == template


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "1 to 255 bytes"),
        ("x" * (LINE_MAX + 1), "1 to 255 bytes"),
        ("{pci} {mac}", "no white space"),
        ("{pci}(1)", "no bracket"),
        ("{pci}}", "no bracket"),
        ("{pic}", "known are {pci}"),
        ("{pci}\x1b", "can be printed"),
    ],
)
def test_or_is_refused(template: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        check_template(template)


def test_a_time_is_read_as_it_was_written() -> None:
    assert to_text(1_767_355_200.25) == "2026-01-02T12:00:00.250000Z"
    assert from_text("2026-01-02T12:00:00.250000Z") == 1_767_355_200.25
    with pytest.raises(RequestError, match="write it like"):
        from_text("noon")


def test_a_pool_file_without_pools_and_a_selector_with_a_strange_key_are_refused() -> None:
    with pytest.raises(ConfigError, match="write `pools:` and a list below it"):
        pools_from({})
    with pytest.raises(ConfigError, match="did you mean 'drivers'"):
        pools_from({"pools": [{"name": "a", "selector": {"driver": ["mana"]}}]})
    with pytest.raises(ConfigError, match="known are macs"):
        pools_from({"pools": [{"name": "a", "selector": {"zone": ["1"]}}]})
