"""Whatever a VF does, and in whatever order it is seen and heard: each removal is counted once.

A model of the node beside the tracker. The kernel's part: a removal is told in a message that is
read some time later; a scan shows what was there at one moment between its begin and its end. The
agent's: what was told before a scan began is read before that scan is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.inventory.vf_events import Returned, Revoked, VfEventTracker
from unit.inventory.test_vf_events import gone, seen

# What the host does, what the agent does, and what goes wrong.
EXACT = ("give", "join", "revoke", "begin", "look", "end", "hear")
LOSSY = (*EXACT, "lose", "lack", "leave", "phantom")


@dataclass
class _Scan:
    began: float
    shown: Inventory
    lacks: bool = False


@dataclass
class Node:
    """One pair, and an agent that counts. `numbers` is how many ifindexes there are."""

    numbers: int
    tracker: VfEventTracker = field(default_factory=VfEventTracker)
    now: float = 0.0
    made: int = 0
    vf: int | None = None
    joined: bool = False
    told: list[tuple[float, int]] = field(default_factory=list)
    scan: _Scan | None = None
    removals: int = 0
    revocations: int = 0
    returns: int = 0

    def do(self, action: str) -> None:
        self.now += 1.0
        getattr(self, action)()

    def give(self) -> None:
        if self.vf is None:
            self.made += 1
            self.vf, self.joined = self.made % self.numbers + 1, False

    def join(self) -> None:
        self.joined = self.vf is not None

    def leave(self) -> None:
        self.joined = False

    def revoke(self) -> None:
        if self.vf is not None:
            self.told.append((self.now, self.vf))
            self.vf, self.joined = None, False
            self.removals += 1

    def begin(self) -> None:
        if self.scan is None:
            self.scan = _Scan(began=self.now, shown=self.view())

    def look(self) -> None:
        if self.scan:
            self.scan.shown = self.view()

    def lack(self) -> None:
        if self.scan:
            self.scan.lacks = True

    def end(self) -> None:
        if not self.scan:
            return
        while self.told and self.told[0][0] <= self.scan.began:
            self.hear()
        scan, self.scan = self.scan, None
        shown = Inventory() if scan.lacks else scan.shown
        self.count(self.tracker.scanned(shown, self.now, began=scan.began))

    def hear(self) -> None:
        if self.told:
            _, ifindex = self.told.pop(0)
            self.count(self.tracker.removed(gone(ifindex), self.now))

    def lose(self) -> None:
        self.told.clear()

    def phantom(self) -> None:
        """A message that looks like a removal, of a VF that stays."""
        if self.vf is not None:
            self.count(self.tracker.removed(gone(self.vf), self.now))

    def view(self) -> Inventory:
        return seen(self.vf, joined=self.joined)

    def count(self, events: list[Revoked | Returned]) -> None:
        for event in events:
            if isinstance(event, Revoked):
                self.revocations += 1
            else:
                self.returns += 1
            assert self.revocations - self.returns in {0, 1}

    def quiet(self) -> None:
        """What was told is read, and whoever was told looks."""
        for action in ("end", *("hear" for _ in (*self.told,)), "begin", "look", "end"):
            self.do(action)


def played(numbers: int, actions: list[str]) -> Node:
    node = Node(numbers=numbers)
    for action in ("give", "join", "begin", "end", *actions):
        node.do(action)
    node.quiet()
    return node


@settings(max_examples=600)
@given(st.lists(st.sampled_from(EXACT), max_size=40))
def test_each_removal_is_counted_once_and_so_is_each_return(actions: list[str]) -> None:
    node = played(1000, actions)
    assert node.revocations == node.removals
    assert node.returns == node.removals - (not node.joined and node.removals > 0)


@settings(max_examples=600)
@given(st.integers(1, 3), st.lists(st.sampled_from(LOSSY), max_size=40))
def test_whatever_is_lost_false_or_numbered_alike_a_vf_that_is_there_has_returned(
    numbers: int, actions: list[str]
) -> None:
    node = played(numbers, actions)
    if node.joined:
        assert node.returns == node.revocations
    node.do("give")
    node.do("join")
    node.quiet()
    assert node.returns == node.revocations
