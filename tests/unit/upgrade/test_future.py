"""Words that only a later version knows: understood as far as they go, and never a crash."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import ConfigError
from netvsc.model.status import AnnounceState, Foreign, NodeStatus, Truth
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept
from netvsc_deviceplugin.netvscnode.writer import patch_of
from netvsc_deviceplugin.sidecar.protocol import Application, VfState, parse
from netvsc_deviceplugin.sidecar.state import announcement, hear
from netvsc_operator.controller.events.pod_condition import accelerated
from netvsc_operator.controller.pools import node_spec
from netvsc_operator.controller.watches.kopf_handlers import INJECTED
from netvsc_operator.kube import EVENTS
from sim.cluster.controlled import World, world
from sim.cluster.nodes import held, pair, returned, revoked, status

ONE = held(pair(1))
WORD = "Hovering"


def later(**more: str) -> dict[str, Any]:
    """A status of a later agent's, of a node with a pair whose announcement it has a word for."""
    plain = to_plain(status(ONE, pair(2)))
    told: Any = plain["pairs"]
    told[0]["announcement"] |= {"state": WORD, **more}
    return plain


def read(plain: dict[str, Any]) -> NodeStatus:
    return from_plain(NodeStatus, plain)


def test_an_announcement_in_a_state_of_later_costs_no_other_word_of_the_node() -> None:
    found = read(later())
    first, second = found.pairs
    assert first.announcement
    assert first.announcement.state is AnnounceState.OTHER
    assert replace(first, announcement=ONE.announcement) == ONE
    assert second == pair(2)


@pytest.mark.parametrize("key", ["path", "vfSeen"])
def test_a_choice_that_was_never_open_is_refused_and_named(key: str) -> None:
    """Such a one never grows (upgrade/test_crds): a new fact comes as a new field."""
    plain = later()
    told: Any = plain["pairs"]
    told[0][key] = WORD
    with pytest.raises(ConfigError, match=key):
        read(plain)
    told[0][key] = 7
    with pytest.raises(ConfigError, match=key):
        read(plain)


def test_what_is_no_word_at_all_is_refused_in_an_open_choice_too() -> None:
    plain = later()
    told: Any = plain["pairs"]
    told[0]["announcement"]["state"] = ["Taken"]
    with pytest.raises(ConfigError, match="state"):
        read(plain)


def test_of_such_a_pair_it_is_said_that_nothing_is_known() -> None:
    found = accelerated(read(later(reason="Turbulence")).pairs[:1], sidecar=True)
    assert (found.status, found.reason) == (Truth.UNKNOWN, "NotAnnounced")


def test_the_controller_orders_nothing_for_it_and_alarms_nobody() -> None:
    async def play() -> World:
        here = await world()
        await here.report(ONE)
        there = here.node
        there["status"] = to_plain(status(returned(revoked(ONE))))
        there["status"]["pairs"][0]["announcement"]["state"] = WORD
        await here.settle()
        for _ in range(5):
            await here.pass_(60.0)
        return here

    here = asyncio.run(play())
    assert here.orders == {}
    assert here.events("Pod") == ["VFRevoked", "VFReturned"]
    assert here.condition["status"] == "Unknown"


def test_an_event_of_a_later_controller_that_was_killed_counts_as_told() -> None:
    """It keeps account of more than this one does: what this one knows of it is taken over."""

    async def play() -> World:
        here = await world()
        await here.report(ONE)
        await here.report(revoked(ONE))
        for event in here.kube.of(EVENTS):
            notes = event["metadata"]["annotations"]
            sets = json.loads(notes["netvsc.io/told"])
            notes["netvsc.io/told"] = json.dumps(sets | {"turbulence": 3})
        del here.node["metadata"]["annotations"]["netvsc.io/told"]
        await here.start()
        await here.settle()
        return here

    here = asyncio.run(play())
    assert here.events().count("VFRevoked") == 1
    assert '"revoked":1' in here.node["metadata"]["annotations"]["netvsc.io/told"]


LINE = {"pair": "00", "netvsc": "netvsc0", "application": "served", "vf": "taken", "takes": 1}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"vf": "hovering"}, AnnounceState.OTHER),
        ({"vf": "hovering", "reason": "Turbulence"}, AnnounceState.OTHER),
        ({"vf": "withheld", "reason": "Turbulence"}, AnnounceState.WITHHELD),
        ({"application": "dreaming"}, AnnounceState.TAKEN),
    ],
    ids=str,
)
def test_a_later_sidecar_is_heard_and_not_shunned(
    changes: dict[str, str], state: AnnounceState
) -> None:
    said = parse(json.dumps(LINE | changes).encode())
    found = announcement(hear(said, 0.0, None))
    assert found.state is state
    assert found.reason == changes.get("reason")
    assert said.counts.takes == 1


def test_a_word_of_a_sidecar_is_not_passed_on_unless_it_is_known() -> None:
    said = parse(json.dumps(LINE | {"vf": "x\x1b[31m", "application": "\u202e"}).encode())
    assert (said.vf, said.application) == (VfState.OTHER, Application.OTHER)


def test_a_spec_with_more_than_is_known_is_obeyed_as_far_as_it_is() -> None:
    spec = {"pools": [{"name": "pair"}], "announce": {ONE.id: 3}, "turbulence": {"limit": 1}}
    found = accept(4, spec, AcceptedSpec())
    assert found.refusal is None
    assert (found.announce, [one.name for one in found.pools]) == ({ONE.id: 3}, ["pair"])


def test_a_pool_with_a_key_of_later_is_refused_by_name_and_all_the_rest_of_the_spec_holds() -> None:
    """Half a selector would offer NICs that nobody meant: the last good pools stay."""
    before = accept(1, {"pools": [{"name": "pair"}]}, AcceptedSpec())
    asked = {"pools": [{"name": "pair", "turbulence": 1}], "announce": {ONE.id: 1}}
    found = accept(2, asked | {"uninstall": True}, before)
    assert found.refusal
    assert "turbulence" in found.refusal
    assert found.pools == before.pools
    assert (found.announce, found.uninstall) == ({ONE.id: 1}, True)


def test_agent_and_controller_each_write_their_own_keys_and_nobody_elses() -> None:
    status_keys = {"agent", "summary", "observedGeneration", "pools", "pairs"}
    status_keys |= {"excluded", "conflicts", "conditions"}
    assert set(patch_of(status(ONE))["status"]) == status_keys  # type: ignore[call-overload]
    there = {"metadata": {"name": "n1"}, "spec": {"pools": [], "turbulence": 1, "uninstall": True}}
    claims = [Foreign(interface="eth1", owner="dra.net", state="listed")]  # type: ignore[arg-type]
    patch = node_spec.repaired(there, uid="u", pools=[{"name": "pair"}], foreign=claims)
    assert set(patch["spec"]) == {"pools", "foreign"}


def test_pods_of_every_versions_webhook_are_watched() -> None:
    assert INJECTED == "netvsc.io/injected"
