"""Is a container's verbs device still its own pair's VF? Pure, but for the one who logs it.

uverbs numbers are freed when a VF leaves and given to whatever comes next: after a return, the node
that a container was given may be another pair's VF. uverbsN is looked up by its PCI function
(infiniband_verbs in sysfs), that by the NetVSC it joined; what it is compared with is `allocated`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from netvsc.host.log_once import LogOnce
from netvsc.model.pair import Inventory, Pair
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs

log = logging.getLogger(__name__)


def mismatch(
    pair: Pair, allocated: tuple[str, ...] | None, pairs: Sequence[Pair] = ()
) -> str | None:
    """Say what is wrong; None: all is well, there is no verbs device, or nobody knows.

    `pairs` are all of the node: among them may be whose devices the container has instead.
    """
    here = pair.vf.verbs if pair.vf else ()
    if allocated is None or not here or set(here) & set(allocated):
        return None
    owners = {name: one.id for one in pairs if one.vf for name in one.vf.verbs}
    strange = [f"{name} (now of {owners[name]})" for name in allocated if name in owners]
    has = ", ".join(strange or allocated) or "none"
    return f"the VF has {', '.join(here)}, the container was given {has}: delete the pod"


def mismatches(pairs: Sequence[Pair], allocated: Verbs) -> Mapping[str, str | None]:
    """Return for each pair that somebody was given devices of what is wrong, or None."""
    return {
        pair.id: mismatch(pair, allocated[pair.id], pairs) for pair in pairs if pair.id in allocated
    }


async def report(inventory: Latest[Inventory], allocated: Callable[[], Verbs]) -> None:
    """Log each mismatch once, and once that it is over; until cancelled."""
    once, before = LogOnce(log), set[str]()
    async for found in inventory.changes():
        wrong = {id_: why for id_, why in mismatches(found.pairs, allocated()).items() if why}
        for id_, why in sorted(wrong.items()):
            text = f"verbs devices do not match: {why}"
            once.warning(text, about=id_, extra={"pair": id_})
        for id_ in sorted(before - wrong.keys()):
            once.over(id_)
            log.info("verbs devices match again, or are not allocated", extra={"pair": id_})
        before = set(wrong)
