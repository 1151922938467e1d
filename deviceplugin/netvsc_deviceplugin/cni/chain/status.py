"""Where we stand in the runtime's chain, in the words of a condition. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChainReason(StrEnum):
    """A condition's reason: CamelCase, and it never changes its meaning."""

    UNKNOWN = "Unknown"  # nobody has looked yet
    UNCHAINED = "Unchained"  # the program is installed; Multus names it, no list does
    CHAINED = "Chained"
    NO_LIST = "NoConflist"  # the runtime has no network configuration, and the node no network
    UNSUPPORTED = "ConflistUnsupported"  # a configuration of one plugin: nothing can be chained
    LEFT_ALONE = "ConflistInvalid"  # a list that makes no sense
    CONTESTED = "ChainConflict"  # somebody keeps taking us out, and won
    PODS_HOLD_PAIRS = "PairsInUse"  # asked to leave, and `pods` need us for their DEL
    LEAVING = "Removing"  # in no list any more; the runtime may still go by its old one
    REMOVED = "Removed"  # nothing of us is left


_GOOD = {ChainReason.UNCHAINED, ChainReason.CHAINED}


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """`message` is a sentence for people, `pods` are namespace/name of those in our way."""

    reason: ChainReason
    message: str = ""
    pods: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        """Tell whether pods get their pairs: the condition's status."""
        return self.reason in _GOOD or self.reason is ChainReason.PODS_HOLD_PAIRS


UNKNOWN = ChainStatus(ChainReason.UNKNOWN, "the runtime's folders have not been looked at yet")
