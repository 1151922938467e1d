"""Whose pairs, and what the kubelet's answer says."""

import pytest

from netvsc.errors import RetryError
from netvsc_deviceplugin.cni.attach.records import Want
from netvsc_deviceplugin.cni.pod_pairs import wants
from netvsc_deviceplugin.cni.protocol.request import CallError, Code, parse_call
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr
from netvsc_deviceplugin.kubelet.podresources import PodDevices, pods_of

PAIR = "netvsc.io/pair"
ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c",
    "CNI_IFNAME": "eth0",
    "CNI_NETNS": "/run/netns/x",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=nf;K8S_POD_NAME=fwd-0;nonsense",
}


def devices(resource: str, *ids: str) -> pr.ContainerDevices:
    return pr.ContainerDevices(resource_name=resource, device_ids=ids)


def pod(name: str, **containers: list[pr.ContainerDevices]) -> pr.PodResources:
    listed = [pr.ContainerResources(name=n, devices=d) for n, d in containers.items()]
    return pr.PodResources(name=name, namespace="nf", containers=listed)


def test_one_pods_pairs_come_in_the_order_of_its_containers_and_of_their_ids() -> None:
    answer = pr.ListPodResourcesResponse(
        pod_resources=[
            pod("other", a=[devices(PAIR, "x")]),
            pod(
                "fwd-0",
                b=[devices(PAIR, "2"), devices("cpu", "0"), devices(PAIR, "1")],
                a=[devices(PAIR, "3")],
            ),
        ]
    )
    assert pods_of(answer)["nf", "fwd-0"] == (
        PodDevices(container="b", resource=PAIR, ids=("1", "2")),
        PodDevices(container="a", resource=PAIR, ids=("3",)),
    )
    assert ("elsewhere", "fwd-0") not in pods_of(answer)


def test_a_pod_without_pairs_is_listed_and_has_none() -> None:
    """That is more than not being listed: the kubelet has admitted it, and it is not ours."""
    answer = pr.ListPodResourcesResponse(pod_resources=[pod("plain", a=[devices("cpu", "0")])])
    assert pods_of(answer) == {("nf", "plain"): ()}


def test_a_call_knows_its_pod() -> None:
    call = parse_call(ENVIRONMENT, b'{"cniVersion":"1.0.0"}')
    assert (call.namespace, call.pod, call.interface) == ("nf", "fwd-0", "eth0")


def test_multus_asks_for_one_pair_and_nobody_else_has_a_say() -> None:
    for where in (b'"deviceID":"7"', b'"runtimeConfig":{"deviceID":"7"}'):
        call = parse_call(ENVIRONMENT, b'{"cniVersion":"1.0.0",' + where + b"}")
        given = PodDevices(container="a", resource=PAIR, ids=("1", "7"))
        assert wants(call, [given], prefixes={}) == (Want(id="7", interface="eth0"),)


def test_a_pair_that_the_kubelet_gave_to_somebody_else_is_refused_whoever_names_it() -> None:
    call = parse_call(ENVIRONMENT, b'{"cniVersion":"1.0.0","deviceID":"7"}')
    given = PodDevices(container="a", resource=PAIR, ids=("1",))
    with pytest.raises(RetryError, match=r"deviceID 7: the kubelet gave nf/fwd-0 no such pair"):
        wants(call, [given], prefixes={})


@pytest.mark.parametrize(
    ("verb", "text", "code"),
    [
        ("ADD", b'{"cniVersion":3}', Code.VERSION),
        ("ADD", b"\xff", Code.DECODE),
        ("CHECK", b'{"cniVersion":"0.3.1"}', Code.VERSION),
        ("GC", b'{"cniVersion":"1.0.0"}', Code.VERSION),
        ("add", b'{"cniVersion":"1.0.0"}', Code.ENVIRONMENT),
    ],
)
def test_a_call_that_is_wrong_is_refused_by_the_specifications_code(
    verb: str, text: bytes, code: Code
) -> None:
    with pytest.raises(CallError) as refused:
        parse_call(ENVIRONMENT | {"CNI_COMMAND": verb}, text)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "listed", ["null", "[1]", '[{"containerID":"c"}]', '[{"containerID":1,"ifname":"e"}]']
)
def test_a_garbled_gc_does_nothing_at_all(listed: str) -> None:
    text = f'{{"cniVersion":"1.1.0","cni.dev/valid-attachments":{listed}}}'
    call = parse_call({"CNI_COMMAND": "GC"}, text.encode())
    with pytest.raises(CallError, match="nothing is done"):
        call.valid_attachments()
