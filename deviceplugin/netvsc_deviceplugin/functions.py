"""Which pairs share one PCI function, known also while their VFs are away. Pure.

On MANA all ports are one function, and fail-safe cannot serve two NetVSCs over it; host servicing
takes all VFs away at once, so the question must be answered from memory just then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netvsc.model.pair import Pair

Functions = Mapping[str, str]


def seen(before: Functions, pairs: Sequence[Pair]) -> Functions:
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
