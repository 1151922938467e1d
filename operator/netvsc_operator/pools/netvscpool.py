"""Reads a NetvscPool, as the apiserver has it, into the Pool that a pool file would give."""

from __future__ import annotations

from netvsc.encoding import checks
from netvsc.model.names import check_pool
from netvsc.model.pool import Pool, pool_from
from netvsc_operator.objects import Unchecked, entries


def pool_of(thing: Unchecked) -> Pool:
    """Read one NetvscPool; raises ConfigError that names the key, the value and the remedy."""
    name = checks.via(check_pool)(entries(thing, "metadata").get("name"), ("metadata", "name"))
    return pool_from({"name": name, **entries(thing, "spec")}, ("spec",))
