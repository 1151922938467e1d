"""The last value that is taken and the first that is not; which words around a place are EAL's."""

from __future__ import annotations

from typing import Any

import pytest

from netvsc.errors import RequestError
from netvsc.model.pool import BUILT_IN, Fallback, Mode, Pool
from netvsc_operator.admission import Result, answer, validate
from netvsc_operator.admission.annotations import settings_from
from netvsc_operator.admission.plan import LeftAlone, decide
from netvsc_operator.admission.pod.containers import ONE, quantity
from netvsc_operator.admission.pod.resources import raised
from sim.cluster.reviews import SIDECAR_IMAGE, ask, message, patched, review, warnings

Object = dict[str, Any]
PAIR = {"resources": {"limits": {"netvsc.io/pair": "1"}}}
POOLS = {BUILT_IN.resource: BUILT_IN}
P = "$(NETVSC_EAL_ARGS)"


def pod(*containers: Object, **metadata: object) -> Object:
    return {"metadata": {"name": "x", **metadata}, "spec": {"containers": [*containers]}}


def chosen_for(**runs: object) -> bool:
    """Tell whether EAL is kept off PCI by us: not where a word around the place chooses itself."""
    made = pod({"name": "fwd", **PAIR, **runs})
    (served,) = patched(made, ask(made))["spec"]["containers"]
    env = [one["value"] for one in served.get("env", ()) if one["name"] == P[2:-1]]
    return any("ffff:ff:1f.7" in word for word in (*served["args"], *served["command"], *env))


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("60000", 60000), ("00060000", 60000)])
def test_a_poll_interval_is_taken(text: str, number: int) -> None:
    assert settings_from({"netvsc.io/hotplug-poll-ms": text}).poll_ms == number


@pytest.mark.parametrize("text", ["0", "60001", "000060000", "-1", "1.0", "\u0661", ""])
def test_or_refused(text: str) -> None:
    with pytest.raises(RequestError, match="a whole number from 1 to 60000"):
        settings_from({"netvsc.io/hotplug-poll-ms": text})


@pytest.mark.parametrize(
    ("args", "ours"),
    [
        (["-a", "1:00.0", P], False),
        ([P, "-b", "1:00.0"], False),
        (["-l", "0", P], True),
        ([P, "--", "-a", "x"], True),
        (["app", "-a", "x", "--", P], True),
        (["-a", "x", ";", P], True),
    ],
)
def test_words_as_far_as_the_next_command_or_end_of_options_are_eals(
    args: list[str], ours: bool
) -> None:
    assert chosen_for(args=args, command=[]) is ours
    assert chosen_for(args=args, command=["app"]) is ours


def test_the_first_word_after_the_program_is_too_and_so_is_that_of_a_text() -> None:
    assert not chosen_for(command=["app", "-a", "1:00.0", P], args=[])
    assert not chosen_for(command=["wrap", f"-a 1:00.0 {P}"], args=[])
    assert not chosen_for(command=["sh", "-c", f"app {P} -a 1:00.0"], args=[])
    assert chosen_for(command=["sh", "-c", f"app {P} -l 0; other -a x"], args=[])


def test_an_entry_point_that_seems_to_start_another_program_is_called_so() -> None:
    said = message(ask(pod({"name": "fwd", "args": ["app"], **PAIR})))
    assert "the image's entry point seems to start 'app'" in said
    said = message(ask(pod({"name": "fwd", "command": ["run"], "args": ["app"], **PAIR})))
    assert "run seems to start 'app'" in said


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.VDEV_NETVSC])
def test_an_interface_that_devargs_cannot_name_is_refused(mode: Mode) -> None:
    """With a sidecar, whose arguments name it too, and without one."""
    strange = Pool(name="pair", resource="netvsc.io/pair", interface_prefix="a,b", mode=mode)
    answered = ask(pod({"name": "fwd", "command": ["app"], **PAIR}), strange)
    assert "cannot stand in DPDK's devargs" in message(answered)


def test_more_pairs_than_a_machine_has_are_refused_before_they_are_counted_out() -> None:
    many = {"name": "fwd", "command": ["app"], "resources": {"limits": {"netvsc.io/pair": 10**9}}}
    made = pod({"name": "other"})
    made["spec"]["initContainers"] = [many]
    assert "ask for at most 7" in message(ask(made))


@pytest.mark.parametrize(
    ("runs", "guard", "served"),
    [
        ({"command": ["app"]}, "auto", True),  # the launcher preloads it
        ({"args": ["-l", "0"]}, "auto", False),
        ({"args": ["-l", "0"]}, "off", True),
    ],
)
def test_a_preload_from_elsewhere_is_in_the_way_of_the_guard_without_a_launcher(
    runs: Object, guard: str, served: bool
) -> None:
    source = {"configMapKeyRef": {"name": "x", "key": "preload"}}
    env = [{"name": "LD_PRELOAD", "valueFrom": source}]
    made = pod({"name": "fwd", "env": env, **runs, **PAIR}, annotations={"netvsc.io/guard": guard})
    assert (ask(made).result is Result.PATCHED) is served


def test_a_pod_that_is_left_alone_is_so_for_a_reason() -> None:
    plain = decide(pod({"name": "fwd"}), pools=POOLS)
    assert plain == LeftAlone(reason="no container asks for a pair")
    made = pod({"name": "fwd", "command": ["app"], **PAIR})
    again = decide(patched(made, ask(made)), pools=POOLS)
    assert again == LeftAlone(reason="it was injected before")
    by_hand = pod({"name": "fwd", **PAIR}, annotations={"netvsc.io/mode": "none"})
    by_hand["spec"]["hostNetwork"] = True
    found = decide(by_hand, pools=POOLS)
    assert isinstance(found, LeftAlone)
    assert "host's network" in found.reason


def test_two_containers_of_one_name_are_refused() -> None:
    one = {"name": "fwd", "command": ["app"], **PAIR}
    assert "two containers are called fwd" in message(ask(pod(one, one)))


def test_a_fallback_has_no_effect_where_another_container_alone_has_a_fail_safe_port() -> None:
    driver = Pool(name="driver", resource="netvsc.io/driver", mode=Mode.VDEV_NETVSC)
    other = {"name": "other", "command": ["app"],
             "resources": {"limits": {"netvsc.io/driver": "1"}}}  # fmt: skip
    made = pod(
        {"name": "fwd", "command": ["app"], **PAIR},
        other,
        annotations={"netvsc.io/fallback": str(Fallback.AF_PACKET)},
    )
    told = [text for text in warnings(ask(made, BUILT_IN, driver)) if "has no effect" in text]
    assert len(told) == 1
    assert "has no effect in mode vdev-netvsc" in told[0]


@pytest.mark.parametrize("wrong", [{"apiVersion": "admission.k8s.io/v1beta1"}, {"kind": "Review"}])
def test_a_review_of_another_version_or_kind_is_not_served(wrong: Object) -> None:
    answered = answer(review(pod()) | wrong, pools=POOLS, sidecar_image=SIDECAR_IMAGE)
    assert answered.result is Result.MALFORMED
    assert "is not served" in str(answered.review)


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"netvsc.io/injected": "v1"}},
        {"annotations": {"netvsc.io/interfaces": "{}"}},
    ],
)
def test_a_pod_is_known_as_ours_by_its_label_and_by_its_annotation(metadata: Object) -> None:
    before = {"metadata": metadata}
    notes = metadata.get("annotations", {}) | {"netvsc.io/mode": "none"}
    after = {"metadata": metadata | {"annotations": notes}}
    answered = validate(
        review(after, operation="UPDATE", kind="Pod", oldObject=before), pools=POOLS
    )
    assert [text.partition(" ")[0] for text in warnings(answered)] == ["netvsc.io/mode"]


@pytest.mark.parametrize(
    ("have", "limit", "wanted"),
    [
        ("20m", "1", []),  # just enough
        ("19999999n", "1", [("requests", "20m")]),
        ("10m", "20m", [("requests", "20m")]),  # a limit that is enough and no request
        ("10m", "10m", [("requests", "20m"), ("limits", "20m")]),
        ("10m", "15m", [("requests", "20m"), ("limits", "20m")]),
    ],
)
def test_a_pods_own_amounts_are_raised_where_they_are_too_small(
    have: str, limit: str, wanted: list[tuple[str, str]]
) -> None:
    spec = {
        "containers": [{"name": "c"}],
        "resources": {"requests": {"cpu": have}, "limits": {"cpu": limit}},
    }
    found = list(raised(spec, {"requests": {"cpu": "20m"}}))
    assert found == [(kind, "cpu", amount) for kind, amount in wanted]


def test_a_quantity_has_128_characters_at_most() -> None:
    assert quantity("0" * 127 + "1") == ONE
    with pytest.raises(RequestError, match="'00000000000000000000'… is too long"):
        quantity("0" * 128 + "1")
    for strange in (None, True, []):
        with pytest.raises(RequestError) as refused:
            quantity(strange)
        assert str(refused.value).startswith(f"{strange!r} is not a quantity")
