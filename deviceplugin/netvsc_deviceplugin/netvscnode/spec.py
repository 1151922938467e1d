"""What NetvscNode.spec asks of the agent, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netvsc.encoding import checks
from netvsc.encoding.serialize import from_plain
from netvsc.errors import ConfigError
from netvsc.model.pool import Pool, pools_from
from netvsc.model.status import Foreign, NodeSpec

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedSpec:
    """What is in force. `generation` is that of the object that was read last.

    `spec` is what to keep on disk: the pools in it are good, and make `pools`. `refusal` says why
    the newest is not in force as a whole.
    """

    generation: int = 0
    spec: Json = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    announce: Mapping[str, int] = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()
    uninstall: bool = False
    refusal: str | None = None


def accept(generation: int, spec: object, before: AcceptedSpec) -> AcceptedSpec:
    """Take a new spec; where its pools are wrong, those of before stay and all the rest holds."""
    try:
        content = checks.mapping(spec, ("spec",))
        asked = from_plain(NodeSpec, content, ("spec",))
    except ConfigError as error:
        return replace(before, generation=generation, refusal=str(error))
    new = AcceptedSpec(
        generation=generation,
        spec=content,
        announce=asked.announce,
        foreign=asked.foreign,
        uninstall=asked.uninstall,
    )
    try:
        return replace(new, pools=pools_from({"pools": list(asked.pools)}) if asked.pools else ())
    except ConfigError as error:
        refusal = str(ConfigError(error.message, path=("spec", *error.path)))
    good = {**content, "pools": before.spec.get("pools", [])}
    return replace(new, spec=good, pools=before.pools, refusal=refusal)
