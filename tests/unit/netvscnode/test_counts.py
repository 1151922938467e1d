"""Counting on where another run of the agent stopped."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.encoding.timestamps import to_text
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    NodeStatus,
    PairStatus,
    Summary,
    VfStatus,
)
from netvsc_deviceplugin.inventory.pairing import VfMemory
from netvsc_deviceplugin.inventory.vf_events import VfHistory
from netvsc_deviceplugin.kubelet.podresources import Allocation
from netvsc_deviceplugin.netvscnode import restore
from netvsc_deviceplugin.netvscnode.counts import DAY, Count, PairCounts

ETH1, ETH2 = "00-0d-3a-c0-00-11", "00-0d-3a-c0-00-12"
NOON = 1_767_355_200.0
VF = VfStatus(pci="9b33:00:02.0", interface="eth1", driver="mlx5_core")


def of(**facts: object) -> PairStatus:
    usual = {"id": ETH1, "netvsc": "eth1", "pool": "pair", "resource": "netvsc.io/pair"}
    state = {"path": Path.SYNTHETIC, "vf_seen": VfSeen.LOST, "numa_node": 1}
    return PairStatus(**(usual | state | facts))  # type: ignore[arg-type]


def status(*pairs: PairStatus, revoked24h: int = 0) -> NodeStatus:
    return NodeStatus(
        agent=AgentStatus(version="1", started=to_text(NOON)),
        summary=Summary(pairs=len(pairs), free=0, on_vf=0, revoked24h=revoked24h),
        pairs=pairs,
    )


def test_counts_go_on_from_the_status_and_times_stay_until_newer_ones_come() -> None:
    tally = PairCounts()
    before = of(
        revocations=4,
        returns=4,
        last_revoked=to_text(NOON),
        last_returned=to_text(NOON + 60),
        last_outage_seconds=60.0,
    )
    tally.restore(status(before), {})
    tally.revoked(ETH1, NOON + 100)
    assert tally.counts[ETH1] == Count(
        revocations=5, returns=4, revoked=NOON + 100, returned=NOON + 60, outage=60.0
    )
    tally.returned(ETH1, NOON + 101.5, 1.50049)
    assert (tally.counts[ETH1].returns, tally.counts[ETH1].outage) == (5, 1.5)


def test_what_was_counted_before_the_status_was_known_is_added() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON)
    tally.revoked(ETH2, NOON)
    tally.restore(status(of(revocations=4, returns=4, last_revoked=to_text(NOON - 60))), {})
    assert tally.counts[ETH1].revocations == 5
    assert tally.counts[ETH1].revoked == NOON
    assert tally.counts[ETH2].revocations == 1


def test_a_count_never_runs_backwards_where_the_disk_had_less_than_the_apiserver() -> None:
    tally = PairCounts()
    tally.restore(status(of(revocations=5, returns=5, last_revoked=to_text(NOON))), {})
    tally.revoked(ETH1, NOON + 300)  # what the first look at the node found
    told = of(
        revocations=7,
        returns=7,
        last_revoked=to_text(NOON + 200),
        last_returned=to_text(NOON + 201),
        last_outage_seconds=1.0,
    )
    tally.catch_up(status(told))
    assert tally.counts[ETH1] == Count(
        revocations=7, returns=7, revoked=NOON + 200, returned=NOON + 201, outage=1.0
    )


def test_a_vf_that_is_there_has_returned_whatever_the_apiserver_was_told_last() -> None:
    """The disk was full while it went twice; it came back while no agent lived."""
    tally = PairCounts()
    tally.restore(status(of(revocations=5, returns=5, last_revoked=to_text(NOON))), {})
    tally.revoked(ETH1, NOON + 300)  # it has another address than the disk knows
    tally.returned(ETH1, NOON + 300, 0.0)
    told = of(revocations=7, returns=6, last_revoked=to_text(NOON + 200))
    tally.catch_up(status(told), known={ETH1})
    assert (tally.counts[ETH1].revocations, tally.counts[ETH1].returns) == (7, 7)


def test_a_vf_that_is_away_has_been_revoked_once_more_than_it_returned() -> None:
    tally = PairCounts()
    tally.restore(status(of(revocations=5, returns=5, last_revoked=to_text(NOON))), {})
    tally.revoked(ETH1, NOON + 300)
    tally.catch_up(status(of(revocations=7, returns=7, last_revoked=to_text(NOON))), known={ETH1})
    assert (tally.counts[ETH1].revocations, tally.counts[ETH1].returns) == (8, 7)


def test_what_the_disk_has_beyond_the_apiserver_stays() -> None:
    tally = PairCounts()
    before = of(revocations=9, returns=8, last_revoked=to_text(NOON), last_outage_seconds=2.0)
    tally.restore(status(before), {"1": 1})
    known = tally.counts[ETH1]
    tally.catch_up(status(of(revocations=8, returns=8, last_revoked=to_text(NOON - 5))))
    assert tally.counts[ETH1] == known


def test_a_day_has_24_hours_to_ten_minutes() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON)
    tally.revoked(ETH2, NOON + 3600)
    assert tally.within_a_day(NOON + DAY - 1) == 2
    assert tally.next_change(NOON + DAY - 1) == pytest.approx(601)
    assert tally.within_a_day(NOON + DAY + 601) == 1
    assert tally.within_a_day(NOON + DAY + 5000) == 0
    assert tally.next_change(NOON + DAY + 5000) is None


def test_a_day_goes_on_from_the_disk_and_else_is_taken_to_have_been_its_last_minutes() -> None:
    on_disk, guessed = PairCounts(), PairCounts()
    on_disk.revoked(ETH1, NOON)
    saved, known = on_disk.recent(), status(of(revocations=9, last_revoked=to_text(NOON + 7200)))
    again = PairCounts()
    again.restore(known, saved)
    assert again.within_a_day(NOON + 7300) == 1
    guessed.restore(status(of(revocations=9, last_revoked=to_text(NOON + 7200)), revoked24h=6), {})
    assert guessed.within_a_day(NOON + 7300) == 6
    assert guessed.within_a_day(NOON + 7200 + DAY + 700) == 0


@given(st.lists(st.integers(0, 3 * DAY), max_size=50), st.integers(0, 4 * DAY))
def test_the_sum_of_a_day_is_right_to_one_slot(seconds: list[int], now: int) -> None:
    past = sorted(one for one in seconds if one <= now)
    tally = PairCounts()
    for one in past:
        tally.revoked(ETH1, NOON + one)
    least = sum(1 for one in past if now - one <= DAY)
    most = sum(1 for one in past if now - one <= DAY + 600)
    assert least <= tally.within_a_day(NOON + now) <= most


def test_a_status_tells_what_vfs_there_were_and_how_the_pairs_stood() -> None:
    there = of(path=Path.VF, vf_seen=VfSeen.PRESENT, vf=VF)
    away = of(id=ETH2, last_vf=VF, revocations=2, returns=1, last_revoked=to_text(NOON))
    never = of(id="00-0d-3a-c0-00-13", vf_seen=VfSeen.NEVER)
    known = status(there, away, never)
    past = VfMemory(pci="9b33:00:02.0", driver="mlx5_core", numa_node=1)
    assert restore.memory(known) == {ETH1: past, ETH2: past}
    assert restore.past(known, lambda _, at: at - NOON) == {
        ETH1: VfHistory(pci="9b33:00:02.0"),
        ETH2: VfHistory(away=0.0),
        "00-0d-3a-c0-00-13": VfHistory(),
    }


def test_a_removal_that_was_counted_is_an_absence_though_the_vf_was_still_shown() -> None:
    """A removal is heard and counted, the agent dies, and no scan came in between."""
    shown = of(path=Path.VF, vf=VF, revocations=3, returns=2, last_revoked=to_text(NOON))
    past = restore.past(status(shown), lambda _, at: at - NOON)
    assert past == {ETH1: VfHistory(away=0.0)}


def test_of_two_statuses_each_pair_is_as_the_one_says_that_counted_more_of_it() -> None:
    disk = status(of(revocations=5, vf=VF), of(id=ETH2, revocations=3, mtu=1))
    told = status(of(revocations=7), of(id=ETH2, revocations=3, mtu=2))
    newest = restore.newest(disk, told)
    assert [pair.revocations for pair in newest.pairs] == [7, 3]
    assert newest.pairs[1].mtu == 1
    assert restore.newest(None, told) == told


def test_a_status_tells_which_orders_were_carried_out() -> None:
    said = Announcement(state=AnnounceState.UNKNOWN, ordered=3)
    assert restore.ordered(status(of(announcement=said), of(id=ETH2))) == {ETH1: 3}


def test_revocations_that_only_a_status_knows_count_for_the_day_too() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON)
    told = of(revocations=4, returns=4, last_revoked=to_text(NOON + 7200))
    tally.catch_up(status(told, of(id=ETH2)))
    assert tally.within_a_day(NOON + 7300) == 4
    assert tally.recent() == {str(int(NOON) // 600): 1, str(int(NOON + 7200) // 600): 3}
    tally.catch_up(status(told))
    assert tally.within_a_day(NOON + 7300) == 4
    tally.catch_up(status(replace(told, revocations=5)))
    assert tally.within_a_day(NOON + 7300) == 5


def test_of_counts_that_are_equal_our_own_date_stays() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON + 1)
    tally.catch_up(status(of(revocations=1, last_revoked=to_text(NOON - 7200))))
    assert tally.counts[ETH1].revoked == NOON + 1
    assert tally.recent() == {str(int(NOON) // 600): 1}


def test_returns_of_before_and_since_are_added() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON)
    tally.returned(ETH1, NOON + 1, 1.2345)
    tally.restore(status(of(revocations=4, returns=3)), {})
    assert (tally.counts[ETH1].returns, tally.counts[ETH1].outage) == (4, 1.234)


def test_a_revocation_counts_for_its_day_to_the_last_second_and_a_slot_no_longer() -> None:
    tally = PairCounts()
    tally.revoked(ETH1, NOON + 599)
    assert tally.within_a_day(NOON + DAY + 599) == 1
    assert tally.next_change(NOON + DAY + 599) == 1
    assert tally.next_change(NOON + DAY + 600) is None
    assert tally.within_a_day(NOON + DAY + 600) == 0


def test_a_pair_stands_on_its_vf_where_every_absence_is_over_and_it_had_joined() -> None:
    over = of(path=Path.VF, vf=VF, revocations=3, returns=3, last_revoked=to_text(NOON))
    joining = of(id=ETH2, vf=VF)
    assert restore.past(status(over, joining), lambda _, at: at - NOON) == {
        ETH1: VfHistory(pci="9b33:00:02.0"),
        ETH2: VfHistory(),
    }


def test_a_status_tells_who_held_which_pair() -> None:
    by = {"namespace": "nf", "pod": "fwd-0", "container": "fwd", "resource": "netvsc.io/pair"}
    held = of(allocation=AllocationStatus(**by, uid="uid-1"))
    assert restore.holders(status(held, of(id=ETH2))) == {ETH1: Allocation(**by)}
