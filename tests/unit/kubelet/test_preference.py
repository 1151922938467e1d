"""Which pairs a container should get, and which share a PCI function."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from netvsc.model.pair import Pair
from netvsc_deviceplugin.kubelet.devices.preference import clash, functions_of, prefer
from sim.kubelet.inventories import pair, revoked

MANA = "7870:00:00.0"


def chosen(
    pairs: Sequence[Pair],
    size: int,
    *,
    must: Sequence[Pair] = (),
    available: Sequence[Pair] | None = None,
) -> list[int]:
    """Return the numbers of the pairs preferred."""
    free = pairs if available is None else available
    ids = prefer(
        pairs,
        available={one.id for one in free},
        must=[one.id for one in must],
        size=size,
        functions=functions_of({}, pairs),
    )
    numbers = {one.id: one.ifindex - 10 for one in pairs}
    return [numbers[id_] for id_ in ids]


def test_interfaces_come_in_their_order() -> None:
    assert chosen([pair(1), pair(2), pair(3)], 2) == [1, 2]


def test_a_pair_whose_vf_is_there_comes_first() -> None:
    assert chosen([revoked(pair(1)), pair(2), pair(3)], 2) == [2, 3]


def test_a_pair_without_its_vf_is_better_than_none() -> None:
    assert chosen([revoked(pair(1)), pair(2)], 2) == [2, 1]


def test_pairs_of_one_numa_node_stay_together() -> None:
    pairs = [pair(1, numa=0), pair(2, numa=1), pair(3, numa=1)]
    assert chosen(pairs, 2) == [2, 3]


def test_one_numa_node_counts_more_than_a_vf() -> None:
    pairs = [pair(1, numa=0), pair(2, numa=1), revoked(pair(3, numa=1))]
    assert chosen(pairs, 2) == [2, 3]


def test_what_must_be_included_is_and_says_which_numa_node() -> None:
    pairs = [pair(1, numa=0), pair(2, numa=0), pair(3, numa=1), pair(4, numa=1)]
    assert chosen(pairs, 2, must=[pair(4, numa=1)]) == [4, 3]


def test_the_numa_node_of_what_must_be_included_counts_more_than_a_vf_elsewhere() -> None:
    pairs = [revoked(pair(1, numa=1)), pair(2, numa=0), pair(3, numa=0), pair(4, numa=1)]
    assert chosen(pairs, 3, must=[pairs[3]]) == [4, 1, 2]


def test_more_than_one_numa_node_has_is_filled_from_another() -> None:
    pairs = [pair(1, numa=0), pair(2, numa=1), pair(3, numa=1)]
    assert sorted(chosen(pairs, 3)) == [1, 2, 3]


def test_only_what_is_available_is_preferred() -> None:
    pairs = [pair(1), pair(2), pair(3)]
    assert chosen(pairs, 2, available=[pair(3)]) == [3]


def test_two_ports_of_one_function_are_not_preferred_together() -> None:
    pairs = [pair(1, pci=MANA), pair(2, pci=MANA), pair(3)]
    assert chosen(pairs, 2) == [1, 3]


def test_fewer_are_preferred_where_more_could_not_be_granted() -> None:
    assert chosen([pair(1, pci=MANA), pair(2, pci=MANA)], 2) == [1]


def test_nothing_free_prefers_nothing() -> None:
    assert chosen([], 1) == []


STOCK = st.lists(
    st.builds(
        lambda number, numa, gone, mana: (revoked if gone else lambda one: one)(
            pair(number, numa=numa, pci=MANA if mana else None)
        ),
        st.integers(1, 8),
        st.sampled_from([None, 0, 1]),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda one: one.id,
)


@given(STOCK, st.integers(0, 9), st.data())
def test_a_preference_always_honours_what_was_asked(
    pairs: list[Pair], size: int, data: st.DataObject
) -> None:
    ids = [one.id for one in pairs]
    must = data.draw(st.permutations(ids).map(lambda found: found[: min(size, 1)]))
    free = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    functions = functions_of({}, pairs)
    got = prefer(pairs, available=free, must=must, size=size, functions=functions)
    assert len(got) == len(set(got)) <= max(size, len(must))
    assert set(must) <= set(got) <= free | set(must)
    assert clash(got, functions) is None


def test_pairs_on_one_function_clash_and_are_named() -> None:
    functions = functions_of({}, [pair(1, pci=MANA), pair(2), pair(3, pci=MANA)])
    assert clash([pair(1).id, pair(2).id, pair(3).id], functions) == (
        pair(1).id,
        pair(3).id,
        MANA,
    )


def test_a_function_is_remembered_while_all_vfs_are_away() -> None:
    there = [pair(1, pci=MANA), pair(2, pci=MANA)]
    functions = functions_of(functions_of({}, there), [revoked(one) for one in there])
    assert clash([pair(1).id, pair(2).id], functions) is not None


def test_an_address_that_passed_to_another_pair_says_nothing_of_the_first() -> None:
    before = functions_of({}, [pair(1, pci="a"), pair(2, pci="b")])
    functions = functions_of(before, [revoked(pair(1)), pair(2, pci="a")])
    assert functions == {pair(2).id: "a"}


def test_a_pair_that_is_gone_is_forgotten() -> None:
    assert functions_of(functions_of({}, [pair(1), pair(2)]), [pair(2)]) == {
        pair(2).id: "0002:00:02.0"
    }


def test_a_pair_whose_vf_is_there_is_better_than_one_of_another_numa_node_without() -> None:
    assert chosen([revoked(pair(1, numa=0)), pair(2, numa=1)], 1) == [2]


def test_pairs_of_unknown_functions_do_not_clash() -> None:
    assert clash(["a", "b", "c"], {}) is None
    assert clash(["a", "b", "c"], {"a": MANA, "c": MANA}) == ("a", "c", MANA)
