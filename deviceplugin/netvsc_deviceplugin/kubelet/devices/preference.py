"""Which of the free pairs a container should get. Pure.

Those it must include; then the same NUMA node, then a VF that is there, then interface order; and
never two on one PCI function, which Allocate would refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from netvsc.model.pair import Pair

Functions = Mapping[str, str]


def functions_of(before: Functions, pairs: Sequence[Pair]) -> Functions:
    """Return for each pair the PCI function of its VF, or of the one it had last.

    An address that passes from one pair to another says nothing any more about the first.
    """
    now = {pair.id: pair.vf.pci for pair in pairs if pair.vf}
    moved_to = {pci for id_, pci in now.items() if before.get(id_, pci) != pci}
    kept = {
        pair.id: before[pair.id]
        for pair in pairs
        if pair.id in before and before[pair.id] not in moved_to
    }
    return {**kept, **now}


def clash(ids: Iterable[str], functions: Functions) -> tuple[str, str, str] | None:
    """Return two of `ids` that share a PCI function, and its address; None if no two do."""
    holder: dict[str, str] = {}
    for id_ in ids:
        function = functions.get(id_)
        if function is None:
            continue
        if function in holder:
            return holder[function], id_, function
        holder[function] = id_
    return None


def prefer(
    pairs: Sequence[Pair],
    *,
    available: Collection[str],
    must: Sequence[str],
    size: int,
    functions: Functions,
) -> tuple[str, ...]:
    """Return at most `size` ids; fewer only where more could not be granted together."""
    given = [pair for pair in pairs if pair.id in must]
    free = [pair for pair in pairs if pair.id in available and pair.id not in must]
    nodes = dict.fromkeys(pair.numa_node for pair in (given or free))
    choices = [_fill(must, _near(free, node), size, functions) for node in nodes]
    return max(
        choices, key=lambda ids: _worth(ids, pairs), default=tuple(must)
    )  # of equals the first, so interface order decides


def _near(free: Sequence[Pair], node: int | None) -> list[Pair]:
    return sorted(free, key=lambda pair: (pair.numa_node != node, pair.vf is None))


def _fill(
    must: Sequence[str], free: Sequence[Pair], size: int, functions: Functions
) -> tuple[str, ...]:
    chosen = list(must)
    for pair in free:
        if len(chosen) < size and not clash([*chosen, pair.id], functions):
            chosen.append(pair.id)
    return tuple(chosen)


def _worth(ids: Sequence[str], pairs: Sequence[Pair]) -> tuple[int, int, int]:
    """Compare choices: complete first, then the fewest NUMA nodes, then the most VFs."""
    chosen = [pair for pair in pairs if pair.id in ids]
    nodes = {pair.numa_node for pair in chosen}
    return len(ids), -len(nodes), sum(1 for pair in chosen if pair.vf)
