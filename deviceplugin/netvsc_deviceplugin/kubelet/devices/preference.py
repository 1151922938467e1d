"""Which of the free pairs a container should get. Pure.

Those it must include; then the same NUMA node, then a VF that is there, then interface order; and
never two on one PCI function, which Allocate would refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from netvsc.model.pair import Pair
from netvsc_deviceplugin.functions import Functions, clash


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
