"""Every revocation and return is counted once, whichever way it became known."""

from dataclasses import replace

from netvsc.model.pair import Inventory, Pair, Path, Uplink, Vf, VfSeen
from netvsc_deviceplugin.inventory.vf_events import Returned, Revoked, VfEventTracker, VfHistory
from netvsc_deviceplugin.kernel.links import Link

ID, MAC = "00-0d-3a-c0-00-11", "00:0d:3a:c0:00:11"


def seen(ifindex: int | None, *, joined: bool = True) -> Inventory:
    """A scan that shows the VF under this ifindex, or no VF."""
    vf = None
    if ifindex:
        facts = {"interface": "vf", "pci": "9b33:00:02.0", "driver": "mlx5_core", "verbs": ()}
        vf = Vf(ifindex=ifindex, joined=joined, **facts)  # type: ignore[arg-type]
    pair = Pair(
        id=ID,
        mac=MAC,
        netvsc="eth1",
        ifindex=2,
        netns=None,
        vmbus="guid",
        mtu=1500,
        addresses=(),
        pool="pair",
        numa_node=0,
        path=Path.VF if vf else Path.SYNTHETIC,
        uplink=Uplink.NO,
        vf_seen=VfSeen.PRESENT,
        vf=vf,
    )
    return Inventory(pairs=(pair,))


def gone(ifindex: int, *, mac: str = MAC, bus: str | None = "pci") -> Link:
    return Link(ifindex=ifindex, name="vf", mac=mac, parent_bus=bus, parent="9b33:00:02.0")


def tracker_with(ifindex: int) -> VfEventTracker:
    tracker = VfEventTracker()
    assert tracker.scanned(seen(ifindex), 0.0) == []
    return tracker


def test_a_removal_is_counted_when_heard_and_not_again_when_scanned() -> None:
    tracker = tracker_with(5)
    assert tracker.removed(gone(5), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.scanned(seen(None), 1.1) == []
    assert tracker.scanned(seen(9), 65.0) == [Returned(pair=ID, at=65.0, outage=64.0)]


def test_a_flap_within_one_burst_is_not_lost() -> None:
    tracker = tracker_with(5)
    assert tracker.removed(gone(5), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.scanned(seen(6), 1.01) == [Returned(pair=ID, at=1.01, outage=1.01 - 1.0)]


def test_a_vf_that_goes_twice_must_have_been_back_in_between() -> None:
    tracker = tracker_with(5)
    assert tracker.removed(gone(5), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.removed(gone(6), 3.0) == [
        Returned(pair=ID, at=3.0, outage=2.0),
        Revoked(pair=ID, at=3.0),
    ]
    assert tracker.scanned(seen(7), 7.0) == [Returned(pair=ID, at=7.0, outage=4.0)]


def test_a_removal_whose_message_was_lost_shows_in_the_next_scan() -> None:
    tracker = tracker_with(5)
    assert tracker.scanned(seen(None), 3.0) == [Revoked(pair=ID, at=3.0)]
    tracker = tracker_with(5)
    assert tracker.scanned(seen(6), 3.0) == [
        Revoked(pair=ID, at=3.0),
        Returned(pair=ID, at=3.0, outage=0.0),
    ]


def test_a_scan_that_began_before_the_removal_does_not_bring_the_vf_back() -> None:
    tracker = tracker_with(5)
    tracker.removed(gone(5), 1.0)
    assert tracker.scanned(seen(5), 1.001, began=0.999) == []
    assert tracker.scanned(seen(None), 1.01) == []
    assert tracker.scanned(seen(6), 2.0) == [Returned(pair=ID, at=2.0, outage=1.0)]


def test_a_vf_that_leaves_its_netvsc_and_then_goes_is_one_revocation() -> None:
    tracker = tracker_with(5)
    assert tracker.scanned(seen(5, joined=False), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.removed(gone(5), 1.001) == []


def test_what_is_no_vf_of_a_known_pair_is_not_counted() -> None:
    tracker = tracker_with(5)
    assert tracker.removed(gone(7, mac="00:0d:3a:c0:00:99"), 1.0) == []
    assert tracker.removed(gone(8, bus=None), 1.0) == []


def test_a_scan_that_began_after_a_removal_has_the_last_word() -> None:
    """Whatever that message was of: a VF is there that has this number now."""
    tracker = tracker_with(5)
    assert tracker.removed(gone(5), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.scanned(seen(5), 1.2, began=1.1) == [Returned(pair=ID, at=1.2, outage=1.2 - 1.0)]


def test_a_removal_that_a_scan_was_first_to_tell_is_not_counted_when_heard() -> None:
    tracker = tracker_with(5)
    assert tracker.scanned(seen(6), 1.0) == [
        Revoked(pair=ID, at=1.0),
        Returned(pair=ID, at=1.0, outage=0.0),
    ]
    assert tracker.removed(gone(5), 1.001) == []
    assert tracker.scanned(seen(6), 1.01) == []


def test_a_pair_that_left_the_inventory_is_not_counted() -> None:
    tracker = tracker_with(5)
    assert tracker.scanned(Inventory(), 1.0) == []
    assert tracker.removed(gone(5), 1.1) == []


def test_a_pair_that_one_scan_lacked_goes_on_from_how_it_stood() -> None:
    tracker = tracker_with(5)
    tracker.removed(gone(5), 1.0)
    assert tracker.scanned(Inventory(), 1.1) == []
    assert tracker.scanned(seen(6), 2.0) == [Returned(pair=ID, at=2.0, outage=1.0)]
    assert tracker.scanned(Inventory(), 3.0) == []
    assert tracker.scanned(seen(6), 4.0) == []
    assert tracker.scanned(Inventory(), 5.0) == []
    assert tracker.scanned(seen(None), 6.0) == [Revoked(pair=ID, at=6.0)]


def restored(past: VfHistory) -> VfEventTracker:
    tracker = VfEventTracker()
    tracker.restore({ID: past})
    return tracker


def test_a_vf_that_is_as_another_run_left_it_is_no_event() -> None:
    assert restored(VfHistory(pci="9b33:00:02.0")).scanned(seen(5), 9.0) == []
    assert restored(VfHistory()).scanned(seen(5), 9.0) == []


def test_a_vf_that_went_while_nobody_looked_is_counted_at_first_sight_and_once() -> None:
    tracker = restored(VfHistory(pci="9b33:00:02.0"))
    assert tracker.scanned(seen(None), 9.0) == [Revoked(pair=ID, at=9.0)]
    assert tracker.scanned(seen(None), 10.0) == []
    assert tracker.scanned(seen(6), 11.0) == [Returned(pair=ID, at=11.0, outage=2.0)]


def test_an_absence_goes_on_over_a_restart_and_ends_once() -> None:
    tracker = restored(VfHistory(away=-50.0))
    assert tracker.scanned(seen(None), 9.0) == []
    assert tracker.scanned(seen(6), 10.0) == [Returned(pair=ID, at=10.0, outage=60.0)]
    assert restored(VfHistory(away=-50.0)).scanned(seen(6), 10.0) == [
        Returned(pair=ID, at=10.0, outage=60.0)
    ]


def test_another_vf_at_first_sight_means_that_one_went_and_one_came() -> None:
    assert restored(VfHistory(pci="0001:00:02.0")).scanned(seen(6), 9.0) == [
        Revoked(pair=ID, at=9.0),
        Returned(pair=ID, at=9.0, outage=0.0),
    ]


def test_a_newer_past_that_comes_before_the_first_scan_takes_the_place_of_an_older_one() -> None:
    """The disk was full when the VF moved: what the apiserver knows has counted that."""
    tracker = restored(VfHistory(pci="0001:00:02.0"))
    tracker.restore({ID: VfHistory(pci="9b33:00:02.0")})
    assert tracker.scanned(seen(6), 9.0) == []


def test_what_is_known_already_is_not_restored() -> None:
    tracker = tracker_with(5)
    tracker.restore({ID: VfHistory(pci="0001:00:02.0")})
    assert tracker.scanned(seen(5), 1.0) == []


def test_a_vf_that_left_its_netvsc_is_counted_once_however_often_it_is_seen_so() -> None:
    tracker = tracker_with(5)
    assert tracker.scanned(seen(5, joined=False), 1.0) == [Revoked(pair=ID, at=1.0)]
    assert tracker.scanned(seen(5, joined=False), 1.1) == []
    assert tracker.removed(gone(5), 1.2) == []


def test_one_that_left_and_joined_again_counts_anew_when_it_goes() -> None:
    tracker = tracker_with(5)
    tracker.scanned(seen(5, joined=False), 1.0)
    assert tracker.scanned(seen(5), 2.0) == [Returned(pair=ID, at=2.0, outage=1.0)]
    assert tracker.removed(gone(5), 3.0) == [Revoked(pair=ID, at=3.0)]


def test_a_vf_that_moves_with_its_netvsc_is_not_revoked_whatever_its_ifindex_is_there() -> None:
    tracker = tracker_with(5)
    (pair,) = seen(9).pairs
    inside = Inventory(pairs=(replace(pair, netns="pod"),))
    assert tracker.scanned(inside, 1.0) == []
    assert tracker.removed(gone(9), 2.0) == [Revoked(pair=ID, at=2.0)]


def test_one_that_stays_behind_is_revoked() -> None:
    tracker = tracker_with(5)
    (pair,) = seen(None).pairs
    inside = Inventory(pairs=(replace(pair, netns="pod"),))
    assert tracker.scanned(inside, 1.0) == [Revoked(pair=ID, at=1.0)]


def test_a_removal_at_the_moment_at_which_a_scan_began_is_not_undone_by_it() -> None:
    tracker = tracker_with(5)
    tracker.removed(gone(5), 1.0)
    assert tracker.scanned(seen(5), 1.1, began=1.0) == []


def test_what_is_restored_too_late_is_told() -> None:
    assert VfEventTracker().restore({ID: VfHistory()}) == frozenset()
    assert tracker_with(5).restore({ID: VfHistory(), "x": VfHistory()}) == {ID}
