"""From the version before to this one and back: no application notices, and nothing is lost.

One story on one install, in this order; each test first brings about the versions that it wants.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cluster import testpmd
from cluster.deployments import full_chart, mixed_versions
from cluster.deployments.agent_only import REPOSITORY, checkpoints, wait_allocatable
from cluster.deployments.mixed_versions import Mixture, Version
from cluster.deployments.sidecar_only import echoes
from cluster.deployments.simulated_nics import NICS, Nics
from cluster.harness import addresses
from cluster.harness.wait import until
from cluster.pods import Pods
from cluster.stories.shared import condition, lives, pairs, wait, wait_accelerated
from cluster.stories.story import (
    ACCELERATED,
    FORWARDER,
    HOME_SLOT,
    PAIR,
    Story,
    forwarder,
    seated,
    took,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

OTHER_SLOT = HOME_SLOT + 1
LATE = "late"  # the pod that this version's webhook made
REANNOUNCE = "netvsc.io/reannounce"
OLD, NEW = Version.OLD, Version.NEW
NODE = ("netvscnode", addresses.NODE)
CRD = "netvscnodes.netvsc.io"
SCHEMA = "/spec/versions/0/schema"
PROPERTIES = f"{SCHEMA}/openAPIV3Schema/properties"
REVOKED = ("VFRevoked", "VfAway")  # as either version says it
WORD = "Hovering"  # of an announcement, in a version to come


@pytest.fixture(scope="module")
def nics(cluster: Cluster, agent_image: str) -> Iterator[Nics]:
    assert agent_image.endswith(NEW)
    mixed_versions.load(cluster)
    cluster.image(testpmd.IMAGE, testpmd.files())
    made = Nics(cluster)
    made.add()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def versions(cluster: Cluster, nics: Nics) -> Iterator[Mixture]:
    """All of the version before, as somebody has it."""
    assert nics
    made = Mixture(cluster)
    made.install()
    wait_allocatable(cluster, PAIR, len(NICS))
    yield made
    full_chart.uninstall(cluster)


@pytest.fixture(scope="module")
def pods(cluster: Cluster, versions: Mixture) -> Iterator[Pods]:
    assert versions
    name = f"t-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    yield Pods(cluster, name)
    cluster.kubectl("delete", "pods", "--all", "-n", name, "--wait", "--timeout=60s")
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def story(cluster: Cluster, nics: Nics, pods: Pods) -> Story:
    """A forwarder that the version before admitted, with that version's sidecar."""
    pods.start(forwarder())
    made = Story(cluster, nics, pods)
    assert made.forwards_on_vf()
    wait_accelerated(pods, "True")
    assert _sidecar(pods, FORWARDER).endswith(f":{OLD}")
    return made


@pytest.fixture
def untouched(pods: Pods, story: Story) -> Iterator[None]:
    """No container of the forwarder's pod is another afterwards: not the sidecar's either."""
    assert story
    before = lives(pods)
    yield
    assert lives(pods) == before


@dataclass(slots=True)
class Told:
    """What a pair's revocations have come to, in NetvscNode and in the pod's Events."""

    story: Story

    def counts(self) -> tuple[int, ...]:
        status = self.story.status()
        events = (len(self.story.told(reason)) for reason in ("VFRevoked", "VFReturned"))
        return status["revocations"], status["returns"], *events

    def grow(self, before: tuple[int, ...]) -> None:
        """Once each; the Events' counts are of this pod, the others of the pair."""
        wanted = tuple(count + 1 for count in before)
        wait(lambda: self.counts() == wanted, f"one more of each than {before}")


def _flaps(pods: Pods, story: Story) -> None:
    """The VF goes and comes back elsewhere: it is followed, and told once."""
    told = Told(story)
    before = told.counts()
    story.revoke()
    assert story.forwards_on_fallback()
    wait_accelerated(pods, "False", *REVOKED)
    _returns(pods, story)
    told.grow(before)


def _returns(pods: Pods, story: Story) -> None:
    story.give(OTHER_SLOT if story.vf.slot == HOME_SLOT else HOME_SLOT)
    since = time.monotonic()
    assert story.forwards_on_vf()
    took("VF back → forwarding", since)
    wait_accelerated(pods, "True")
    story.wait_status(path="VF", announcement="Taken")


def _obeys(cluster: Cluster, pods: Pods, story: Story) -> None:
    """An order by hand goes from pod to controller, spec, agent, sidecar, and back in status."""
    before = len(story.told("AnnouncementRepeated"))
    mark = f"{REANNOUNCE}={secrets.token_hex(4)}"
    cluster.kubectl("annotate", "pod", FORWARDER, "-n", pods.namespace, mark, "--overwrite")
    story.wait_told("AnnouncementRepeated", before + 1)

    def done() -> bool:
        node = cluster.get(*NODE)
        [pair] = [one for one in node["status"]["pairs"] if one["id"] == story.vf.id]
        asked: int = node["spec"]["announce"][story.vf.id]
        return bool(pair["announcement"].get("ordered", 0) == asked)

    wait(done, "the order to be carried out")
    story.wait_status(path="VF", announcement="Taken")


def _sidecar(pods: Pods, name: str) -> str:
    [ours] = [c for c in pods.get(name)["spec"]["initContainers"] if c["name"] == "netvsc-fdpipe"]
    return str(ours["image"])


def _late(cluster: Cluster) -> str:
    """The pair of the later pod."""
    found = [id_ for id_, one in pairs(cluster).items() if _holder(one) == LATE]
    return found[0] if found else ""


def _holder(pair: dict[str, dict[str, str]]) -> str:
    return pair.get("allocation", {}).get("pod", "")


@pytest.mark.usefixtures("untouched")
def test_agents_come_first_and_serve_the_operator_and_the_sidecar_of_before(
    cluster: Cluster, versions: Mixture, pods: Pods, story: Story
) -> None:
    versions.become(agent=NEW, operator=OLD)

    _flaps(pods, story)
    _obeys(cluster, pods, story)


@pytest.mark.usefixtures("untouched")
def test_an_upgrade_takes_over_a_revocation_that_the_version_before_saw(
    cluster: Cluster, versions: Mixture, pods: Pods, story: Story
) -> None:
    """The agent's copy on disk and the controller's account say what the old ones knew."""
    versions.become(agent=OLD, operator=OLD)
    told = Told(story)
    before = told.counts()
    story.revoke()
    wait_accelerated(pods, "False", *REVOKED)
    since = time.monotonic()

    versions.become(agent=NEW, operator=NEW)
    away = time.monotonic() - since
    _returns(pods, story)

    told.grow(before)
    assert story.status()["lastOutageSeconds"] >= away
    assert versions.running()["netvsc-deviceplugin"] == {f"{REPOSITORY}:{NEW}"}
    _flaps(pods, story)
    _obeys(cluster, pods, story)


@pytest.mark.usefixtures("untouched")
def test_after_it_new_pods_get_the_new_sidecar_beside_the_old_ones(
    cluster: Cluster, versions: Mixture, pods: Pods
) -> None:
    versions.become(agent=NEW, operator=NEW)

    pods.start(forwarder(LATE))

    assert _sidecar(pods, LATE).endswith(f":{NEW}")
    assert _sidecar(pods, FORWARDER).endswith(f":{OLD}")
    [nic] = [nic for nic in NICS if nic.id == wait(lambda: _late(cluster), "its pair in status")]
    assert echoes(cluster, nic.vf)


@pytest.fixture
def later(cluster: Cluster) -> Iterator[None]:
    """The CRD of a version to come: two more fields, and one more word for an announcement."""
    before = cluster.get("crd", CRD)["spec"]["versions"][0]["schema"]
    halves = [f"{PROPERTIES}/{half}/properties" for half in ("spec", "status")]
    word = f"{halves[1]}/pairs/items/properties/announcement/properties/state/enum/-"
    new = [(f"{half}/turbulence", {"type": "integer"}) for half in halves]
    added = [{"op": "add", "path": path, "value": value} for path, value in (*new, (word, WORD))]
    _patch(cluster, "crd", CRD, added)
    yield
    _patch(cluster, "crd", CRD, [{"op": "replace", "path": SCHEMA, "value": before}])


@pytest.mark.usefixtures("untouched", "later")
def test_what_a_later_version_says_is_borne_and_what_it_keeps_is_kept(
    cluster: Cluster, versions: Mixture, pods: Pods, story: Story
) -> None:
    """As after a downgrade: agent and controller write beside fields that they do not know."""
    versions.become(agent=NEW, operator=NEW)
    ids = [one["id"] for one in cluster.get(*NODE)["status"]["pairs"]]
    state = f"/status/pairs/{ids.index(story.vf.id)}/announcement/state"

    def kept() -> bool:
        node = cluster.get(*NODE)
        return bool(node["spec"].get("turbulence") == node["status"].get("turbulence") == 7)

    def said() -> bool:
        """Until the apiserver goes by the new schema, it prunes the one and refuses the other."""
        field = {"op": "add", "value": 7}
        _patch(cluster, *NODE, [{**field, "path": "/spec/turbulence"}])
        word = {"op": "replace", "path": state, "value": WORD}
        several = [{**field, "path": "/status/turbulence"}, word]
        _patch(cluster, *NODE, several, "--subresource=status", check=False)
        # The agent has its own word again with whatever changes next; the generation does now.
        told = condition(pods.get(FORWARDER), ACCELERATED)
        return kept() and (told["status"], told["reason"]) == ("Unknown", "NotAnnounced")

    wait(said, "the later version's words to be taken and told of")
    _flaps(pods, story)
    _obeys(cluster, pods, story)

    assert kept()
    assert not story.told("SidecarNotListening")


def _patch(
    cluster: Cluster, kind: str, name: str, patch: object, *more: str, check: bool = True
) -> None:
    cluster.kubectl("patch", kind, name, "--type=json", "-p", json.dumps(patch), *more, check=check)


@pytest.mark.usefixtures("untouched")
def test_agents_of_before_serve_the_new_operator(
    cluster: Cluster, versions: Mixture, pods: Pods, story: Story
) -> None:
    """A DaemonSet that rolls slowly, or is held."""
    versions.become(agent=OLD, operator=NEW)

    _flaps(pods, story)
    _obeys(cluster, pods, story)


@pytest.mark.usefixtures("untouched")
def test_a_rollback_takes_over_what_the_new_version_wrote(
    cluster: Cluster, versions: Mixture, nics: Nics, pods: Pods, story: Story
) -> None:
    versions.become(agent=NEW, operator=NEW)
    if not _late(cluster):
        pods.start(forwarder(LATE))
    before, told = lives(pods, LATE), Told(story)
    counts = told.counts()
    story.revoke()
    wait_accelerated(pods, "False", *REVOKED)

    versions.become(agent=OLD, operator=OLD)
    _returns(pods, story)

    told.grow(counts)
    _flaps(pods, story)
    _obeys(cluster, pods, story)
    _outlives(cluster, nics, pods)
    assert lives(pods, LATE) == before


def _outlives(cluster: Cluster, nics: Nics, pods: Pods) -> None:
    """The pod of the new version loses its VF and has it back, under the old one."""
    [nic] = [nic for nic in NICS if nic.id == _late(cluster)]
    vf = seated(nic, HOME_SLOT)
    nics.revoke(vf)
    pods.wait(LATE, "condition=netvsc.io/Accelerated=False")
    nics.give(vf)
    until(lambda: echoes(cluster, vf.vf), what="frames over its VF", seconds=30)
    pods.wait(LATE, "condition=netvsc.io/Accelerated=True")


def test_pods_of_both_versions_end_under_the_other_and_their_pairs_are_home(
    cluster: Cluster, versions: Mixture, nics: Nics, pods: Pods, story: Story
) -> None:
    """The old one's under the new agent, the new one's under the old agent."""
    assert story
    if not _late(cluster):
        versions.become(agent=NEW, operator=NEW)
        pods.start(forwarder(LATE))
    versions.become(agent=NEW, operator=OLD)
    _ends(cluster, pods, FORWARDER)
    versions.become(agent=OLD, operator=OLD)
    _ends(cluster, pods, LATE)

    until(nics.all_home, what="every pair to be home under its name", seconds=30, pause=0.1)
    until(lambda: not checkpoints(cluster), what="no container with a pair", seconds=30, pause=0.1)
    wait(lambda: not any(map(_holder, pairs(cluster).values())), "all pairs to be free in status")


def _ends(cluster: Cluster, pods: Pods, name: str) -> None:
    cluster.kubectl("delete", "pod", name, "-n", pods.namespace, "--wait", "--timeout=60s")
