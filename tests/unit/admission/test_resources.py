"""QoS classes and quantities, as Kubernetes counts them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc_operator.admission.pod.containers import ONE, quantity
from netvsc_operator.admission.pod.resources import Qos, qos_of, raised, sidecar_resources

Object = dict[str, Any]
SMALL = {"cpu": "20m", "memory": "16Mi"}


def spec(*resources: Object, init: tuple[Object, ...] = (), **more: Any) -> Object:
    return {
        "containers": [{"name": "c", "resources": one} for one in resources],
        "initContainers": [{"name": "i", "resources": one} for one in init],
        **more,
    }


def limits(**amounts: object) -> Object:
    return {"limits": amounts}


WHOLE = limits(cpu="2", memory="1Gi")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1), ("1000m", 1), ("1e0", 1), ("1E0", 1), ("1k", 1000), ("1Ki", 1024), (2, 2),
        ("1e3", 1000), ("0.5", 0.5), (".5", 0.5), ("500m", 0.5), ("1E", 10**18), ("1Ei", 2**60),
        ("100n", 1e-7), (0.5, 0.5), ("-1", -1), ("+1", 1), ("1.", 1),
    ],
)  # fmt: skip
def test_a_quantity_is_an_amount(text: object, amount: float) -> None:
    assert quantity(text) == amount * ONE


@pytest.mark.parametrize("text", ["", "1 ", "x", "1kk", "1KI", "--1", None, True, [], "1e", "Ki"])
def test_what_is_no_quantity_is_told(text: object) -> None:
    with pytest.raises(RequestError, match="is not a quantity: write a number"):
        quantity(text)


@pytest.mark.parametrize(
    ("made", "qos"),
    [
        (spec({}), Qos.BEST_EFFORT),
        (spec({"limits": {"netvsc.io/pair": "1"}}), Qos.BEST_EFFORT),
        (spec(limits(cpu="0")), Qos.BEST_EFFORT),
        (spec(WHOLE), Qos.GUARANTEED),
        (spec(WHOLE | {"requests": {"cpu": "2000m", "memory": "1024Mi"}}), Qos.GUARANTEED),
        (spec(WHOLE | {"requests": {"cpu": "1"}}), Qos.BURSTABLE),
        (spec(WHOLE | {"requests": {"cpu": "0"}}), Qos.BURSTABLE),
        (spec(limits(cpu="2")), Qos.BURSTABLE),
        (spec(WHOLE, {}), Qos.BURSTABLE),
        (spec(WHOLE, init=({},)), Qos.BURSTABLE),
        (spec(WHOLE, init=(WHOLE,)), Qos.GUARANTEED),
        (spec({"requests": {"memory": "1"}}), Qos.BURSTABLE),
        (spec({}, resources=WHOLE), Qos.GUARANTEED),
        (spec(WHOLE, resources=limits(cpu="4")), Qos.BURSTABLE),
        (spec(WHOLE, resources={}), Qos.BEST_EFFORT),
        (spec(WHOLE, resources={"limits": {"hugepages-2Mi": "2Mi"}}), Qos.BEST_EFFORT),
        (spec(WHOLE, resources=WHOLE | {"requests": {"cpu": "1"}}), Qos.BURSTABLE),
    ],
)
def test_a_pods_class_is_the_kubelets(made: Object, qos: Qos) -> None:
    assert qos_of(made) is qos


@pytest.mark.parametrize(
    ("made", "resources"),
    [
        (spec({}), None),
        (spec(WHOLE), {"requests": SMALL, "limits": SMALL}),
        (spec({"requests": {"cpu": "1"}}), {"requests": SMALL}),
        (spec(limits(memory="1Gi")), {"requests": SMALL, "limits": {"memory": "16Mi"}}),
        (spec(WHOLE | {"requests": {"cpu": "1"}}), {"requests": SMALL, "limits": SMALL}),
        (spec(WHOLE, {}), {"requests": SMALL}),
        (spec({}, resources=WHOLE), None),
        (spec(WHOLE, {}, resources=WHOLE), {"requests": SMALL}),
    ],
)
def test_the_sidecar_has_limits_only_where_everybody_has(made: Object, resources: object) -> None:
    assert sidecar_resources(made) == resources


def raises(made: Object) -> list[tuple[str, str, str]]:
    return list(raised(made, sidecar_resources(made)))


TIGHT = {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "4", "memory": "1Gi"}}


def test_a_pods_own_resources_are_raised_where_they_would_not_hold_the_sidecar() -> None:
    assert raises(spec(WHOLE, resources=TIGHT)) == [
        ("requests", "cpu", "2020m"),
        ("requests", "memory", str(2**30 + 2**24)),
        ("limits", "memory", str(2**30 + 2**24)),
    ]
    assert raises(spec(WHOLE, resources={"limits": TIGHT["limits"]})) == []


@pytest.mark.parametrize(
    "made",
    [
        spec(WHOLE),
        spec({}, resources=TIGHT),
        spec({"requests": {"cpu": "1"}}, resources=TIGHT),
        spec(WHOLE, resources={"requests": {"cpu": "3", "memory": "2Gi"}}),
    ],
)
def test_where_there_is_room_nothing_is_raised(made: Object) -> None:
    assert raises(made) == []


def test_init_containers_need_room_while_they_run_and_sidecars_always() -> None:
    half: Object = {"requests": {"cpu": "1"}}
    room = {"requests": {"cpu": "2"}}
    made = spec(half, init=({"requests": {"cpu": "2"}},), resources=room)
    assert raises(made) == [("requests", "cpu", "2020m")]
    made = spec(half, init=(half,), resources=room)
    assert raises(made) == []
    made["initContainers"][0]["restartPolicy"] = "Always"
    assert raises(made) == [("requests", "cpu", "2020m")]


amounts = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(["0", "1", "1000m", "250m", "2"]),
        "memory": st.sampled_from(["0", "1Gi", "1024Mi", "64Mi"]),
    },
)
resources = st.fixed_dictionaries({}, optional={"limits": amounts, "requests": amounts})


@given(st.lists(resources, min_size=1, max_size=3), st.lists(resources, max_size=2))
def test_with_the_sidecar_the_class_is_what_it_was(every: list[Object], init: list[Object]) -> None:
    before = spec(*every, init=tuple(init))
    sidecar = {"name": "netvsc-fdpipe", "resources": sidecar_resources(before) or {}}
    after = before | {"initContainers": [sidecar, *before["initContainers"]]}
    assert qos_of(after) is qos_of(before)
