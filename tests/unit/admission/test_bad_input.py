"""Reviews that are wrong somewhere: each is answered, none is died of."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netvsc_operator.admission import Result, answer, validate
from sim.cluster.pods import POOLS, pods
from sim.cluster.reviews import SIDECAR_IMAGE, message, response, review

Object = dict[str, Any]
JUNK = [None, True, 7, -0.5, "", "x", "$(NETVSC_EAL_ARGS)", [], ["x"], [None], {}, {"name": 7}]


def places(data: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every part of plain data."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(data, dict):
        inner = list(data.items())
    elif isinstance(data, list):
        inner = list(enumerate(data))
    return [path, *(way for key, value in inner for way in places(value, (*path, key)))]


@st.composite
def broken(draw: st.DrawFn, whole: Any) -> Any:
    """Plain data with one part of it replaced by something else."""
    data = json.loads(json.dumps(draw(whole)))
    path = draw(st.sampled_from(places(data)))
    junk = draw(st.sampled_from(JUNK))
    if not path:
        return junk
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = junk
    return data


def _holds(answered: Any) -> None:
    """What the apiserver gets can be sent, and says why if it says no."""
    json.dumps(answered.review)
    if not response(answered)["allowed"]:
        assert answered.result in {Result.REFUSED, Result.MALFORMED}
        assert message(answered)


@given(broken(pods().map(review)))
@settings(max_examples=200)
def test_whatever_is_wrong_in_a_review_it_is_answered(asked: object) -> None:
    _holds(answer(asked, pools=POOLS, sidecar_image=SIDECAR_IMAGE))


SPEC = {
    "resource": "netvsc.io/lab",
    "selector": {"macs": ["00:0d:3a:c0:00:11"], "numaNodes": [0], "subnets": ["10.0.0.0/24"]},
    "nodeSelector": {"a": "b"},
    "force": True,
    "interfacePrefix": "nic",
    "devargsTemplate": "{pci}",
    "unhealthyAfter": "5m",
}
pool_reviews = st.sampled_from(["CREATE", "UPDATE"]).map(
    lambda operation: review(
        {"metadata": {"name": "lab"}, "spec": SPEC},
        operation=operation,
        kind="NetvscPool",
        oldObject={"metadata": {"name": "lab"}, "spec": SPEC},
    )
)
pod_updates = st.builds(
    lambda old, new: review(new, operation="UPDATE", oldObject=old), pods(), pods()
)


@given(broken(pool_reviews | pod_updates))
@settings(max_examples=200)
def test_the_validating_webhook_answers_whatever_it_is_asked(asked: object) -> None:
    _holds(validate(asked, pools=POOLS))
