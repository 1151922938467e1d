"""What is planned for a pair, from where it stands: pure, without a kernel."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc_deviceplugin.cni.attach import plan
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.attach.plan import Goal, HostNames, PairLocation
from netvsc_deviceplugin.kernel.links import Link

MAC = "00:0d:3a:c0:00:11"
POD = Goal(netns="pod", name="netvsc0")
HOME = Goal(netns=None, name="eth1")
UP = 0x1


def netvsc(name: str = "eth1", *altnames: str, **facts: object) -> NetnsLink:
    fixed = {"ifindex": 3, "mac": MAC, "flags": UP, "parent_bus": "vmbus", "parent": "guid"}
    return NetnsLink(Link(name=name, **(fixed | facts)), altnames)  # type: ignore[arg-type]


def vf(name: str = "vf1", *altnames: str, **facts: object) -> NetnsLink:
    fixed = {"ifindex": 4, "mac": MAC, "flags": UP, "parent_bus": "pci", "parent": "1:00:02.0"}
    return NetnsLink(Link(name=name, **(fixed | facts)), altnames)  # type: ignore[arg-type]


def steps(
    *seen: NetnsLink, goal: Goal, wait: bool = False, host_names: HostNames | None = None
) -> list[str]:
    """Return the plan as words: what, which, and the name if there is one."""
    standing = plan.locate_pair(MAC, seen)
    names = {name for one in seen if one.link.netns == goal.netns for name in one.names}
    found = plan.plan(standing, goal, names=names, wait=wait, host_names=host_names or HostNames())
    words = []
    for step in found:
        part = "netvsc" if step.part.link.parent_bus == "vmbus" else "vf"
        name = getattr(step, "name", getattr(step, "altname", ""))
        words.append(f"{type(step).__name__} {part} {name}".strip())
    return words


def test_the_host_name_is_written_before_anything_moves() -> None:
    assert steps(netvsc(), vf(), goal=POD) == [
        "AddAltname netvsc nvhome-eth1",
        "AddAltname vf nvhome-vf1",
        "Move netvsc netvsc0",
    ]


def test_the_netvsc_goes_first() -> None:
    on_host = (netvsc("eth1", "nvhome-eth1"), vf("vf1", "nvhome-vf1"))
    assert steps(*on_host, goal=POD) == ["Move netvsc netvsc0"]


def test_it_is_brought_up_before_its_vf_follows() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod", flags=0)
    left = vf("vf1", "nvhome-vf1")
    assert steps(inside, left, goal=POD) == ["Up netvsc", "Move vf vf1"]
    assert steps(inside, left, goal=POD, wait=True) == ["Up netvsc", "Await vf"]


def test_the_kernel_may_bring_the_vf_else_it_is_moved() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    left = vf("vf1", "nvhome-vf1")
    assert steps(inside, left, goal=POD, wait=True) == ["Await vf"]
    assert steps(inside, left, goal=POD) == ["Move vf vf1"]


def test_a_vf_that_has_come_is_made_as_its_netvsc_is() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod", mtu=9000)
    came = vf("eth5", "nvhome-vf1", netns="pod", flags=0)
    assert steps(inside, came, goal=POD) == ["Mtu vf", "Up vf"]


def test_nothing_is_left_to_do_for_a_pair_that_is_inside() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    assert steps(inside, vf("vf1", "nvhome-vf1", netns="pod"), goal=POD) == []
    assert steps(inside, goal=POD) == []


def test_a_vf_that_comes_back_under_the_netvscs_own_name_bears_no_note() -> None:
    """Two altnames of one name cannot be in one netns: the NetVSC's is worth more."""
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    assert steps(inside, vf("eth1"), goal=POD) == ["Move vf eth1"]


def test_a_vf_whose_name_is_taken_in_the_pod_gets_a_spare_one() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    other = NetnsLink(Link(ifindex=9, name="vf1", mac="02:00:00:00:00:01", netns="pod"))
    assert steps(inside, other, vf("vf1", "nvhome-vf1"), goal=POD) == ["Move vf nvvf0"]


def test_altnames_that_an_old_kernel_lost_on_the_way_are_written_again_from_the_record() -> None:
    inside = (netvsc("netvsc0", netns="pod"), vf("vf1", netns="pod"))
    assert steps(*inside, goal=POD, host_names=HostNames(netvsc="eth1", vf="vf1")) == [
        "AddAltname netvsc nvhome-eth1",
        "AddAltname vf nvhome-vf1",
    ]
    assert steps(*inside, goal=POD) == []  # nobody knows: no altname can be written


def test_going_home_the_netvsc_is_cleaned_and_goes_first() -> None:
    inside = (
        netvsc("netvsc0", "nvhome-eth1", netns="pod"),
        vf("x", "nvhome-vf1", netns="pod"),
    )
    assert steps(*inside, goal=HOME) == ["Clean netvsc", "Clean vf", "Move netvsc eth1"]


def test_on_the_host_the_altname_is_taken_off_and_the_vf_follows() -> None:
    arrived = netvsc("eth1", "nvhome-eth1", flags=0)
    inside = vf("x", "nvhome-vf1", netns="pod")
    assert steps(arrived, inside, goal=HOME) == [
        "RemoveAltname netvsc nvhome-eth1",
        "Up netvsc",
        "Move vf vf1",
    ]
    assert steps(netvsc(), inside, goal=HOME) == ["Move vf vf1"]
    assert steps(netvsc(), vf("vf1", "nvhome-vf1"), goal=HOME) == ["RemoveAltname vf nvhome-vf1"]
    assert steps(netvsc(), vf(), goal=HOME) == []


def test_a_nic_that_was_down_stays_down() -> None:
    assert steps(netvsc(flags=0), vf(flags=0), goal=replace(HOME, up=False)) == []


def test_a_taken_name_at_home_keeps_nothing_from_coming_home() -> None:
    other = NetnsLink(Link(ifindex=9, name="eth1", mac="02:00:00:00:00:01"))
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    assert steps(inside, other, goal=HOME)[-1] == "Move netvsc nvhome0"
    back = netvsc("nvhome0", "nvhome-eth1")
    assert steps(back, other, goal=HOME) == []  # it keeps its altname
    assert steps(back, goal=HOME) == ["Rename netvsc eth1", "RemoveAltname netvsc nvhome-eth1"]


def test_a_vf_that_took_the_name_meanwhile_makes_room() -> None:
    other = {"mac": "00:0d:3a:c0:00:12", "ifindex": 8}
    seen = [netvsc("netvsc0", "nvhome-eth1", netns="pod"), netvsc("eth2", **other)]
    squatter = vf("eth1", **(other | {"ifindex": 9}))
    (step,) = plan.make_room(plan.locate_pair(MAC, seen), HOME, [*seen, squatter])
    assert step == plan.Rename(squatter, "nvvf0")
    assert not plan.make_room(plan.locate_pair(MAC, seen), POD, [*seen, squatter])
    nobodys = vf("eth1", mac="02:00:00:00:00:01", ifindex=9)  # some other NIC keeps its name
    assert not plan.make_room(plan.locate_pair(MAC, seen), HOME, [*seen, nobodys])


def test_a_vf_without_its_netvsc_comes_home_all_the_same() -> None:
    assert steps(vf("x", "nvhome-vf1", netns="pod"), goal=HOME) == ["Move vf vf1"]
    assert steps(vf(), goal=HOME) == []
    assert steps(vf(), goal=POD) == []


def test_two_candidates_are_nobodys_vf_until_one_has_joined() -> None:
    rivals = [vf("vf1"), vf("vf2", ifindex=5, parent="2:00:02.0")]
    assert plan.locate_pair(MAC, [netvsc(), *rivals]).vf is None
    joined = vf("vf2", ifindex=5, parent="2:00:02.0", master=3)
    assert plan.locate_pair(MAC, [netvsc(), rivals[0], joined]).vf == joined


def test_a_device_that_moved_while_it_was_read_is_where_it_was_seen_last() -> None:
    seen = [netvsc(), vf(), netvsc("netvsc0", netns="pod")]
    assert plan.locate_pair(MAC, seen).netvsc == seen[2]


def test_a_forced_netdev_is_known_by_its_ifindex_and_then_by_its_note() -> None:
    bare = NetnsLink(Link(ifindex=7, name="veth7", mac=MAC, kind="veth"))
    assert plan.locate_pair(MAC, [bare]).netvsc is None
    assert plan.locate_pair(MAC, [bare], forced=7).netvsc == bare
    named = replace(bare, altnames=("nvhome-veth7",), link=replace(bare.link, netns="pod"))
    assert plan.locate_pair(MAC, [named], forced=7).netvsc == named


def test_a_pair_is_what_has_its_mac_and_is_ethernet() -> None:
    other = vf("vf2", mac="00:0d:3a:c0:00:12", ifindex=8)
    infiniband = vf("ib0", type=32, ifindex=9)  # ARPHRD_INFINIBAND
    assert plan.locate_pair(MAC, [netvsc(), other, infiniband]) == PairLocation(
        netvsc=netvsc(), vf=None
    )


def test_a_device_may_get_another_ifindex_where_it_moves() -> None:
    there = netvsc("netvsc0", netns="pod", ifindex=12)
    assert plan.locate_pair(MAC, [netvsc(), there]).netvsc == there
    assert plan.locate_pair(MAC, [netvsc(), vf(), vf(netns="pod", ifindex=13)]).vf == vf(
        netns="pod", ifindex=13
    )


def test_a_altname_alone_is_no_rival_of_what_has_a_device_behind_it() -> None:
    inside = netvsc("netvsc0", "nvhome-eth1", netns="pod")
    forged = NetnsLink(
        Link(ifindex=9, name="x", mac=MAC, kind="veth", netns="pod"), ("nvhome-eth0",)
    )
    assert plan.locate_pair(MAC, [inside, forged]).netvsc == inside


def test_a_pair_has_arrived_when_all_of_it_is_there_and_a_pair_that_is_gone_has_not() -> None:
    inside, left = netvsc("netvsc0", netns="pod"), vf()
    assert not plan.arrived(PairLocation(netvsc=None, vf=None), POD)
    assert not plan.arrived(PairLocation(netvsc=inside, vf=left), POD)
    assert plan.arrived(PairLocation(netvsc=inside, vf=None), POD)


def test_no_room_is_made_for_what_has_its_name_or_is_not_there() -> None:
    squatter = vf("eth1", ifindex=9)
    assert plan.make_room(PairLocation(netvsc=None, vf=None), HOME, [squatter]) == ()
    assert plan.make_room(PairLocation(netvsc=netvsc(), vf=None), HOME, [netvsc(), squatter]) == ()
    renamed = netvsc("nvhome0", "nvhome-eth1")
    room = plan.make_room(PairLocation(netvsc=renamed, vf=None), HOME, [renamed, squatter])
    assert room == [plan.Rename(squatter, "nvvf0")]
    elsewhere = netvsc("eth1", "nvhome-eth1", netns="pod")  # it has that name, but not here
    assert plan.make_room(PairLocation(netvsc=elsewhere, vf=None), HOME, [elsewhere, squatter])


def test_of_two_altnames_of_one_name_the_netvscs_is_written() -> None:
    inside = (netvsc("netvsc0", netns="pod"), vf("vf1", netns="pod"))
    written = steps(*inside, goal=POD, host_names=HostNames(netvsc="eth1", vf="eth1"))
    assert written == ["AddAltname netvsc nvhome-eth1"]


def test_a_vf_that_is_home_gets_its_name_back_from_the_record_or_its_note() -> None:
    came = vf("nvvf0", "nvhome-vf1")
    assert steps(netvsc(), came, goal=HOME) == ["Rename vf vf1", "RemoveAltname vf nvhome-vf1"]
    recorded = steps(netvsc(), came, goal=HOME, host_names=HostNames(vf="vf7"))
    assert recorded == ["Rename vf vf7", "RemoveAltname vf nvhome-vf1"]


PLACES = st.sampled_from([None, "pod"])
NOTES = st.booleans()


@given(PLACES, PLACES, NOTES, NOTES, st.booleans(), st.sampled_from([POD, HOME]), st.booleans())
def test_from_anywhere_a_plan_ends_at_its_goal(  # noqa: PLR0913, PLR0917 (a pair in seven words)
    at: str | None,
    vf_at: str | None,
    named: bool,
    vf_noted: bool,
    up: bool,
    goal: Goal,
    has_vf: bool,
) -> None:
    """A kernel in ten lines: each step does what it says."""
    name = "netvsc0" if at else "eth1"
    parts = [netvsc(name, *(["nvhome-eth1"] if named else []), netns=at, flags=up)]
    if has_vf:
        parts.append(vf("vf1", *(["nvhome-vf1"] if vf_noted else []), netns=vf_at))
    host_names = HostNames(netvsc="eth1", vf="vf1")
    for _ in range(12):
        standing = plan.locate_pair(MAC, parts)
        names = {name for one in parts if one.link.netns == goal.netns for name in one.names}
        found = plan.plan(standing, goal, names=names, wait=False, host_names=host_names)
        if not found:
            break
        for step in found:
            (number,) = [i for i, p in enumerate(parts) if p.link.ifindex == step.part.link.ifindex]
            parts[number] = done(parts[number], step)
    standing = PairLocation(netvsc=parts[0], vf=parts[1] if has_vf else None)
    assert plan.arrived(standing, goal)
    assert parts[0].link.name == goal.name
    assert all(part.link.flags & UP for part in parts)
    assert all(bool(part.altnames) == (goal is POD) for part in parts)


def done(part: NetnsLink, step: plan.PlanStep) -> NetnsLink:  # noqa: PLR0911 (one per kind of step)
    match step:
        case plan.Move(to=to, name=name):
            return replace(part, link=replace(part.link, netns=to, name=name, flags=0))
        case plan.Rename(name=name):
            return replace(part, link=replace(part.link, name=name))
        case plan.AddAltname(altname=altname):
            return replace(part, altnames=(*part.altnames, altname))
        case plan.RemoveAltname(altname=altname):
            return replace(part, altnames=tuple(a for a in part.altnames if a != altname))
        case plan.Up():
            return replace(part, link=replace(part.link, flags=UP))
        case plan.Clean():
            return part
        case _:
            return pytest.fail(str(step))
