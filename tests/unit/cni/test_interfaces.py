"""The names of a pod's NetVSCs: one function for the webhook and the agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc.model.interface_names import Request, name_interfaces, read_names, write_names

REQUESTS = st.lists(
    st.builds(
        Request,
        container=st.sampled_from(["a", "b", "c"]),
        resource=st.sampled_from(["netvsc.io/pair", "netvsc.io/fast"]),
        count=st.integers(1, 4),
    ),
    max_size=6,
)
PREFIXES = st.sampled_from([{}, {"netvsc.io/fast": "fast"}, {"netvsc.io/pair": "x"}])


def pair(container: str, count: int, resource: str = "netvsc.io/pair") -> Request:
    return Request(container=container, resource=resource, count=count)


def test_pairs_are_numbered_through_the_pod() -> None:
    names = name_interfaces([pair("a", 2), pair("b", 1)], prefixes={})
    assert names == {
        "a": {"netvsc.io/pair": ("netvsc0", "netvsc1")},
        "b": {"netvsc.io/pair": ("netvsc2",)},
    }


def test_each_prefix_has_numbers_of_its_own() -> None:
    wanted = [pair("a", 1, "netvsc.io/fast"), pair("a", 1), pair("b", 1, "netvsc.io/fast")]
    names = name_interfaces(wanted, prefixes={"netvsc.io/fast": "fast"})
    assert names["a"] == {"netvsc.io/fast": ("fast0",), "netvsc.io/pair": ("netvsc0",)}
    assert names["b"] == {"netvsc.io/fast": ("fast1",)}


def test_resources_of_one_prefix_share_its_numbers_in_order_of_their_names() -> None:
    names = name_interfaces([pair("a", 1, "netvsc.io/z"), pair("a", 1)], prefixes={})
    assert names["a"] == {"netvsc.io/pair": ("netvsc0",), "netvsc.io/z": ("netvsc1",)}


@given(REQUESTS, PREFIXES)
def test_no_two_pairs_of_a_pod_share_a_name_and_none_is_left_out(
    requests: list[Request], prefixes: dict[str, str]
) -> None:
    names = name_interfaces(requests, prefixes=prefixes)
    every = [name for by in names.values() for listed in by.values() for name in listed]
    assert len(every) == len(set(every)) == sum(request.count for request in requests)


@given(REQUESTS, PREFIXES)
def test_what_is_written_is_read_again(requests: list[Request], prefixes: dict[str, str]) -> None:
    names = name_interfaces(requests, prefixes=prefixes)
    assert read_names(write_names(names)) == names


@given(REQUESTS, st.randoms())
def test_a_containers_resources_may_come_in_any_order(
    requests: list[Request], chance: object
) -> None:
    by_container = sorted(requests, key=lambda request: request.container)
    shuffled = list(requests)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    again = sorted(shuffled, key=lambda request: request.container)
    assert name_interfaces(by_container, prefixes={}) == name_interfaces(again, prefixes={})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "annotation netvsc.io/interfaces"),
        ("[]", "the whole is not an object"),
        ('{"a":1}', "a is not an object"),
        ('{"a":{"r":"x"}}', "a, r is not a list"),
        ('{"a":{"r":[1]}}', "1 is not a name"),
        ('{"a":{"r":["a/b"]}}', "interface name 'a/b'"),
        ('{"a":{"r":["x"]},"b":{"r":["x"]}}', "x is there twice"),
        ("[" * 100_000, "annotation netvsc.io/interfaces"),
    ],
)
def test_a_malformed_annotation_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        read_names(text)
