"""One pool as the kubelet meets it: what it is told, what is granted, what is refused and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netvsc.model.pair import Exclusion, Inventory, Pair, Reason
from netvsc.model.pool import BUILT_IN, Pool
from netvsc_deviceplugin.kubelet.plugin import Plugin, UnavailablePairError, UnknownPairError
from sim.kubelet.inventories import inventory, pair, revoked, synthetic

STRICT = replace(BUILT_IN, unhealthy_after_s=30.0)
MANA = "7870:00:00.0"


class Clock:
    """A clock with one timer, which goes off when the clock is moved past it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.new_event_loop()
        self._loop.close()

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.timer = asyncio.TimerHandle(self.now + seconds, callback, (), self._loop)
        self._callback = callback
        return self.timer

    @property
    def due_in(self) -> float | None:
        """Return the seconds until the timer goes off; None if none is running."""
        if self.timer is None or self.timer.cancelled() or self.timer.when() <= self.now:
            return None
        return self.timer.when() - self.now

    def move(self, seconds: float) -> None:
        running = self.due_in is not None
        self.now += seconds
        if running and self.due_in is None:
            self._callback()


class Pond:
    """A plugin with its clock and a /dev that has a tun device."""

    def __init__(self, folder: Path, pool: Pool = BUILT_IN) -> None:
        (folder / "net").mkdir()
        (folder / "net" / "tun").touch()
        self.clock = Clock()
        self.plugin = Plugin(pool, dev=folder, clock=self.clock, later=self.clock.later)

    def update(self, *pairs: Pair) -> None:
        self.plugin.update(inventory(*pairs))

    def health(self) -> dict[str, bool]:
        return {device.id[-2:]: device.healthy for device in self.plugin.devices.get()}


def test_every_pair_of_the_pool_is_advertised_and_no_other(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1), pair(2, pool="fast"), synthetic(pair(3, numa=None)))
    told = [(device.id[-2:], device.numa_node) for device in pond.plugin.devices.get()]
    assert told == [("01", 0), ("03", None)]


def test_the_absence_of_a_vf_changes_nothing_that_is_told(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1))
    before = pond.plugin.devices.get()
    pond.update(revoked(pair(1)))
    pond.clock.move(86_400.0)
    pond.update(revoked(pair(1)))
    assert pond.plugin.devices.get() == before


def test_a_rename_changes_nothing_that_is_told(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1), pair(2))
    before = pond.plugin.devices.get()
    pond.update(pair(2), replace(pair(1), netvsc="netvsc0"))
    assert pond.plugin.devices.get() == before


def test_no_timer_runs_while_no_vf_is_missed(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(pair(1), synthetic(pair(2)))
    assert pond.clock.timer is None


def test_no_timer_runs_in_a_pool_whose_pairs_stay_healthy(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(revoked(pair(1)))
    assert pond.clock.timer is None


def test_a_pair_turns_unhealthy_by_the_clock_alone(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(revoked(pair(1)), pair(2))
    pond.clock.move(29.5)
    assert pond.health() == {"01": True, "02": True}
    pond.clock.move(0.5)
    assert pond.health() == {"01": False, "02": True}
    assert pond.clock.due_in is None


def test_each_pair_has_its_own_time(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(revoked(pair(1)), pair(2))
    pond.clock.move(10.0)
    pond.update(revoked(pair(1)), revoked(pair(2)))
    pond.clock.move(20.0)
    assert pond.health() == {"01": False, "02": True}
    assert pond.clock.due_in == 10.0
    pond.clock.move(10.0)
    assert pond.health() == {"01": False, "02": False}


def test_a_vf_that_returns_makes_its_pair_healthy_and_ends_the_timer(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(revoked(pair(1)))
    pond.clock.move(31.0)
    pond.update(pair(1))
    assert pond.health() == {"01": True}
    assert pond.clock.due_in is None
    pond.update(revoked(pair(1)))
    assert pond.clock.due_in == 30.0


def test_a_nic_that_never_had_a_vf_is_not_missing_one(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(synthetic(pair(1)))
    pond.clock.move(3600.0)
    pond.update(synthetic(pair(1)))
    assert pond.health() == {"01": True}


def test_a_pool_that_changes_its_mind_about_health_is_heard(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    gone = inventory(revoked(pair(1)))
    pond.plugin.update(gone)
    pond.clock.move(31.0)
    pond.plugin.update(gone, pool=BUILT_IN)
    assert pond.health() == {"01": True}


def test_a_closed_plugin_leaves_no_timer(tmp_path: Path) -> None:
    pond = Pond(tmp_path, STRICT)
    pond.update(revoked(pair(1)))
    pond.plugin.close()
    assert pond.clock.due_in is None


def test_each_container_gets_its_own_answer(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1), pair(2))
    one, other = pond.plugin.allocate([[pair(1).id], [pair(2).id]])
    assert one.env["PCIDEVICE_NETVSC_IO_PAIR"] == "0001:00:02.0"
    assert other.env["PCIDEVICE_NETVSC_IO_PAIR"] == "0002:00:02.0"
    assert one.nodes == ("/dev/net/tun",)


def test_an_id_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1))
    with pytest.raises(UnknownPairError, match=r"00-ff .*netvsc\.io/pair.*`netvsc pairs`"):
        pond.plugin.allocate([["00-ff"]])


def test_one_bad_id_among_good_ones_refuses_all(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1))
    with pytest.raises(UnknownPairError):
        pond.plugin.allocate([[pair(1).id], ["00-ff"]])


def test_an_excluded_pair_is_refused_with_the_reason_of_its_exclusion(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1))
    why = Exclusion(
        id=pair(1).id, interface="eth1", reason=Reason.DEFAULT_ROUTE, message="carries the uplink"
    )
    pond.plugin.update(Inventory(excluded=(why,)))
    with pytest.raises(UnavailablePairError, match="is excluded: carries the uplink"):
        pond.plugin.allocate([[pair(1).id]])


def test_a_pair_that_left_the_node_is_refused_as_gone(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1))
    pond.update()
    with pytest.raises(UnavailablePairError, match="eth1 is no longer on this node"):
        pond.plugin.allocate([[pair(1).id]])


def test_a_pair_that_another_pool_took_is_refused_with_that_pools_name(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1, pool="fast"))
    with pytest.raises(UnavailablePairError, match="pool 'fast'"):
        pond.plugin.allocate([[pair(1).id]])


def test_two_ports_of_one_function_are_refused_in_one_container(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1, pci=MANA), pair(2, pci=MANA))
    with pytest.raises(UnavailablePairError, match=f"one PCI function, {MANA}"):
        pond.plugin.allocate([[pair(1).id, pair(2).id]])


def test_two_ports_of_one_function_are_refused_also_while_their_vfs_are_away(
    tmp_path: Path,
) -> None:
    pond = Pond(tmp_path)
    ports = [pair(1, pci=MANA), pair(2, pci=MANA)]
    pond.update(*ports)
    pond.update(*map(revoked, ports))
    with pytest.raises(UnavailablePairError):
        pond.plugin.allocate([[pair(1).id, pair(2).id]])


def test_two_ports_of_one_function_may_go_to_two_containers(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1, pci=MANA), pair(2, pci=MANA))
    assert len(pond.plugin.allocate([[pair(1).id], [pair(2).id]])) == 2


def test_a_preference_is_made_of_the_pools_own_pairs(tmp_path: Path) -> None:
    pond = Pond(tmp_path)
    pond.update(pair(1, pool="fast"), pair(2), pair(3))
    ids = {pair(n).id for n in (1, 2, 3)}
    assert pond.plugin.preferred(available=ids, must=(), size=1) == (pair(2).id,)
