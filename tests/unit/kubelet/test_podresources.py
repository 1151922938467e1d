"""Who holds what, read from an answer of the pod resources API."""

from __future__ import annotations

from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr
from netvsc_deviceplugin.kubelet.podresources import GONE_S, Allocation, allocations_from, settled


def container(name: str, **held: list[str]) -> pr.ContainerResources:
    devices = [
        pr.ContainerDevices(resource_name=f"{domain}.io/pair", device_ids=ids)
        for domain, ids in held.items()
    ]
    return pr.ContainerResources(name=name, devices=devices)


def pod(name: str, *containers: pr.ContainerResources) -> pr.PodResources:
    return pr.PodResources(name=name, namespace="nf", containers=containers)


def test_each_pair_has_its_holder() -> None:
    answer = pr.ListPodResourcesResponse(
        pod_resources=[
            pod("fwd-0", container("fwd", netvsc=["a", "b"])),
            pod("fwd-1", container("log"), container("fwd", netvsc=["c"])),
        ]
    )
    held = allocations_from(answer)
    assert held["b"] == Allocation(
        namespace="nf", pod="fwd-0", container="fwd", resource="netvsc.io/pair"
    )
    assert {id_: one.pod for id_, one in held.items()} == {
        "a": "fwd-0",
        "b": "fwd-0",
        "c": "fwd-1",
    }


def test_devices_of_others_are_none_of_ours() -> None:
    answer = pr.ListPodResourcesResponse(
        pod_resources=[pod("gpu", container("main", nvidia=["a"]))]
    )
    assert allocations_from(answer) == {}


def test_of_containers_that_share_a_pair_the_last_is_its_holder() -> None:
    answer = pr.ListPodResourcesResponse(
        pod_resources=[pod("p", container("setup", netvsc=["a"]), container("main", netvsc=["a"]))]
    )
    assert allocations_from(answer)["a"].container == "main"


HELD = {"a": Allocation(namespace="nf", pod="fwd-0", container="fwd", resource="netvsc.io/pair")}


def test_the_empty_answer_of_a_kubelet_that_just_restarted_says_nothing() -> None:
    held, missing = settled(HELD, {}, {}, now=100.0)
    assert (held, missing) == (HELD, {"a": 100.0})
    held, missing = settled(held, HELD, missing, now=101.0)
    assert (held, missing) == (HELD, {})


def test_a_holder_that_stays_missing_is_gone() -> None:
    held, missing = settled(HELD, {}, {"a": 100.0}, now=100.0 + GONE_S)
    assert (held, missing) == ({}, {})
