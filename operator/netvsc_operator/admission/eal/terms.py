"""How the pairs of one pod are served: its pools, and what its annotations wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netvsc.model.pool import Fallback, Pool
from netvsc_operator.admission.annotations import Wishes
from netvsc_operator.admission.pod.pair_numbers import PodPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`pools` are by resource. `poll_ms` is fail-safe's, one for all: it is so in a process."""

    pools: Mapping[str, Pool]
    wishes: Wishes
    poll_ms: int

    def fallback(self, pair: PodPair) -> Fallback:
        return self.wishes.fallback or self.pool(pair).fallback

    def pool(self, pair: PodPair) -> Pool:
        return self.pools[pair.resource]
