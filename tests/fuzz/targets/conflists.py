"""Network configuration lists of strangers, in which we put ourselves and which we leave."""

from __future__ import annotations

import json

from fuzz.engine import Target
from fuzz.mutate import structured
from fuzz.targets import strict
from netvsc_deviceplugin.cni.chain import conflist


def chained(data: bytes) -> None:
    """What is written is JSON, says of others what it said before, and is left without a trace."""
    try:
        ours = conflist.with_us(data)
        theirs = conflist.without_us(ours)
    except conflist.ConflistError:
        return
    before, after, left = json.loads(data), strict.loads(ours), strict.loads(theirs)
    others = [one for one in before["plugins"] if one.get("type") != conflist.TYPE]
    assert after["plugins"] == [*others, conflist.entry(conflist.STATE)]
    assert left["plugins"] == others
    assert {**after, "plugins": 0} == {**before, "plugins": 0} == {**left, "plugins": 0}
    assert conflist.with_us(ours) == ours


TARGETS = (Target(name="conflist", check=chained, mutate=structured),)
