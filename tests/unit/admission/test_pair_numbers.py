"""Which pair a container holds, beside a kubelet that chooses at random where it may."""

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc.model.interface_names import Request, name_interfaces
from netvsc_operator.admission.pod.containers import Container, ContainerKind
from netvsc_operator.admission.pod.pair_numbers import Shares, share

PAIR = "netvsc.io/pair"
INIT, SIDECAR, MAIN = ContainerKind.INIT, ContainerKind.SIDECAR, ContainerKind.MAIN


def made(*asked: tuple[ContainerKind, int]) -> list[Container]:
    """Containers c0, c1, … in the kubelet's order, with so many pairs each."""
    return [
        Container(kind=kind, place="", name=f"c{i}", spec={}, pairs={PAIR: n} if n else {})
        for i, (kind, n) in enumerate(asked)
    ]


def shared(*asked: tuple[ContainerKind, int]) -> Shares:
    return share(made(*asked), prefixes={})


def interfaces(*asked: tuple[ContainerKind, int]) -> dict[str, list[str]]:
    pairs = shared(*asked).pairs
    return {name: [pair.interface for pair in several] for name, several in pairs.items()}


def kubelet(containers: list[Container], chance: Random) -> dict[str, set[int]]:
    """Give out devices as the kubelet does: what init containers had first, and any of it."""
    passing: set[int] = set()
    given: dict[str, set[int]] = {}
    fresh = iter(range(1000))
    for container in containers:
        count = container.pairs.get(PAIR, 0)
        used = set(chance.sample(sorted(passing), min(count, len(passing))))
        given[container.name] = used | {next(fresh) for _ in range(count - len(used))}
        if container.kind is INIT:
            passing |= given[container.name]
        else:
            passing -= given[container.name]
    return given


def names_inside(containers: list[Container], given: dict[str, set[int]]) -> dict[int, str]:
    """Name the devices as the agent does: of each container that stays, in the order of IDs."""
    keep = [one for one in containers if one.kind is not INIT and one.pairs]
    requests = [Request(container=c.name, resource=PAIR, count=c.pairs[PAIR]) for c in keep]
    names = name_interfaces(requests, prefixes={})
    return {
        device: name
        for container in keep
        for device, name in zip(
            sorted(given[container.name]), names[container.name][PAIR], strict=True
        )
    }


def test_an_init_container_sees_the_pair_of_the_container_after_it() -> None:
    assert interfaces((INIT, 1), (MAIN, 1)) == {"c0": ["netvsc0"], "c1": ["netvsc0"]}


def test_a_sidecar_has_a_pair_of_its_own() -> None:
    assert interfaces((SIDECAR, 1), (MAIN, 1)) == {"c0": ["netvsc0"], "c1": ["netvsc1"]}


def test_a_sidecar_after_an_init_container_takes_that_ones_pair() -> None:
    found = interfaces((INIT, 1), (SIDECAR, 1), (INIT, 1), (MAIN, 1))
    assert found == {"c0": ["netvsc0"], "c1": ["netvsc0"], "c2": ["netvsc1"], "c3": ["netvsc1"]}


def test_init_containers_with_all_of_it_see_all_of_it() -> None:
    found = interfaces((INIT, 2), (INIT, 2), (MAIN, 1), (MAIN, 1))
    assert found["c0"] == found["c1"] == ["netvsc0", "netvsc1"]


@pytest.mark.parametrize(
    ("asked", "unknown"),
    [
        (((INIT, 1), (MAIN, 2)), {"c0"}),
        (((INIT, 1), (INIT, 2), (MAIN, 1), (MAIN, 1)), {"c0"}),
        (((INIT, 2), (INIT, 1), (MAIN, 2)), {"c1"}),
    ],
)
def test_where_the_kubelet_has_a_choice_nothing_is_claimed(
    asked: tuple[tuple[ContainerKind, int], ...], unknown: set[str]
) -> None:
    everybody = {f"c{i}" for i in range(len(asked))}
    assert everybody - set(interfaces(*asked)) == unknown


@pytest.mark.parametrize(
    "asked", [((INIT, 2), (MAIN, 1)), ((SIDECAR, 1), (INIT, 1)), ((INIT, 1), (MAIN, 0))]
)
def test_an_init_container_cannot_have_what_nobody_keeps(
    asked: tuple[tuple[ContainerKind, int], ...],
) -> None:
    with pytest.raises(RequestError, match=r"ask for as many as they do, or for none"):
        shared(*asked)


asked = st.lists(st.tuples(st.sampled_from([INIT, SIDECAR]), st.integers(0, 2)), max_size=3)


@given(
    asked, st.lists(st.integers(0, 2), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
@settings(max_examples=400)
def test_whatever_the_kubelet_chooses_each_sees_what_it_was_told(
    early: list[tuple[ContainerKind, int]], main: list[int], chance: Random
) -> None:
    containers = made(*early, *((MAIN, n) for n in main))
    try:
        told = share(containers, prefixes={}).pairs
    except RequestError:
        return
    given_out = kubelet(containers, chance)
    inside = names_inside(containers, given_out)
    for container in containers:
        if container.name in told:
            seen = {inside[device] for device in given_out[container.name]}
            assert seen == {pair.interface for pair in told[container.name]}


@given(asked, st.lists(st.integers(0, 2), min_size=1, max_size=3))
@settings(max_examples=40)  # each example asks the kubelet many times
def test_what_is_not_claimed_could_really_be_one_or_the_other(
    early: list[tuple[ContainerKind, int]], main: list[int]
) -> None:
    containers = made(*early, *((MAIN, n) for n in main))
    try:
        told = share(containers, prefixes={}).pairs
    except RequestError:
        return
    seen: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    for seed in range(200):
        given_out = kubelet(containers, Random(seed))
        # IDs are MACs, in no order of theirs: so the numbers are mixed before they are sorted
        mixed = Random(seed + 1).sample(range(1000), 1000)
        given_out = {name: {mixed[d] for d in devices} for name, devices in given_out.items()}
        inside = names_inside(containers, given_out)
        for container in containers:
            seen[container.name].add(frozenset(inside[d] for d in given_out[container.name]))
    for container in containers:
        if container.pairs:
            assert (len(seen[container.name]) == 1) == (container.name in told)
