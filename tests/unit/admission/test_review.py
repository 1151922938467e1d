"""AdmissionReviews: what is answered, what is let pass, what is no review at all."""

from typing import Any

import pytest

from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission import Result, answer
from sim.cluster.reviews import SIDECAR_IMAGE, UID, ask, response, review

POOLS = {BUILT_IN.resource: BUILT_IN}
POD: dict[str, Any] = {
    "metadata": {"name": "x"},
    "spec": {
        "containers": [
            {"name": "a", "command": ["app"], "resources": {"limits": {"netvsc.io/pair": "1"}}}
        ]
    },
}


def test_an_answer_carries_what_the_apiserver_asks_for() -> None:
    answered = ask(POD)
    assert answered.review["apiVersion"] == "admission.k8s.io/v1"
    assert answered.review["kind"] == "AdmissionReview"
    found = response(answered)
    assert (found["uid"], found["allowed"], found["patchType"]) == (UID, True, "JSONPatch")


def test_a_refusal_is_a_status_that_kubectl_can_show() -> None:
    found = response(ask(POD | {"spec": POD["spec"] | {"hostNetwork": True}}))
    assert not found["allowed"]
    assert (found["status"]["code"], found["status"]["reason"]) == (422, "Invalid")
    assert "patch" not in found


@pytest.mark.parametrize(
    "more",
    [
        {"operation": "UPDATE"},
        {"operation": "DELETE"},
        {"operation": "CONNECT"},
        {"kind": "Deployment"},
        {"subResource": "ephemeralcontainers", "operation": "UPDATE"},
        {"subResource": "binding"},
    ],
)
def test_what_is_no_creation_of_a_pod_passes_untouched(more: dict[str, Any]) -> None:
    answered = answer(review(POD, **more), pools=POOLS, sidecar_image=SIDECAR_IMAGE)
    assert answered.result is Result.UNCHANGED
    assert response(answered) == {"uid": UID, "allowed": True}


@pytest.mark.parametrize(
    "limits", [{}, {"cpu": "1"}, {"netvsc.io/pair": "0"}, {"example.com/nic": "1"}]
)
def test_a_pod_without_a_pair_passes_untouched(limits: dict[str, str]) -> None:
    pod = {"spec": {"containers": [{"name": "a", "resources": {"limits": limits}}]}}
    assert ask(pod).result is Result.UNCHANGED


def test_ephemeral_containers_of_an_injected_pod_are_nobodys_business() -> None:
    pod = POD | {"spec": POD["spec"] | {"ephemeralContainers": [{"name": "debug", "image": "x"}]}}
    assert ask(pod).result is Result.PATCHED


def test_a_pod_on_the_hosts_network_in_mode_none_keeps_its_pairs_there() -> None:
    pod = {
        "metadata": {"annotations": {"netvsc.io/mode": "none"}},
        "spec": POD["spec"] | {"hostNetwork": True},
    }
    assert ask(pod).result is Result.UNCHANGED


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "review",
        {},
        {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"},
        {"apiVersion": "admission.k8s.io/v1", "kind": "Review"},
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"},
        review(POD) | {"request": []},
        review(POD) | {"request": {"uid": 7}},
        review(POD) | {"request": {"uid": UID, "operation": "CREATE"}},
        review("a text"),
        review([POD]),
    ],
)
def test_what_is_no_review_is_told_so(broken: object) -> None:
    answered = answer(broken, pools=POOLS, sidecar_image=SIDECAR_IMAGE)
    assert answered.result is Result.MALFORMED
    found = response(answered)
    assert found["status"]["code"] == 400
    assert found["status"]["message"].startswith("malformed AdmissionReview: ")
