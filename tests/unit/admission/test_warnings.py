"""What is admitted and should be known all the same."""

from typing import Any

import pytest

from netvsc.model.pool import Mode, Pool
from sim.cluster.reviews import ask, warnings

Object = dict[str, Any]
GOOD: Object = {
    "name": "fwd",
    "command": ["app"],
    "resources": {"limits": {"netvsc.io/pair": "1", "hugepages-2Mi": "64Mi", "memory": "64Mi"}},
    "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
}


def told(container: Object, *pools: Pool, annotations: Object | None = None, **spec: Any) -> str:
    pod = {
        "metadata": {"name": "x", "annotations": annotations or {}},
        "spec": {"containers": [container], **spec},
    }
    return "\n".join(warnings(ask(pod, *pools)))


def annotated(**given: str) -> Object:
    return {f"netvsc.io/{key.replace('_', '-')}": value for key, value in given.items()}


def test_a_pod_that_has_everything_is_told_nothing() -> None:
    assert told(GOOD) == ""


@pytest.mark.parametrize(
    ("context", "says"),
    [
        (None, "no capability NET_ADMIN"),
        ({"capabilities": {"add": ["NET_RAW"]}}, "no capability NET_ADMIN"),
        ({"capabilities": {"add": ["CAP_NET_ADMIN"]}, "runAsUser": 7}, "not run as uid 0"),
        ({"capabilities": {"add": ["NET_ADMIN"]}, "runAsNonRoot": True}, "not run as uid 0"),
    ],
)
def test_the_right_to_make_a_tap_is_missed(context: Object | None, says: str) -> None:
    assert says in told(GOOD | {"securityContext": context})


@pytest.mark.parametrize(
    "context",
    [{"privileged": True}, {"capabilities": {"add": ["ALL"]}},
     {"capabilities": {"add": ["NET_ADMIN"]}, "runAsUser": 0, "runAsNonRoot": False}],
)  # fmt: skip
def test_who_may_make_a_tap_is_left_in_peace(context: Object) -> None:
    assert told(GOOD | {"securityContext": context}, securityContext={"runAsUser": 0}) == ""


def test_af_packet_needs_net_raw_which_runtimes_give_by_default() -> None:
    chosen = annotated(fallback="af_packet")
    assert told(GOOD | {"securityContext": {}}, annotations=chosen) == ""
    dropped = GOOD | {"securityContext": {"capabilities": {"drop": ["ALL"]}}}
    assert "no capability NET_RAW" in told(dropped, annotations=chosen)


def test_hugepages_are_missed_unless_none_are_wanted() -> None:
    small = GOOD | {"resources": {"limits": {"netvsc.io/pair": "1"}}}
    assert "no hugepages-2Mi or hugepages-1Gi" in told(small)
    assert told(small | {"command": ["app", "--no-huge"]}) == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (annotated(guard="off"), "without the guard a VF's removal ends the application"),
        (annotated(guard="off", gate="immediate"), "without guard and gate"),
        (annotated(guard_port="on"), "the guard port is port 0"),
        (annotated(hotplug_poll="10"), "did you mean netvsc.io/hotplug-poll-ms?"),
        (annotated(color="red"), "annotation netvsc.io/color is not known and has no effect"),
        (annotated(mode="none", gate="started"), "netvsc.io/gate has no effect in this pod's mode"),
        (annotated(vdev_netvsc="absent"), "has net_vdev_netvsc after all"),
        (
            annotated(vdev_netvsc="absent", mode="vdev-netvsc"),
            "netvsc.io/vdev-netvsc has no effect",
        ),
        (annotated(mode="vdev-netvsc"), "DPDK's own vdev_netvsc knows no guard"),
        (annotated(mode="failsafe-exec"), "asks by /bin/sh: the image must have it"),
    ],
)
def test_a_setting_with_a_price_names_it(given: Object, says: str) -> None:
    assert says in told(GOOD, annotations=given)


def test_the_annotation_for_running_pods_is_known() -> None:
    assert told(GOOD, annotations=annotated(reannounce="1")) == ""


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ({"command": ["app", "-a", "0:0:5.0"]}, "it chooses PCI devices itself"),
        ({"command": ["app", "--vdev=net_vdev_netvsc0"]}, "asks for net_vdev_netvsc itself"),
        ({"command": ["sudo", "app", "$(NETVSC_EAL_ARGS)"]}, "sudo may close descriptors"),
        ({"command": ["python3", "x", "$(NETVSC_EAL_ARGS)"]}, "python3 may close descriptors"),
    ],
)
def test_what_a_container_runs_may_need_a_word(runs: Object, says: str) -> None:
    assert says in told(GOOD | runs)


def test_several_pairs_in_one_container_name_manas_limit() -> None:
    limits = GOOD["resources"]["limits"] | {"netvsc.io/pair": "2"}
    assert "ports of one MANA function" in told(GOOD | {"resources": {"limits": limits}})


def test_pools_that_poll_at_different_paces_share_the_quickest() -> None:
    pools = [Pool(name=n, resource=f"netvsc.io/{n}", hotplug_poll_ms=p) for n, p in
             (("pair", 100), ("b", 50))]  # fmt: skip
    limits = GOOD["resources"]["limits"] | {"netvsc.io/b": "1"}
    both = GOOD | {"resources": {"limits": limits}}
    assert "which is one for all: 50 it is" in told(both, *pools)
    assert "one for all" not in told(both, *pools, annotations=annotated(hotplug_poll_ms="70"))


def test_a_placeholder_in_mode_none_is_nobodys() -> None:
    pool = Pool(name="pair", resource="netvsc.io/pair", mode=Mode.NONE)
    left = GOOD | {"command": ["app", "$(NETVSC_EAL_ARGS)"]}
    assert "stays as it is in mode none" in told(left, pool)
    assert told(left | {"env": [{"name": "NETVSC_EAL_ARGS", "value": "-l"}]}, pool) == ""
