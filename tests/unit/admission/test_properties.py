"""What holds for the patch of every pod."""

import copy
import json
from typing import Any

from hypothesis import given, settings

from netvsc_operator.admission import Result
from netvsc_operator.admission.pod.resources import qos_of
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.explain.apply_patch import apply
from sim.cluster.pods import POOLS, pods
from sim.cluster.reviews import IMAGE, ask, operations, patched, response, warnings

OURS = {"name": "netvsc", "mountPath": "/run/netvsc", "readOnly": True}
SECRETS = SidecarImage(image=IMAGE, pull_secrets=("netvsc",))
Object = dict[str, Any]


def without_ours(pod: Object) -> Object:
    """Take out what was injected, but for the arguments and the environment."""
    pod = copy.deepcopy(pod)
    spec, metadata = pod["spec"], pod["metadata"]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        for key, ours in (("volumeMounts", [OURS]), ("env", None)):
            left = [one for one in container.get(key, ()) if ours and one not in ours]
            container.pop(key, None)
            if left:
                container[key] = left
        container.pop("command", None)
        container.pop("args", None)
    for thing, key, mine in (
        (spec, "initContainers", lambda one: one["name"] == "netvsc-fdpipe"),
        (spec, "volumes", lambda one: one["name"] == "netvsc"),
        (spec, "imagePullSecrets", lambda one: one["name"] == "netvsc"),
        (metadata, "labels", lambda key: key == "netvsc.io/injected"),
        (metadata, "annotations", lambda key: key == "netvsc.io/interfaces"),
    ):
        left: Any = thing.pop(key, [])
        kind = type(left)
        items = left.items() if kind is dict else [(one, None) for one in left]
        kept = [(k, v) for k, v in items if not mine(k)]
        if kept:
            thing[key] = dict(kept) if kind is dict else [k for k, _ in kept]
    return pod


@given(pods())
def test_a_second_look_changes_nothing(pod: Object) -> None:
    answered = ask(pod, *POOLS.values())
    assert answered.result is Result.PATCHED
    assert ask(patched(pod, answered), *POOLS.values()).result is Result.UNCHANGED


@given(pods())
def test_the_qos_class_stays(pod: Object) -> None:
    once = patched(pod, ask(pod, *POOLS.values()))
    assert qos_of(once["spec"]) == qos_of(pod["spec"])


@given(pods())
@settings(max_examples=200)
def test_nothing_else_is_touched(pod: Object) -> None:
    once = patched(pod, ask(pod, *POOLS.values(), sidecar_image=SECRETS))
    assert without_ours(once) == without_ours(pod)


@given(pods())
def test_containers_without_a_pair_are_left_as_they_are(pod: Object) -> None:
    once = patched(pod, ask(pod, *POOLS.values()))
    for key in ("initContainers", "containers"):
        for container in pod["spec"].get(key, ()):
            if not any(r.startswith("netvsc.io/") for r in container["resources"]["limits"]):
                assert container in once["spec"][key]


@given(pods())
def test_our_own_way_to_carry_a_patch_out_is_the_standards(pod: Object) -> None:
    answered = ask(pod, *POOLS.values())
    mine = json.loads(json.dumps(pod))
    apply(copy.deepcopy(operations(answered)), mine)
    assert mine == patched(pod, answered)


@given(pods())
def test_a_review_is_answered_without_changing_it(pod: Object) -> None:
    before = copy.deepcopy(pod)
    assert ask(pod, *POOLS.values()).review == ask(pod, *POOLS.values(), dryRun=True).review
    assert pod == before


@given(pods())
def test_warnings_fit_into_the_apiservers_answer(pod: Object) -> None:
    answered = ask(pod, *POOLS.values())
    assert all(len(warning) <= 256 for warning in warnings(answered))
    assert response(answered)["uid"]
