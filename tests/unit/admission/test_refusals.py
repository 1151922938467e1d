"""What is refused: every message says where, what and the remedy."""

from typing import Any

import pytest

from netvsc.model.pool import BUILT_IN, Mode, Pool
from netvsc_operator.admission import Result
from sim.cluster.reviews import ask, message, response

Object = dict[str, Any]
PAIR = {"resources": {"limits": {"netvsc.io/pair": "1"}}}
APP = {"name": "fwd", "command": ["app"], **PAIR}
P = "$(NETVSC_EAL_ARGS)"


def pod(*containers: Object, annotations: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "x", "annotations": annotations or {}, **spec.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"containers": [*containers], **spec}}


def refusal(made: Object, *pools: Pool) -> str:
    answered = ask(made, *pools)
    assert answered.result is Result.REFUSED
    assert response(answered)["status"]["code"] == 422
    return message(answered)


def runs(**how: object) -> Object:
    return pod({"name": "fwd", **PAIR, **how})


WRITE = f"write {P} where DPDK's own arguments belong"


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({}, "has neither command nor args"),
        ({}, "write its command (or its args, if the image's entry point is the application)"),
        (
            {"command": ["sh", "-c", "app"]},
            (f"sh is a shell, which would take EAL's arguments: {WRITE}"),
        ),
        ({"command": ["/bin/busybox"]}, "is a shell"),
        ({"command": ["/usr/bin/python3.11", "app.py"]}, "is an interpreter"),
        (
            {"command": ["tini", "--", "app"]},
            (f"tini is a wrapper, which would take EAL's arguments: {WRITE}"),
        ),
        ({"command": ["env", "app"]}, "env is a wrapper"),
        ({"command": ["numactl", "-m", "0", "app"]}, "numactl is a wrapper"),
        ({"command": ["taskset", "1", "app"]}, "taskset is a wrapper"),
        ({"command": ["stdbuf", "-o0", "app"]}, "stdbuf is a wrapper"),
        ({"command": ["/start.sh"]}, "/start.sh is a script"),
        ({"command": ["/run/netvsc/bin/fdpipe", "exec"]}, "is a wrapper"),
        (
            {"command": ["launch", "app"]},
            (
                f"launch seems to start 'app', which is not an option, rather "
                f"than to be the application: {WRITE}"
            ),
        ),
        ({"args": ["app", "-l"]}, "the image's entry point seems to start 'app'"),
        ({"command": [P]}, "stands in the program's place: write the program before it"),
        ({"command": ["app", P, P]}, "is an argument 2 times: keep one"),
        (
            {"command": ["app", "--no-pci"]},
            ("--no-pci keeps fail-safe from plugging a VF at all: remove it"),
        ),
        ({"command": ["app", "--vdev=net_failsafe_vsc00,x"]}, "have net_failsafe_vsc… already"),
        (
            {"command": ["sh", "-c", f"app {P} '--vdev=net_tap_vsc00'"]},
            (
                "net_tap_vsc… already: "
                "remove it, or serve the pod yourself with the annotation netvsc.io/mode: none"
            ),
        ),
        (
            {"command": ["app"], "env": [{"name": "NETVSC_EAL_ARGS", "value": ""}]},
            "sets the environment variable NETVSC_EAL_ARGS",
        ),
        (
            {"args": ["-l"], "env": [{"name": "LD_PRELOAD", "valueFrom": {"x": {}}}]},
            (
                "sets LD_PRELOAD from elsewhere, so the guard cannot be added to it: write its "
                "value, or say netvsc.io/guard: off"
            ),
        ),
        ({"args": ["-l"], "env": [{"name": "LD_PRELOAD", "value": 7}]}, "write a text"),
        (
            {"command": ["app"], "volumeMounts": [{"name": "x", "mountPath": "/run/netvsc/"}]},
            "mounts something at /run/netvsc/: mount it elsewhere than in /run/netvsc",
        ),
        (
            {"command": ["app"], "volumeMounts": [{"name": "x", "mountPath": "/var/run/netvsc/a"}]},
            "mounts something at /var/run/netvsc/a",
        ),
    ],
)
def test_what_a_container_runs_must_leave_a_place(how: Object, says: str) -> None:
    said = refusal(runs(**how))
    assert said.startswith("container fwd: ")
    assert says in said


@pytest.mark.parametrize(
    ("annotation", "value", "says"),
    [
        ("mode", "fast", "write one of auto, failsafe-fd, failsafe-exec, vdev-netvsc, none"),
        ("fallback", "xdp", "write one of tap, af_packet"),
        ("hotplug-poll-ms", "0", "write a whole number from 1 to 60000"),
        ("hotplug-poll-ms", "1s", "write a whole number from 1 to 60000"),
        ("hotplug-poll-ms", "٣", "write a whole number from 1 to 60000"),
        ("gate", "open", "write one of auto, started, immediate"),
        ("guard", "on", "write one of auto, off"),
        ("guard-port", "7", "write one of on, off"),
        ("allow", "all", "write one of nowhere, off"),
        ("interfaces", "{}", "is the webhook's to write, and it would write netvsc0: remove it"),
        ("interfaces", "[", "annotation netvsc.io/interfaces"),
    ],
)
def test_an_annotation_that_cannot_be_is_named(annotation: str, value: str, says: str) -> None:
    said = refusal(pod(APP, annotations={f"netvsc.io/{annotation}": value}))
    assert f"annotation netvsc.io/{annotation}" in said
    assert says in said


def test_the_launchers_mode_needs_a_command() -> None:
    made = pod(
        {"name": "fwd", "args": ["-l"], **PAIR}, annotations={"netvsc.io/mode": "failsafe-fd"}
    )
    assert refusal(made) == (
        "container fwd: has no command for the launcher to start: write its command, or say "
        "netvsc.io/mode: failsafe-exec"
    )


def test_pools_of_two_modes_in_one_container_need_a_choice() -> None:
    other = Pool(name="x", resource="netvsc.io/x", mode=Mode.VDEV_NETVSC)
    both = {"limits": {"netvsc.io/pair": "1", "netvsc.io/x": "1"}}
    made = pod(APP | {"resources": both})
    assert "has pairs of pools with the modes auto and vdev-netvsc" in refusal(
        made, BUILT_IN, other
    )
    made["metadata"]["annotations"] = {"netvsc.io/mode": "auto"}
    assert ask(made, BUILT_IN, other).result is Result.PATCHED


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"hostNetwork": True},
            (
                "hostNetwork: the pod has no network of its own that a pair could "
                "be in: remove hostNetwork, or serve the pod yourself with"
            ),
        ),
        ({"os": {"name": "windows"}}, "the pod is for Windows"),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, "the pod is for Windows"),
        ({"volumes": [{"name": "netvsc"}]}, "a volume is called netvsc already: call it otherwise"),
        (
            {"initContainers": [{"name": "netvsc-fdpipe"}]},
            ("a container is called netvsc-fdpipe already: call it otherwise"),
        ),
        ({"metadata": {"labels": {"netvsc.io/injected": "v1"}}}, "is labelled netvsc.io/injected"),
    ],
)
def test_a_pod_that_cannot_be_served_says_why(spec: Object, says: str) -> None:
    assert says in refusal(pod(APP, **spec))


def asking(limits: Object, **more: Any) -> Object:
    return pod(APP | {"resources": {"limits": limits, **more}})


def test_a_resource_that_is_no_pools_is_named_with_those_there_are() -> None:
    assert refusal(asking({"netvsc.io/nic": "1"})) == (
        "container fwd asks for netvsc.io/nic, which is not a NetvscPool's resource: there are "
        "netvsc.io/pair"
    )


@pytest.mark.parametrize("count", ["1500m", "-1", "many", True, None, "1.5"])
def test_a_count_is_a_whole_number(count: object) -> None:
    assert "write a" in refusal(asking({"netvsc.io/pair": count}))


def test_more_pairs_than_a_machine_has_are_refused() -> None:
    made = asking({"netvsc.io/pair": "4"})
    made["spec"]["containers"].append(APP | {"name": "b", "resources": {"limits": {
        "netvsc.io/pair": "4"}}})  # fmt: skip
    assert "the pod asks for 8 pairs: ask for at most 7" in refusal(made)
    assert ask(asking({"netvsc.io/pair": "7"})).result is Result.PATCHED


def test_a_request_without_a_limit_is_explained_before_the_apiserver_is_puzzled() -> None:
    made = asking({}, requests={"netvsc.io/pair": "1"})
    assert "write it under resources.limits" in refusal(made)


def test_each_container_says_its_own() -> None:
    said = refusal(pod({"name": "a", **PAIR}, {"name": "b", "command": ["sh"], **PAIR}, APP))
    first, second = said.split("; ")
    assert first.startswith("container a: ")
    assert second.startswith("container b: sh is a shell")


def test_an_injected_pod_that_was_changed_is_not_taken_for_one() -> None:
    made = pod(APP, metadata={"labels": {"netvsc.io/injected": "v1"}})
    made["metadata"]["annotations"] = {
        "netvsc.io/interfaces": '{"fwd":{"netvsc.io/pair":["netvsc0","netvsc1"]}}'
    }
    assert "does not fit the pairs that its containers ask for" in refusal(made)


def test_a_prefix_that_devargs_would_misread_is_the_pools_fault() -> None:
    pool = Pool(name="p", resource="netvsc.io/pair", interface_prefix="a,b")
    assert "let the pool's interfacePrefix have letters" in refusal(pod(APP), pool)


@pytest.mark.parametrize(
    "broken",
    [
        {"spec": []},
        {"spec": {"containers": {}}},
        {"spec": {"containers": ["x"]}},
        {"spec": {"containers": [{"resources": {}}]}},
        {"spec": {"containers": [APP | {"env": ["x"], "args": ["-l"]}]}},
        {"spec": {"containers": [APP | {"resources": {"limits": 7}}]}},
        {"metadata": {"annotations": []}, "spec": {"containers": [APP]}},
    ],
)
def test_a_pod_of_the_wrong_shape_is_refused_and_not_died_of(broken: Object) -> None:
    assert refusal(broken)


def test_an_init_container_that_the_kubelet_chooses_for_is_served_in_mode_none_alone() -> None:
    two = APP | {"resources": {"limits": {"netvsc.io/pair": "2"}}}
    first = {"name": "probe", "command": ["app"], **PAIR}
    made = pod(two, initContainers=[first])
    assert refusal(made) == (
        "init container probe: which of the later containers' pairs it will see is left to the "
        "kubelet: let it ask for as many as the first of them, or for none"
    )
    made["metadata"]["annotations"] = {"netvsc.io/mode": "none"}
    assert ask(made).result is Result.PATCHED


def test_an_init_container_that_asks_for_more_is_refused_in_every_mode() -> None:
    greedy = {"name": "probe", "resources": {"limits": {"netvsc.io/pair": "2"}}}
    made = pod(APP, initContainers=[greedy], metadata={"annotations": {"netvsc.io/mode": "none"}})
    assert "init container probe: asks for more netvsc.io/pair than" in refusal(made)
