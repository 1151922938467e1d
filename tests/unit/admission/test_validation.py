"""The ValidatingAdmissionWebhook: annotations of running pods, and pools."""

from typing import Any

import pytest

from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission import AdmissionResponse, Result, validate
from sim.cluster.reviews import message, review, warnings

Object = dict[str, Any]
POOLS = {BUILT_IN.resource: BUILT_IN}


def pool(name: str = "lab", **spec: object) -> Object:
    return {"apiVersion": "netvsc.io/v1alpha1", "metadata": {"name": name}, "spec": spec}


def judged(
    thing: object, operation: str = "CREATE", kind: str = "NetvscPool", **more: Any
) -> AdmissionResponse:
    return validate(review(thing, operation=operation, kind=kind, **more), pools=POOLS)


def test_a_good_pool_passes() -> None:
    good = pool(selector={"macs": ["00:0d:3a:c0:00:11"]}, devargsTemplate="{pci}", mode="none")
    assert judged(good).result is Result.UNCHANGED
    assert judged(pool(devargsTemplate="x" * 191)).result is Result.UNCHANGED
    assert judged(pool("pair")).result is Result.UNCHANGED
    assert judged(pool("pair"), "UPDATE", oldObject=pool("pair")).result is Result.UNCHANGED


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        (pool(selektor={}), "spec.selektor: unknown key; did you mean 'selector'?"),
        (pool(selector={"macs": ["x"]}), "spec.selector.macs[0]: "),
        (pool(selector={"subnets": ["10.0.0.1/24"]}), "spec.selector.subnets[0]: is not a subnet"),
        (pool(devargsTemplate="{pcie}"), "no {pcie}; known are {pci}"),
        (pool(devargsTemplate="x" * 192), "spec.devargsTemplate: is longer than 191 bytes"),
        (pool(force=True), "spec.force: forces every netdev of the node"),
        (pool(resource="netvsc.io/pair"), ("spec.resource: 'netvsc.io/pair' is NetvscPool pair's "
                                          "already: give each pool its own")),
        (pool(resource="intel.com/nic"), "spec.resource: resource 'intel.com/nic'"),
        (pool("a.b"), "metadata.name: pool name 'a.b'"),
        (pool(interfacePrefix="a,b"), "it goes into DPDK's devargs"),
        (pool(interfacePrefix="eth"), "is 'eth', and eth0 is taken in pods: choose another"),
        (pool(interfacePrefix="fsvsc0"), "is 'fsvsc0', and fsvsc00 is taken in pods"),
        ({"metadata": {"name": "x"}, "spec": []}, "spec: is []: write keys and values"),
    ],
)  # fmt: skip
def test_a_bad_pool_is_refused_with_key_value_and_remedy(thing: Object, says: str) -> None:
    for operation in ("CREATE", "UPDATE"):
        answered = judged(thing, operation)
        assert answered.result is Result.REFUSED
        assert says in message(answered)


def running(**annotations: str) -> Object:
    given = {f"netvsc.io/{key}": value for key, value in annotations.items()}
    labels = {"netvsc.io/injected": "v1"}
    return {"metadata": {"name": "x", "annotations": given, "labels": labels}, "spec": {}}


def test_changing_our_annotations_on_a_pod_that_runs_is_told_to_have_no_effect() -> None:
    before, after = running(interfaces="{}", mode="auto"), running(interfaces="[]", gate="started")
    del after["metadata"]["labels"]
    answered = judged(after, "UPDATE", "Pod", oldObject=before)
    assert answered.result is Result.UNCHANGED
    keys = [warning.split(" ")[0] for warning in warnings(answered)]
    assert keys == ["netvsc.io/mode", "netvsc.io/gate", "netvsc.io/interfaces",
                    "netvsc.io/injected"]  # fmt: skip
    assert "has no effect: it was read when the pod was created" in warnings(answered)[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (running(interfaces="{}"), running(interfaces="{}")),
        (running(interfaces="{}"), running(interfaces="{}", reannounce="1")),
        ({"metadata": {}}, {"metadata": {"annotations": {"netvsc.io/mode": "none"}}}),
    ],
)
def test_other_changes_of_pods_are_nobodys_business(before: Object, after: Object) -> None:
    assert warnings(judged(after, "UPDATE", "Pod", oldObject=before)) == []


def test_other_reviews_pass_and_what_is_none_is_malformed() -> None:
    assert judged(running(), "CREATE", "Pod").result is Result.UNCHANGED
    assert judged(pool(force=True), "DELETE").result is Result.UNCHANGED
    assert judged(pool(force=True), subResource="status").result is Result.UNCHANGED
    assert validate({}, pools=POOLS).result is Result.MALFORMED
